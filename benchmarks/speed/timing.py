"""Medians of interleaved runs: what drifts on a machine falls on all contenders alike."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

Run = Callable[[], float]
"""Does a fixed amount of work and returns how much: tokens, steps, texts."""


@dataclass(frozen=True)
class Work:
    """Something to time."""

    run: Run
    setting: Callable[[], AbstractContextManager[object]] = nullcontext
    """What it runs in; entering it is not timed."""


def rates(contenders: Mapping[str, Work], rounds: int) -> dict[str, list[float]]:
    """Return units a CPU second of each contender in each round, after a first run that is not counted.

    CPU seconds of the process, all threads: with one thread they are the seconds of a quiet machine, and on a busy
    one they leave out what others took.
    """
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for counted in range(rounds + 1):
        for name, work in contenders.items():
            with work.setting():
                rate = _rate(work.run)
            if counted:
                found[name].append(rate)
    return found


def _rate(run: Run) -> float:
    start = time.process_time()
    done = run()
    return done / max(time.process_time() - start, 1e-9)
