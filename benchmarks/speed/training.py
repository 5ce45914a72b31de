"""Training: real target tokens a second."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from statistics import median

from torch import Tensor

from benchmarks.speed import baseline, pythae
from benchmarks.speed.ours import CPU, DEFAULTS, SAMPLED, Training, even_batches, settings
from benchmarks.speed.record import Row, measured
from benchmarks.speed.scope import CELLS, Scope
from benchmarks.speed.timing import Work, rates
from textvae.errors import DeviceError
from textvae.training.precision import choose_precision, fast_products
from textvae.training.preparation import target_counts


def rows(scope: Scope) -> Iterator[Row]:
    """Give the rows of training, exact and sampled, fp32 and bf16, at both sizes, and of S under our defaults."""
    for size in scope.sizes:
        contenders = {"baseline": Work(baseline.train_run(*theirs(scope, size)))}
        for cell in CELLS:
            contenders[f"fp32 {cell}"] = ours(scope, size, cell)
            contenders[f"sampled {cell}"] = ours(scope, size, cell, SAMPLED)
            if bf16_missing() is None:
                contenders[f"bf16 {cell}"] = ours(scope, size, cell, precision="bf16")
                contenders[f"sampled bf16 {cell}"] = ours(scope, size, cell, SAMPLED, precision="bf16")
        if size == "S":
            contenders["defaults lstm"] = ours(scope, size, "lstm", DEFAULTS)
            contenders["fp32 transformer"] = ours(scope, size, "transformer")
            if pythae.missing() is None:
                contenders["pythae"] = Work(pythae.epoch(*theirs(scope, size)))
        samples = rates(contenders, scope.rounds)
        yield from _rows(size, samples)
        if size == "S":
            yield _beside_pythae(samples)


def theirs(scope: Scope, size: str) -> tuple[baseline.TextVAE, list[Tensor]]:
    """Return the baseline and some random batches of an epoch."""
    batches = islice(baseline.random_batches(scope.corpus.train), scope.amount(size, 4))
    return baseline.of_size(size, scope.corpus.tokenizer.vocab_size), list(batches)


def ours(scope: Scope, size: str, cell: str, *layers: dict, precision: str = "fp32") -> Work:
    """Return our updates, in the trainer's setting of matrix products."""
    store, vocab_size = scope.corpus.train, scope.corpus.tokenizer.vocab_size
    config = settings(size, cell, vocab_size, *layers)
    batches = even_batches(store, scope.amount(size, 8))
    training = Training(config, batches, target_counts(store, vocab_size), precision=precision)
    return Work(training.run, partial(fast_products, CPU))


def bf16_missing() -> str | None:
    """Return why there is no bf16 here; None: there is."""
    try:
        choose_precision("bf16", CPU)
    except DeviceError as error:
        return str(error)
    return None


def _rows(size: str, samples: dict[str, list[float]]) -> Iterator[Row]:
    for kind in ("fp32", "bf16", "sampled", "sampled bf16"):
        for cell in CELLS:
            name = f"{kind} {cell}"
            if name in samples:
                yield measured(f"training {kind}", size, cell, "tok/s", samples, ours=name)
            else:
                yield Row(
                    work=f"training {kind}", size=size, model=cell, unit="tok/s",
                    baseline=median(samples["baseline"]), note=f"not available: {bf16_missing()}",
                )  # fmt: skip
    for name, work in (("defaults lstm", "training defaults"), ("fp32 transformer", "training")):
        if name in samples:
            yield measured(work, size, name.split()[1], "tok/s", samples, ours=name)


def _beside_pythae(samples: dict[str, list[float]]) -> Row:
    work, unit = "training fp32 / pythae", "tok/s"
    if "pythae" not in samples:
        return Row(work=work, size="S", model="gru", unit=unit, note=f"not available: {pythae.missing()}")
    return measured(
        work, "S", "gru", unit, samples, ours="fp32 gru", baseline="pythae",
        note="the baseline column holds the same model in the hands of pythae's trainer",
    )  # fmt: skip
