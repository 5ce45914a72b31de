"""Ways to move latents towards goals.

`projection` is the shortest way to the place where every goal is read as wanted; `mean_difference` goes along the line
between the means of texts with and without the value; `gradient` follows the flow of an energy.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from textvae.control.editing.flow import flowed
from textvae.control.editing.goals import Goal

DISTANCE = 2.0
"""How far beyond its boundary a category is moved at strength 1: standard deviations of its reading among the texts."""
RIDGE = 1e-9
TINY = 1e-30
"""A variance of what goals read below which it is none: nothing moves."""
BETAS = (0.1, 20.0)
"""Diffusion coefficients at times 0 and 1 (Song et al. 2021, arXiv:2011.13456)."""
NUM_ROUNDS = 4


def projection(z: Tensor, goals: Sequence[Goal], strength: float = 1.0) -> Tensor:
    """Return the nearest latents where every goal is read as wanted, (N, D).

    Categories then lie strength * DISTANCE beyond their boundary. Near is meant by the covariance S of texts' latents
    (Mahalanobis): z + S A' (A S A')^-1 (wanted - A z - b), A the goals' slopes. Along A itself z would leave the
    places that the decoder knows: a classifier leans on directions of little variance. A few rounds, as the strongest rival of a
    category may change on the way; a reading beyond what is wanted stays. With one goal of two values and S = 1 this is
    the step over the boundary along its normal (for images Shen et al. 2020, arXiv:1907.10786).
    """
    z = z.double()
    for _ in range(NUM_ROUNDS):
        z = _moved(z, goals, strength)
    return z


def opposite(z: Tensor, goals: Sequence[Goal], strength: float = 1.0) -> Tensor:
    """Return the mirror image of `projection`, (N, D).

    As far on the other side of a category's boundary; of a number, where it is read now.
    """
    return _moved(z.double(), goals, -strength)


def mean_difference(z: Tensor, goals: Sequence[Goal], strength: float = 1.0) -> Tensor:
    """Return z + strength * (mean of the texts with the value - mean of those without it), (N, D), summed over goals.

    Vector arithmetic (Mikolov et al. 2013; for text VAEs Shen et al. 2020, arXiv:1905.12777). A number moves along
    the line from the texts below its median to those above, as far as its reading is off. Of an attribute that does not
    know how many texts each category has, all count alike.
    """
    moved = z.double()
    for goal in goals:
        means = torch.from_numpy(goal.attribute.means).to(moved)
        if goal.attribute.is_number:
            line = means[0] - means[1]
            slope, _ = goal.line(moved)
            rise = (slope * line).sum(1)
            step = -goal.reading(moved) / torch.where(rise.abs() < RIDGE, torch.inf, rise)
            moved = moved + strength * step.unsqueeze(1) * line
            continue
        place = goal.attribute.place(goal.value)
        counts = means.new_tensor(goal.attribute.counts or [1.0] * len(means))
        counts[place] = 0
        others = counts @ means / counts.sum()
        moved = moved + strength * goal.weight * (means[place] - others)
    return moved


def gradient(z: Tensor, goals: Sequence[Goal], strength: float = 1.0) -> Tensor:
    """Return where the probability-flow ODE of the goals' energy takes z, (N, D) float64.

    E(z) = -sum_i weight_i log p(value_i|z) composes attributes by adding energies; under a Gaussian prior, which the diffusion
    leaves as it is, the flow is dz = 1/2 beta(t) sum_i weight_i grad log p(value_i|z) dt from t = 1 to 0 (Liu et al.
    2022, arXiv:2208.00638), here over tau, d tau = 1/2 beta(t) dt, in which it is autonomous. Deviation: the flow starts at a
    text's own z, and `strength` scales its time.
    """
    return flowed(z, goals, strength * sum(BETAS) / 4)  # beta is linear: the integral of its half over 0..1


def _moved(z: Tensor, goals: Sequence[Goal], strength: float) -> Tensor:
    """Return z, (N, D), after one round of `projection`, or of its mirror image where the strength is below 0."""
    covariance = torch.stack([torch.from_numpy(goal.attribute.covariance).to(z) for goal in goals]).mean(0)
    lines = [goal.line(z) for goal in goals]
    slopes = torch.stack([slope for slope, _ in lines], dim=1)  # (N, G, D)
    readings = torch.einsum("ngd,nd->ng", slopes, z) + torch.stack([offset for _, offset in lines], dim=1)
    along = slopes @ covariance  # (N, G, D)
    variances = along @ slopes.mT  # (N, G, G)
    limits = variances.diagonal(dim1=1, dim2=2).sqrt() * DISTANCE * strength
    wanted = [
        _wanted(goal, readings[:, number], limits[:, number] * goal.weight, strength)
        for number, goal in enumerate(goals)
    ]
    spread = variances.diagonal(dim1=1, dim2=2).mean(1).clamp(min=TINY)
    ridge = RIDGE * spread.view(-1, 1, 1) * torch.eye(len(goals)).to(z)
    return z + torch.einsum(
        "ngd,ng->nd", along, torch.linalg.solve(variances + ridge, torch.stack(wanted, dim=1) - readings)
    )


def _wanted(goal: Goal, reading: Tensor, limit: Tensor, strength: float) -> Tensor:
    """Return the readings, (N,), that a goal asks for, `limit` where they are not beyond it."""
    if goal.attribute.is_number:
        return torch.zeros_like(reading) if strength > 0 else reading
    return torch.maximum(reading, limit) if strength > 0 else torch.minimum(reading, limit)


METHODS = {"projection": projection, "mean-difference": mean_difference, "gradient": gradient}
