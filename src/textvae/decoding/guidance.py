"""Classifier-free guidance: the condition is given more weight than it has."""

from typing import NamedTuple

from torch import Tensor

from textvae.decoding.protocol import State, StepDecoder
from textvae.decoding.trace import widened


class GuidedState(NamedTuple):
    """The states of both decoders."""

    given: State
    free: State


class GuidedDecoder:
    """log p = scale * log p(x|z,c) + (1 - scale) * log p(x|z), up to a constant.

    Ho and Salimans 2022, arXiv:2207.12598, equation 6, with scale = 1 + w; for language models Sanchez et al. 2023,
    arXiv:2306.17806. scale 1: the conditional model; 0: the unconditional one.
    """

    def __init__(self, given: StepDecoder, free: StepDecoder, scale: float) -> None:
        self.given, self.free, self.scale = given, free, scale

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.given.vocab_size

    def prefill(self, z: Tensor, tokens: Tensor) -> tuple[Tensor, GuidedState]:
        """Read `tokens`, (B, P), with and without the condition."""
        given, own = self.given.prefill(z, tokens)
        free, other = self.free.prefill(z, tokens)
        return self._guided(given, free), GuidedState(own, other)

    def step(self, tokens: Tensor, state: GuidedState) -> tuple[Tensor, GuidedState]:
        """Read one more token a row, (B,), twice."""
        given, own = self.given.step(tokens, state.given)
        free, other = self.free.step(tokens, state.free)
        return self._guided(given, free), GuidedState(own, other)

    def select(self, state: GuidedState, rows: Tensor) -> GuidedState:
        """Return both states of `rows`."""
        return GuidedState(self.given.select(state.given, rows), self.free.select(state.free, rows))

    def _guided(self, given: Tensor, free: Tensor) -> Tensor:
        given, free = widened(given).log_softmax(-1), widened(free).log_softmax(-1)
        return free + self.scale * (given - free)
