"""Training: real target tokens a second."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from statistics import median

from torch import Tensor

from benchmarks.speed import baseline, pythae
from benchmarks.speed.ours import CPU, Training, even_batches, sampled_output, settings
from benchmarks.speed.record import Row, measured
from benchmarks.speed.scope import CELLS, Scope
from benchmarks.speed.timing import Work, rates
from textvae.errors import DeviceError
from textvae.training.precision import choose_precision, fast_products

DEFAULTS = {
    "model": {"dropout": 0.3, "embed_dropout": 0.3, "encoder_dropout": 0.1, "tie_embeddings": True},
    "training": {"word_dropout": 0.1, "ema": 0.998},
}


def rows(scope: Scope) -> Iterator[Row]:
    """Give the rows of exact fp32, bf16 and sampled training at both sizes, and of S under our defaults."""
    for size in scope.sizes:
        contenders = {"baseline": Work(baseline.train_run(*theirs(scope, size)))}
        for cell in CELLS:
            contenders[f"fp32 {cell}"] = ours(scope, size, cell)
            if bf16_missing() is None:
                contenders[f"bf16 {cell}"] = ours(scope, size, cell, precision="bf16")
            if (sampled := sampled_output()) is not None:
                contenders[f"sampled {cell}"] = ours(scope, size, cell, sampled)
        if size == "S":
            contenders["defaults lstm"] = ours(scope, size, "lstm", DEFAULTS)
            contenders["fp32 transformer"] = ours(scope, size, "transformer")
        yield from _rows(size, rates(contenders, scope.rounds))
        if size == "S":
            yield from pythae.rows(scope, *theirs(scope, size))


def theirs(scope: Scope, size: str) -> tuple[baseline.TextVAE, list[Tensor]]:
    """Return the baseline and some random batches of an epoch."""
    batches = islice(baseline.random_batches(scope.corpus.train), scope.amount(size, 4))
    return baseline.of_size(size, scope.corpus.tokenizer.vocab_size), list(batches)


def ours(scope: Scope, size: str, cell: str, *layers: dict, precision: str = "fp32") -> Work:
    """Return our updates, in the trainer's setting of matrix products."""
    config = settings(size, cell, scope.corpus.tokenizer.vocab_size, *layers)
    batches = even_batches(scope.corpus.train, scope.amount(size, 8))
    return Work(Training(config, batches, precision).run, partial(fast_products, CPU))


def bf16_missing() -> str | None:
    """Return why there is no bf16 here; None: there is."""
    try:
        choose_precision("bf16", CPU)
    except DeviceError as error:
        return str(error)
    return None


def _rows(size: str, samples: dict[str, list[float]]) -> Iterator[Row]:
    reasons = {"bf16": bf16_missing(), "sampled": "this version has no setting `output: sampled`"}
    for kind in ("fp32", "bf16", "sampled"):
        for cell in CELLS:
            name = f"{kind} {cell}"
            if name in samples:
                yield measured(f"training {kind}", size, cell, "tok/s", samples, ours=name)
            else:
                yield Row(
                    work=f"training {kind}", size=size, model=cell, unit="tok/s",
                    baseline=median(samples["baseline"]), note=f"not available: {reasons[kind]}",
                )  # fmt: skip
    for name, work in (("defaults lstm", "training defaults"), ("fp32 transformer", "training fp32")):
        if name in samples:
            yield measured(work, size, name.split()[1], "tok/s", samples, ours=name)
