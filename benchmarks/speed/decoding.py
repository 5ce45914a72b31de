"""Decoding: milliseconds a step, of a batch of prior samples, under top-p, and of one text."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.speed import baseline
from benchmarks.speed.evaluation import build_codec
from benchmarks.speed.exported import int8_missing, int8_model
from benchmarks.speed.record import Row, measured
from benchmarks.speed.scope import CELLS, Scope
from benchmarks.speed.timing import Work, rates
from benchmarks.speed.trained import trained_codec, trained_folder
from textvae.codec import Codec
from textvae.config import DecodingConfig

BATCH_SIZE, STEPS = 64, 30
UNENDING: dict[str, Any] = {"min_length": STEPS, "max_length": STEPS, "known_words": False}
"""No row leaves the batch before the last step: otherwise a step's cost would depend on the weights."""


def rows(scope: Scope) -> Iterator[Row]:
    """Give the rows of sampling and greedy decoding."""
    for size in scope.sizes:
        codecs = {cell: build_codec(scope, size, cell) for cell in CELLS}
        yield from _compared(scope, size, codecs, "sampling", BATCH_SIZE, temperature=1)
        yield from _compared(scope, size, codecs, "greedy, one text", 1, temperature=0)
    if "S" in scope.sizes:
        yield from _top_p(scope)
        yield _int8(scope)


def ours(codec: Codec, batch_size: int, **how: Any) -> Work:
    """Return the decoding of prior samples by the codec, down to texts; its unit is a step."""
    config = DecodingConfig(**UNENDING | how)
    z = codec.prior_sample(batch_size)

    def run() -> int:
        texts = codec.decode(z, config)
        assert all(len(text.split()) == STEPS for text in texts)
        return STEPS + 1  # the last step asks whether the text ends

    return Work(run)


def theirs(scope: Scope, size: str, batch_size: int, **how: float) -> Work:
    """Return the decoding of as many rows by the baseline."""
    model = baseline.of_size(size, scope.corpus.tokenizer.vocab_size)
    return Work(partial(baseline.sample, model, batch_size, STEPS, **how))


def milliseconds(works: dict[str, Work], rounds: int) -> dict[str, list[float]]:
    """Return milliseconds a step."""
    return {name: [1000 / rate for rate in found] for name, found in rates(works, rounds).items()}


def _compared(
    scope: Scope, size: str, codecs: dict[str, Codec], work: str, batch_size: int, *, temperature: float
) -> Iterator[Row]:
    works = {"baseline": theirs(scope, size, batch_size, temperature=temperature)}
    works |= {cell: ours(codec, batch_size, temperature=temperature) for cell, codec in codecs.items()}
    samples = milliseconds(works, scope.rounds)
    for cell in codecs:
        yield measured(work, size, cell, "ms/step", samples, ours=cell)


def _top_p(scope: Scope) -> Iterator[Row]:
    """On a trained model: against the baseline's full sort, whose cost no weights change, and our plain sampling."""
    codec = trained_codec(scope.corpus)
    works = {
        "baseline": theirs(scope, "S", BATCH_SIZE, top_p=0.9),
        "plain": ours(codec, BATCH_SIZE, temperature=1),
        "top-p": ours(codec, BATCH_SIZE, temperature=1, top_p=0.9),
    }
    samples = milliseconds(works, scope.rounds)
    yield measured("top-p .9, trained", "S", "lstm", "ms/step", samples, ours="top-p")
    yield measured(
        "top-p / plain", "S", "lstm", "ms/step", samples, ours="top-p", baseline="plain",
        note="the baseline column holds our own plain sampling of the same model",
    )  # fmt: skip


def _int8(scope: Scope) -> Row:
    missing = int8_missing()
    if missing is not None:
        return Row(
            work="greedy int8", size="S", model="lstm", unit="ms/step", note=f"not available: {missing}"
        )
    codec = int8_model(trained_folder(scope.corpus))
    works = {"baseline": theirs(scope, "S", 1, temperature=0), "int8": ours(codec, 1, temperature=0)}
    samples = milliseconds(works, scope.rounds)
    return measured("greedy int8", "S", "lstm", "ms/step", samples, ours="int8")
