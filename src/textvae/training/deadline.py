"""A time limit covers the last evaluation and saving: training stops early enough for them."""

import time
from collections.abc import Callable

from textvae.codec import Codec
from textvae.config import RunConfig
from textvae.data.store import TokenStore
from textvae.models import VAEModel
from textvae.training.distributed import Ranks
from textvae.training.heldout import held_out, passes, random_texts, some_rows, token_accuracy
from textvae.training.progress import Clock
from textvae.training.state import TrainState

REHEARSED = 64
"""Held-out texts that the length of an evaluation is foreseen from."""
LARGEST_SHARE = 0.5
"""Of the limit that is kept for the end at most: a run is there to train."""


class Deadline:
    """Counts the seconds of a run, and says which share of its training time is used.

    Args:
        limit: seconds that the run may take in all; None: as many as it likes.
        ranks: they all stop at the same step.
    """

    def __init__(self, limit: float | None, ranks: Ranks) -> None:
        self.limit, self.ranks = limit, ranks
        self.clock = Clock()
        self._foreseen = 0.0
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
            [state.elapsed] = self.ranks.mean(state.elapsed)

    def rehearse(
        self, state: TrainState, codec: Codec[VAEModel], store: TokenStore, config: RunConfig
    ) -> None:
        """Foresee how long the last evaluation takes, from one of a few texts, where that matters and none was made yet."""
        if self.limit and not state.closing:
            [self._foreseen] = self.ranks.mean(seconds_expected(codec, store, config))

    def closed(self, state: TrainState, begun: float) -> None:
        """Note an evaluation, and the saving after it, that began when `begun` seconds had elapsed."""
        state.closing = max(state.closing, state.elapsed - begun)

    def closing(self, state: TrainState) -> float:
        """Return the seconds to keep for the last evaluation and saving: the longest so far; before any, what is foreseen."""
        return min(state.closing or self._foreseen, LARGEST_SHARE * self.limit) if self.limit else 0.0

    def share_used(self, state: TrainState) -> float:
        """Return the share of the training time that is used; from 1 on training has to stop. Without a limit: 0."""
        return state.elapsed / (self.limit - self.closing(state)) if self.limit else 0.0


def seconds_expected(codec: Codec[VAEModel], store: TokenStore, config: RunConfig) -> float:
    """Return the seconds that an evaluation takes, about: `held_out`, `random_texts`, and `token_accuracy` where it is asked for."""
    few = store.rows(some_rows(store, REHEARSED))
    if codec.device.type == "cuda":
        held_out(codec, few)  # the first pass takes longer
    share = passes(codec, len(few)) / passes(codec, len(store))
    seconds = _seconds(lambda: held_out(codec, few)) / share
    if config.training.samples:
        seconds += _seconds(lambda: random_texts(codec, store, config.training.samples, seed=0))
    if config.objective.faithful:
        seconds += _seconds(lambda: token_accuracy(codec, few)) * len(store) / len(few)
    return seconds


def _seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun
