"""Paths between two latents."""

import torch
from torch import Tensor

from textvae.config.fields import check_choice, check_count
from textvae.control.density import FINE, relaxed
from textvae.distributions import Prior
from textvae.errors import LatentError

DENSITY = "density"
METHODS = ("slerp", "lerp", DENSITY)
MIN_SINE = 1e-6
"""Directions closer than this to equal or opposite have no arc that float64 can tell."""


def path(
    start: Tensor, end: Tensor, *, steps: int, method: str = "slerp", prior: Prior | None = None
) -> Tensor:
    """Return `steps` latents from `start` to `end`, both included, (steps, D).

    lerp: the straight line. slerp: along the arc between the two directions, the length changing evenly; under a
    Gaussian prior the middle of a straight line is shorter than any likely sample (White 2016, arXiv:1609.04468).
    Between equal or opposite directions, or from 0, there is no one arc: there slerp is lerp. density: of the lengths that
    slerp has, by the directions along which the prior is densest, see `textvae.control.density`.

    Args:
        start: (D,).
        end: (D,).
        steps: at least 2.
        method: slerp, lerp or density.
        prior: whose density it is, over (D,) or (1, D); None: N(0, I), under which density is slerp.

    Raises:
        ConfigError: an unknown method or fewer than two steps.
        LatentError: shapes differ.
    """
    check_choice("method", method, METHODS)
    check_count("steps", steps, 2)
    if start.shape != end.shape or start.ndim != 1:
        raise LatentError(
            f"the ends have shapes {tuple(start.shape)} and {tuple(end.shape)}; both must be (D,)"
        )
    if method == DENSITY and prior is not None:
        latents = _dense(start.double(), end.double(), steps, prior)
    else:
        between = straight if method == "lerp" else arc
        latents = between(start.double(), end.double(), _shares(steps, start))
    latents = latents.to(start)
    latents[0], latents[-1] = start, end
    return latents


def straight(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Return the points at `share`, (..., 1), of the way from `start` to `end`, (..., D), along the line."""
    return (1 - share) * start + share * end


def arc(start: Tensor, end: Tensor, share: Tensor) -> Tensor:
    """Return the points at `share`, (..., 1), of the way from `start` to `end`, (..., D), along the arc; see `path`."""
    lengths = [z.norm(dim=-1, keepdim=True) for z in (start, end)]
    first, last = (z / length.clamp_min(1e-300) for z, length in zip((start, end), lengths, strict=True))
    # Kahan's formula: exact for small angles and near pi, where the arc cosine is not.
    apart, together = (first - last).norm(dim=-1, keepdim=True), (first + last).norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(apart, together)
    sine = torch.sin(angle)
    is_arc = (sine >= MIN_SINE) & (lengths[0] > 0) & (lengths[1] > 0)
    directions = torch.sin((1 - share) * angle) * first + torch.sin(share * angle) * last
    points = directions / sine.clamp_min(MIN_SINE) * straight(*lengths, share)
    return torch.where(is_arc, points, straight(start, end, share))


def _dense(start: Tensor, end: Tensor, steps: int, prior: Prior) -> Tensor:
    fine = -(-FINE // (steps - 1))  # points of the curve for each step
    shares = _shares(fine * (steps - 1) + 1, start)
    return relaxed(arc(start, end, shares), prior)[::fine]


def _shares(steps: int, like: Tensor) -> Tensor:
    return torch.linspace(0, 1, steps, dtype=torch.float64, device=like.device).unsqueeze(1)  # (steps, 1)
