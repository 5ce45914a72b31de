"""The curve between two latents along which the prior is densest, its lengths given."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from textvae.distributions import Prior, wide

FINE = 32
"""Pieces that a curve is made of, at least."""
NUM_ROUNDS = 60
"""Of L-BFGS; the cost settles within half of them."""


@torch.enable_grad()
def relaxed(curve: Tensor, prior: Prior) -> Tensor:
    """Return the curve of least cost with the ends and the lengths of `curve`, (K, D) float64.

    A step costs its length over the D-th root of the density at its ends: a conformal metric made of the prior alone
    (Arvanitidis et al. 2021, arXiv:2103.05290), without the pull-back through the decoder. What is minimised is the
    discrete energy, the sum of squared costs, whose minimum also spreads the points at equal costs.

    Deviation: only directions move, |z| stays. In many dimensions the density is highest where no sample is, towards 0,
    and a free curve would go there. With |z| given, N(0, I) is equally dense everywhere and the arc is the answer.

    Args:
        curve: K points, at least 2; where one of them is 0 or all directions are the same, it is returned as it is.
        prior: over (D,) or (1, D).
    """
    lengths = curve.norm(dim=-1, keepdim=True)
    directions = normalize(curve, dim=-1)
    if not bool((lengths > 0).all()) or not bool(curve.diff(dim=0).any(dim=-1).all()):
        return curve
    density = wide(prior)
    inner = directions[1:-1].clone().requires_grad_()
    optimiser = torch.optim.LBFGS([inner], max_iter=NUM_ROUNDS, line_search_fn="strong_wolfe")

    def points() -> Tensor:
        turned = torch.cat([directions[:1], normalize(inner, dim=-1), directions[-1:]])
        return lengths * turned

    def closure() -> Tensor:
        optimiser.zero_grad()
        energy = log_energy(points(), density)
        energy.backward()
        return energy

    optimiser.step(closure)
    return points().detach()


def log_energy(points: Tensor, prior: Prior) -> Tensor:
    """Return the log of the sum of squared costs of the steps between `points`, (K, D)."""
    log_cost = -prior.log_prob(points) / points.shape[-1]  # (K,), of a unit of length
    steps = points.diff(dim=0).square().sum(dim=-1).log() + log_cost[1:] + log_cost[:-1]
    return steps.logsumexp(dim=0)
