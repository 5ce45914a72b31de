"""The rate KL(q(z|x) || p(z)), in nats."""

from torch import Tensor
from torch.distributions import kl_divergence

from textvae.distributions.gaussian import DiagonalGaussian


def rate(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
    """Return KL(posterior || prior) in closed form, (B,) nats a sentence."""
    return kl_divergence(posterior, prior)


def rate_per_dimension(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
    """Return the closed-form KL of each dimension, (B, D) nats; the sum over D is `rate`."""
    return kl_divergence(posterior.base_dist, prior.base_dist)
