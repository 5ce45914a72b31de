"""Evaluation: target tokens of the ELBO a second, encoded sentences a second, and what K = 500 would take."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from statistics import median

import numpy as np

from benchmarks.speed import baseline
from benchmarks.speed.ours import CPU, settings
from benchmarks.speed.record import Row, measured
from benchmarks.speed.scope import CELLS, Scope
from benchmarks.speed.timing import Work, rates
from textvae.codec import Codec
from textvae.data.store import TokenStore
from textvae.evaluation.likelihood import likelihoods
from textvae.models import VAEModel
from textvae.training.heldout import held_out
from textvae.training.precision import fast_products

PTB_TEST_TARGETS, IW_SAMPLES, TIMED_SAMPLES = 82_430, 500, 8


def rows(scope: Scope) -> Iterator[Row]:
    """Give the rows of ELBO evaluation, encoding and the importance-weighted bound."""
    for size in scope.sizes:
        model = baseline.of_size(size, scope.corpus.tokenizer.vocab_size)
        codecs = {cell: build_codec(scope, size, cell) for cell in CELLS}
        samples = rates(_elbo(scope, size, model, codecs), scope.rounds)
        for cell in CELLS:
            yield measured("ELBO evaluation", size, cell, "tok/s", samples, ours=cell)
        samples = rates(_encoding(scope, size, model, codecs), scope.rounds)
        for cell in CELLS:
            yield measured("encoding", size, cell, "texts/s", samples, ours=cell)
    if "S" in scope.sizes:
        yield _importance_weighted(scope)


def build_codec(scope: Scope, size: str, cell: str) -> Codec:
    """Return an untrained model with its tokenizer, frozen as loaded ones are: a pass costs the same whatever its weights."""
    config = settings(size, cell, scope.corpus.tokenizer.vocab_size)
    return Codec(VAEModel(config.model).eval().requires_grad_(False), scope.corpus.tokenizer)


def _elbo(scope: Scope, size: str, model: baseline.TextVAE, codecs: dict[str, Codec]) -> dict[str, Work]:
    """The trainer's evaluation, in its setting of matrix products, against the baseline's on random batches."""
    batches = list(islice(baseline.random_batches(scope.corpus.held_out), scope.amount(size, 12)))
    store = some_rows(scope.corpus.held_out, scope.amount(size, 1000))
    works = {"baseline": Work(partial(baseline.evaluate, model, batches))}
    for cell, codec in codecs.items():
        works[cell] = Work(
            lambda codec=codec: held_out(codec, store).num_targets, partial(fast_products, CPU)
        )
    return works


def _encoding(scope: Scope, size: str, model: baseline.TextVAE, codecs: dict[str, Codec]) -> dict[str, Work]:
    """Texts to posterior means, tokenizing included."""
    few, many = scope.amount(size, 256), scope.amount(size, 1000)
    texts, word_ids = scope.corpus.held_out_texts, scope.corpus.word_ids
    works = {"baseline": Work(partial(baseline.encode, model, word_ids, texts[:few]))}
    for cell, codec in codecs.items():
        works[cell] = Work(lambda codec=codec: len(codec.encode(texts[:many])))
    return works


def _importance_weighted(scope: Scope) -> Row:
    """Scale a few samples a text up to 500 and to the targets of PTB's test part."""
    codec = build_codec(scope, "S", "lstm")
    store = some_rows(scope.corpus.held_out, scope.amount("S", 100))
    targets = store.num_tokens + len(store)

    def run() -> float:
        likelihoods(codec, store, num_samples=TIMED_SAMPLES)
        return TIMED_SAMPLES * targets

    rate = median(rates({"ours": Work(run, partial(fast_products, CPU))}, scope.rounds)["ours"])
    return Row(
        work="IW-NLL, K = 500, PTB test", size="S", model="lstm", unit="min",
        ours=IW_SAMPLES * PTB_TEST_TARGETS / rate / 60,
        note=f"scaled up from K = {TIMED_SAMPLES}, encoder included, {targets:,} targets",
    )  # fmt: skip


def some_rows(store: TokenStore, num: int) -> TokenStore:
    """Return the first rows of a store."""
    return TokenStore.from_rows([np.asarray(store[index]) for index in range(min(num, len(store)))])
