"""Posteriors and priors as `torch.distributions`, and the rate between them."""

from textvae.distributions.gaussian import DiagonalGaussian, standard_normal
from textvae.distributions.mixture import GaussianMixture
from textvae.distributions.rates import rate, rate_per_dimension

Prior = DiagonalGaussian | GaussianMixture
"""p(z) over (D,)."""

__all__ = ["DiagonalGaussian", "GaussianMixture", "Prior", "rate", "rate_per_dimension", "standard_normal"]
