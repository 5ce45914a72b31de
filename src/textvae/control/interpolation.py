"""Paths between two latents."""

import torch
from torch import Tensor

from textvae.config.fields import check_choice, check_range
from textvae.errors import LatentError

METHODS = ("slerp", "lerp")
MIN_SINE = 1e-6
"""Directions closer than this to equal or opposite have no arc that float64 can tell."""


def path(start: Tensor, end: Tensor, *, steps: int, method: str = "slerp") -> Tensor:
    """Return `steps` latents from `start` to `end`, both included, (steps, D).

    lerp: the straight line. slerp: along the arc between the two directions, the length changing evenly; under a
    Gaussian prior the middle of a straight line is shorter than any likely sample (White 2016, arXiv:1609.04468).
    Between equal or opposite directions, or from 0, there is no one arc: there slerp is lerp.

    Args:
        start: (D,).
        end: (D,).
        steps: at least 2.
        method: slerp or lerp.

    Raises:
        ConfigError: an unknown method or fewer than two steps.
        LatentError: shapes differ.
    """
    check_choice("method", method, METHODS)
    check_range("steps", steps, 2)
    if start.shape != end.shape or start.ndim != 1:
        raise LatentError(
            f"the ends have shapes {tuple(start.shape)} and {tuple(end.shape)}; both must be (D,)"
        )
    latents = (_straight if method == "lerp" else _arc)(start.double(), end.double(), steps).to(start)
    latents[0], latents[-1] = start, end
    return latents


def _straight(start: Tensor, end: Tensor, steps: int) -> Tensor:
    share = _shares(steps, start)
    return (1 - share) * start + share * end


def _arc(start: Tensor, end: Tensor, steps: int) -> Tensor:
    lengths = start.norm(), end.norm()
    if min(lengths) == 0:
        return _straight(start, end, steps)
    directions = start / lengths[0], end / lengths[1]
    # Kahan's formula: exact for small angles and near pi, where the arc cosine is not.
    apart, together = directions[0] - directions[1], directions[0] + directions[1]
    angle = 2 * torch.atan2(apart.norm(), together.norm())
    if torch.sin(angle) < MIN_SINE:
        return _straight(start, end, steps)
    share = _shares(steps, start)
    arc = torch.sin((1 - share) * angle) * directions[0] + torch.sin(share * angle) * directions[1]
    return arc / torch.sin(angle) * ((1 - share) * lengths[0] + share * lengths[1])


def _shares(steps: int, like: Tensor) -> Tensor:
    return torch.linspace(0, 1, steps, dtype=like.dtype, device=like.device).unsqueeze(1)  # (steps, 1)
