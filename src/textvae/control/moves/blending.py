"""Blends of several texts: means of their latents."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from textvae.config.fields import check_choice
from textvae.control.moves.arithmetic import NEAR, answers
from textvae.control.moves.conditioned import Conditioned
from textvae.errors import ConfigError, DataError

METHODS = ("sphere", "mean")
NUM_ROUNDS = 100
TOLERANCE = 1e-12
"""Radians of a round after which the mean direction is taken as found."""


def blend(
    model: Conditioned,
    texts: Sequence[str],
    *,
    weights: Sequence[float] | None = None,
    method: str = "sphere",
    num: int = 1,
    distance: float = NEAR,
) -> list[str]:
    """Return the text of the weighted mean of posterior means, and up to num - 1 others drawn around it.

    Args:
        model: where latents are drawn and decoded.
        texts: two at least.
        weights: one a text, none below 0, not all 0; None: equal ones. Only their ratios count.
        method: see `blended`.
        num: how many texts, at most.
        distance: of the others, see `textvae.control.moves.around.around`.

    Raises:
        ConfigError: an unknown method, `num` below 1, weights that are none, or the distance not in 0..1.
        DataError: fewer than two texts.
    """
    if len(texts) < 2:
        raise DataError(f"a blend of {len(texts)} texts was asked for; give at least 2")
    shares = torch.tensor(checked_weights(weights, len(texts)), dtype=torch.float64)
    check_choice("method", method, METHODS)
    return answers(model, blended(model.encode(texts), shares, method), num, distance=distance)


def blended(z: Tensor, shares: Tensor, method: str = "sphere") -> Tensor:
    """Return the weighted mean of latents, (D,) float64.

    mean: sum_i w_i z_i; of texts that have little in common it is shorter than any of them. sphere: the direction whose
    squared angles to those of z_i have the least weighted sum, the spherical average of Buss and Fillmore 2001
    (doi:10.1145/502122.502124), and the weighted mean of the lengths. Of two texts that is slerp (White 2016,
    arXiv:1609.04468). Where a z_i is 0, or directions with weight cancel out, there is no such direction: there sphere is mean.

    Args:
        z: (N, D).
        shares: (N,), of sum 1.
        method: sphere or mean.
    """
    z, shares = z.double(), shares.unsqueeze(1)
    mean = (shares * z).sum(dim=0)
    lengths, directions = z.norm(dim=1, keepdim=True), normalize(z, dim=1)
    start = (shares * directions).sum(dim=0)
    if method == "mean" or not bool((lengths > 0).all()) or float(start.norm()) < 1e-6:
        return mean
    return (shares * lengths).sum() * _mean_direction(normalize(start, dim=0), directions, shares)


def _mean_direction(direction: Tensor, directions: Tensor, shares: Tensor) -> Tensor:
    """Return the spherical average: move by the mean of the arcs to all directions, until that is 0."""
    for _ in range(NUM_ROUNDS):
        along = directions @ direction  # (N,), cosines
        across = directions - along.unsqueeze(1) * direction  # in the tangent plane
        sines = across.norm(dim=1)
        arcs = normalize(across, dim=1) * torch.atan2(sines, along).unsqueeze(1)
        step = (shares * arcs).sum(dim=0)
        angle = step.norm()
        if float(angle) < TOLERANCE:
            break
        direction = normalize(torch.cos(angle) * direction + torch.sin(angle) * step / angle, dim=0)
    return direction


def checked_weights(weights: Sequence[float] | None, num: int) -> list[float]:
    """Return weights of sum 1.

    Raises:
        ConfigError: another number than of texts, one below 0 or not finite, or all 0.
    """
    values = [1.0] * num if weights is None else list(map(float, weights))
    if len(values) != num:
        raise ConfigError(f"{len(values)} weights for {num} texts; give one for each")
    if not all(math.isfinite(value) and value >= 0 for value in values) or not sum(values):
        raise ConfigError(f"the weights are {values}; each must be finite and at least 0, and one above 0")
    total = sum(values)
    return [value / total for value in values]
