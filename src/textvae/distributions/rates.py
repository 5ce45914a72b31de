"""The rate KL(q(z|x) || p(z)), in nats: in closed form where there is one, else estimated at one z."""

from typing import cast

from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from textvae.distributions.gaussian import DiagonalGaussian
from textvae.distributions.protocol import Posterior, Prior
from textvae.distributions.sphere import SphereUniform, VonMisesFisher

CLOSED_FORMS: tuple[tuple[type, type], ...] = (
    (DiagonalGaussian, DiagonalGaussian),
    (VonMisesFisher, SphereUniform),
)
"""Pairs of a posterior and a prior."""


def has_closed_form(posterior: Posterior, prior: Prior) -> bool:
    """Return whether `rate` can be taken."""
    return any(isinstance(posterior, q) and isinstance(prior, p) for q, p in CLOSED_FORMS)


def rate(posterior: Posterior, prior: Prior) -> Tensor:
    """Return KL(posterior || prior) in closed form, (B,) nats a sentence, of a pair that `has_closed_form`."""
    return kl_divergence(cast("Distribution", posterior), cast("Distribution", prior))


def rate_at(posterior: Posterior, prior: Prior, z: Tensor) -> Tensor:
    """Return the rate, (B,) nats a sentence; without a closed form, its unbiased estimate log q(z|x) - log p(z).

    Args:
        posterior: q(z|x) of B sentences.
        prior: p(z).
        z: a draw from the posterior, (B, D): the one the distortion is taken at.
    """
    if has_closed_form(posterior, prior):
        return rate(posterior, prior)
    return posterior.log_prob(z) - prior.log_prob(z)


def rate_parts(posterior: Posterior, prior: Prior, z: Tensor) -> Tensor:
    """Return what adds up to `rate_at`: by dimension, (B, D), of two diagonal Gaussians, else in one piece, (B, 1)."""
    if isinstance(posterior, DiagonalGaussian) and isinstance(prior, DiagonalGaussian):
        return rate_per_dimension(posterior, prior)
    return rate_at(posterior, prior, z).unsqueeze(-1)


def rate_per_dimension(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
    """Return the closed-form KL of each dimension, (B, D) nats; the sum over D is `rate`."""
    return kl_divergence(posterior.base_dist, prior.base_dist)
