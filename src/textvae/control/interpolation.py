"""Paths between two latents."""

import torch
from torch import Tensor

from textvae.config.fields import check_choice, check_range
from textvae.errors import LatentError

METHODS = ("slerp", "lerp")


def path(start: Tensor, end: Tensor, *, steps: int, method: str = "slerp") -> Tensor:
    """Return `steps` latents from `start` to `end`, both included, (steps, D).

    lerp: the straight line. slerp: along the arc between the two directions, the length changing evenly; under a
    Gaussian prior the middle of a straight line is shorter than any likely sample (White 2016, arXiv:1609.04468).
    Parallel directions have no arc: there slerp is lerp.

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
    share = torch.linspace(0, 1, steps, dtype=start.dtype).unsqueeze(1)  # (steps, 1)
    straight = (1 - share) * start + share * end
    lengths = start.norm(), end.norm()
    if method == "lerp" or min(lengths) == 0:
        return straight
    angle = torch.arccos(torch.clamp(torch.dot(start, end) / (lengths[0] * lengths[1]), -1, 1))
    if torch.sin(angle) < 1e-4:
        return straight
    directions = (
        torch.sin((1 - share) * angle) * start / lengths[0] + torch.sin(share * angle) * end / lengths[1]
    ) / torch.sin(angle)
    latents = directions * ((1 - share) * lengths[0] + share * lengths[1])
    latents[0], latents[-1] = start, end
    return latents
