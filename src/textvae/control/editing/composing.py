"""Random texts with the values of attributes: of several that are written, the one whose own encoding reads best."""

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.control.editing.edit import SURE
from textvae.control.editing.goals import Goal, shortfall
from textvae.control.editing.moves import METHODS
from textvae.control.moves.conditioned import within

TRIES = 8
"""Texts that are written for each that is returned: what z says in bags of words, decoding may leave out."""


def compose(
    codec: Codec,
    z: Tensor,
    goals: Sequence[Goal],
    *,
    method: str,
    strength: float = 1.0,
    decoding: DecodingConfig | None = None,
    seed: int = 0,
) -> list[str]:
    """Return N texts with the goals' values, each of T latents that are moved to the goals and decoded.

    Of T texts the one is taken whose own encoding meets the goals; of several that do, the first drawn. Where the decoding
    chooses among candidates of one z, it has to choose among fewer: their number is divided by T.

    Args:
        codec: the model.
        z: (T, N, D), T for each text.
        goals: one at least.
        method: one of `METHODS`.
        strength: how far z is moved, and how sure of the goals an encoding has to be.
        decoding: how tokens are chosen; None: the codec's own.
        seed: of the tokens.
    """
    tries, num, _ = z.shape
    moved = within(codec, METHODS[method](z.flatten(0, 1), goals, strength))
    config = decoding or codec.decoding
    fewer = dataclasses.replace(config, candidates=max(1, config.candidates // tries))
    texts = codec.decode(moved, fewer, seed=seed)
    if tries == 1:
        return texts
    encoded = codec.posterior(codec.store(texts)).loc.double()
    best = shortfall(goals, encoded, strength * SURE).view(tries, num).argmin(dim=0)
    return [texts[row] for row in (best * num + torch.arange(num)).tolist()]
