"""Starting up: wall seconds of whole commands."""

import time
from collections.abc import Iterator
from statistics import median

from benchmarks.process import run_module
from benchmarks.speed.record import Row
from benchmarks.speed.scope import Scope
from benchmarks.speed.trained import trained_folder


def rows(scope: Scope) -> Iterator[Row]:
    """Give the seconds of `--help` and of the first sample of a saved model."""
    folder = str(trained_folder(scope.corpus))
    yield _row("--help", ("textvae", "--help"), scope.rounds)
    yield _row("first sample", ("textvae", "sample", folder, "-n", "1", "--seed", "1"), scope.rounds)


def _row(work: str, command: tuple[str, ...], rounds: int) -> Row:
    run_module(*command)  # files into the page cache, byte code onto the disk
    samples = [_seconds(command) for _ in range(rounds)]
    return Row(work=work, unit="s", ours=median(samples), samples={"ours": samples})


def _seconds(command: tuple[str, ...]) -> float:
    start = time.perf_counter()
    run_module(*command)
    return time.perf_counter() - start
