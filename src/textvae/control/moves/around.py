"""Different texts at a chosen distance from a place in latent space."""

from collections.abc import Collection

import torch
from torch import Tensor

from textvae.config.fields import check_count, check_range
from textvae.control.changes import kept_share
from textvae.control.interpolation import arc
from textvae.control.moves.conditioned import Conditioned
from textvae.decoding.noise import derived_seed

ROUNDS, DRAWN = 6, 16
"""Times that more are drawn where draws repeat each other, and how many at least: decoding few costs what one does."""


def vary(model: Conditioned, text: str, num: int = 5, *, distance: float = 0.5) -> list[str]:
    """Return up to `num` different variations of a text, those that share most words with it first.

    Args:
        model: where latents are drawn and decoded.
        text: what is varied.
        num: how many, at most.
        distance: see `around`; at 0 the one variation there is, the reconstruction.

    Raises:
        ConfigError: `num` is below 1, or the distance not in 0..1.
    """
    check_count("n", num, 1)
    check_range("distance", distance, 0, 1)
    [mean] = model.encode([text])
    [reconstruction] = model.decode(mean.unsqueeze(0))
    if distance == 0:
        return [reconstruction]
    found = around(model, mean, num, distance=distance, besides=(text, reconstruction))
    return sorted(found, key=lambda one: -kept_share(reconstruction, one))


def around(
    model: Conditioned, place: Tensor, num: int, *, distance: float, besides: Collection[str] = ()
) -> list[str]:
    """Return up to `num` different texts that are not blank, in the order drawn.

    Each is decoded `distance` of the way, along the arc, to a place of its own that is drawn from the prior: at 0 the
    place itself, at 1 a random text. In many dimensions such places are nearly at right angles to any other, so that one
    distance is nearly one angle; lengths stay between those of texts and of random places, under any prior.

    Args:
        model: where latents are drawn and decoded.
        place: z, (D,).
        num: how many.
        distance: 0..1.
        besides: texts that do not count.
    """
    found: dict[str, None] = {}
    share = torch.tensor([distance], dtype=torch.float64)
    for round_ in range(ROUNDS):
        ends = model.prior_sample(max(num, DRAWN), derived_seed(model.seed, round_))
        texts = model.decode(arc(place.double(), ends.double(), share))
        found |= dict.fromkeys(text for text in texts if text.strip() and text not in besides)
        if len(found) >= num:
            break
    return list(found)[:num]
