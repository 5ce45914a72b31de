"""Posteriors and priors as `torch.distributions`, and the rate between them."""

from textvae.distributions.gaussian import DiagonalGaussian, standard_normal
from textvae.distributions.rates import rate, rate_per_dimension

__all__ = ["DiagonalGaussian", "rate", "rate_per_dimension", "standard_normal"]
