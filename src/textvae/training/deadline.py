"""A time limit covers the last evaluation and saving: training stops early enough for them."""

import time

from textvae.training.distributed import Ranks
from textvae.training.progress import Clock
from textvae.training.state import TrainState

EVALUATION_COST = 1 / 3
"""Time of a held-out token, of that of a training token: no backward pass and no update."""
LARGEST_SHARE = 0.5
"""Of the limit that is kept for the end at most: a run is there to train."""


class Deadline:
    """Counts the seconds of a run, and says which share of its training time is used.

    Args:
        limit: seconds that the run may take in all; None: as many as it likes.
        num_targets: held-out tokens, `</s>` counted.
        ranks: they all stop at the same step.
    """

    def __init__(self, limit: float | None, num_targets: int, ranks: Ranks) -> None:
        self.limit, self.num_targets, self.ranks = limit, num_targets, ranks
        self.clock = Clock()
        self._expected = 0.0
        self.start()

    def start(self) -> None:
        """Count from now on."""
        self._lapped = time.monotonic()

    def lap(self, state: TrainState, num_targets: float = 0) -> None:
        """Count the time since the last lap as elapsed; it was an update's if that had target tokens."""
        now = time.monotonic()
        seconds, self._lapped = now - self._lapped, now
        state.elapsed += seconds
        if num_targets:
            self.clock.add(num_targets, seconds)
        if self.limit:
            state.elapsed, self._expected = self.ranks.mean(state.elapsed, self._expected_evaluation())

    def closed(self, state: TrainState, begun: float) -> None:
        """Note an evaluation, and the saving after it, that began when `begun` seconds had elapsed."""
        state.closing = max(state.closing, state.elapsed - begun)

    def closing(self, state: TrainState) -> float:
        """Return the seconds to keep for the last evaluation and saving: the longest so far; before any, a guess."""
        return min(state.closing or self._expected, LARGEST_SHARE * self.limit) if self.limit else 0.0

    def share_used(self, state: TrainState) -> float:
        """Return the share of the training time that is used; from 1 on training has to stop. Without a limit: 0."""
        return state.elapsed / (self.limit - self.closing(state)) if self.limit else 0.0

    def _expected_evaluation(self) -> float:
        speed = (
            self.clock.tokens_per_second / self.ranks.world_size
        )  # every rank evaluates all held-out texts
        return EVALUATION_COST * self.num_targets / speed if speed else 0.0
