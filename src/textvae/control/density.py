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
    """Return the curve of least cost with the ends and the lengths of `curve`, (K, D) float64; see `log_energy`.

    Only directions move. In many dimensions the density is highest where no sample is, towards 0, and a curve that is free
    goes there; with lengths given, N(0, I) is as dense in all directions, and the arc is the answer.

    Args:
        curve: K points, at least 2; where one of them is 0, or two in a row are equal, it is returned as it is.
        prior: over (D,) or (1, D).
    """
    lengths, directions = curve.norm(dim=-1, keepdim=True), normalize(curve, dim=-1)
    if not bool((lengths > 0).all()) or not bool(directions.diff(dim=0).any(dim=-1).all()):
        return curve
    density = wide(prior)
    inner = directions[1:-1].clone().requires_grad_()
    optimiser = torch.optim.LBFGS([inner], max_iter=NUM_ROUNDS, line_search_fn="strong_wolfe")

    def points() -> Tensor:
        return lengths * torch.cat([directions[:1], normalize(inner, dim=-1), directions[-1:]])

    def closure() -> Tensor:
        optimiser.zero_grad()
        energy = log_energy(points(), density)
        energy.backward()
        return energy

    optimiser.step(closure)
    return points().detach()


def log_energy(points: Tensor, prior: Prior) -> Tensor:
    """Return the log of the discrete energy of a curve, the sum of the squared costs of its steps.

    A turn costs its angle over the root of the density, beside that of N(0, I) at the same length: a conformal metric of the
    prior alone (Arvanitidis et al. 2021, arXiv:2103.05290), without the pull-back through the decoder. Deviations: a metric
    of directions only, and no floor under the density. The curve of least energy also turns evenly, by cost.

    Args:
        points: (K, D), none of them 0.
        prior: over (D,) or (1, D).
    """
    excess = prior.log_prob(points) + points.square().sum(dim=-1) / 2  # (K,), up to a constant
    turns = normalize(points, dim=-1).diff(dim=0).square().sum(dim=-1)
    return (turns.log() - (excess[1:] + excess[:-1]) / 2).logsumexp(dim=0)
