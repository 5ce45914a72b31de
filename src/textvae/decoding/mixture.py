"""p(x|c) with z integrated out: the mean of p(x|z,c) over several latents, one token at a time."""

from typing import NamedTuple

import torch
from torch import Tensor

from textvae.decoding.protocol import State, StepDecoder
from textvae.decoding.trace import widened


class MixtureState(NamedTuple):
    """The state of K decoders a row; a row of `next` may serve several rows, which `sources` says."""

    states: State  # of B * K rows
    prefix: Tensor  # (B, K) log p(tokens so far | z_k)
    next: Tensor  # (R, K, V) log p(next token | tokens so far, z_k)
    sources: Tensor  # (B,) rows of `next`


class MixtureDecoder:
    """p(x) = 1/K sum_k p(x|z_k), exact at every step: each z_k weighs as much as it explains the tokens so far.

    With z_k of p(z|c) its beam search looks for argmax log p(x|c), not for the likeliest text of any one z.

    Args:
        decoder: of B * K rows, the K of a row one after another.
        num_latents: K.
    """

    def __init__(self, decoder: StepDecoder, num_latents: int) -> None:
        self.decoder, self.num_latents = decoder, num_latents

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.decoder.vocab_size

    def prefill(self, z: Tensor, tokens: Tensor) -> tuple[Tensor, MixtureState]:
        """Read `tokens`, (B, P), given the latents of each row one after another, (B, K * D)."""
        latents = z.unflatten(1, (self.num_latents, -1)).flatten(0, 1)
        start = tokens[:, :1].repeat_interleave(self.num_latents, dim=0)
        logits, states = self.decoder.prefill(latents, start)
        found = self._mixed(logits, states, widened(logits).new_zeros(len(z), self.num_latents))
        for column in tokens[:, 1:].unbind(1):  # one at a time: a prefix says which z are likely
            found = self.step(column, found[1])
        return found

    def step(self, tokens: Tensor, state: MixtureState) -> tuple[Tensor, MixtureState]:
        """Read one more token a row, (B,)."""
        prefix = state.prefix + state.next[state.sources, :, tokens]
        logits, states = self.decoder.step(tokens.repeat_interleave(self.num_latents), state.states)
        return self._mixed(logits, states, prefix)

    def select(self, state: MixtureState, rows: Tensor) -> MixtureState:
        """Return the state of `rows`, (R,)."""
        each = torch.arange(self.num_latents, device=rows.device)
        flat = (rows.unsqueeze(1) * self.num_latents + each).flatten()
        states = self.decoder.select(state.states, flat)
        return MixtureState(states, state.prefix[rows], state.next, state.sources[rows])

    def _mixed(self, logits: Tensor, states: State, prefix: Tensor) -> tuple[Tensor, MixtureState]:
        following = widened(logits).log_softmax(-1).unflatten(0, prefix.shape)
        weights = prefix.log_softmax(1).unsqueeze(2)  # log p(z_k | tokens so far)
        sources = torch.arange(len(prefix), device=prefix.device)
        return (weights + following).logsumexp(1), MixtureState(states, prefix, following, sources)
