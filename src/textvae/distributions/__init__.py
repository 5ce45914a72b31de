"""Posteriors and priors as `torch.distributions`, and the rate between them."""

from textvae.distributions.affine import Affine
from textvae.distributions.flow import FlowDistribution
from textvae.distributions.gaussian import DiagonalGaussian, standard_normal
from textvae.distributions.mixture import GaussianMixture
from textvae.distributions.ode import Field, OdeDistribution
from textvae.distributions.protocol import Posterior, Prior, joined, on_cpu, rows, wide
from textvae.distributions.rates import has_closed_form, rate, rate_at, rate_parts, rate_per_dimension
from textvae.distributions.sphere import SphereUniform, VonMisesFisher

__all__ = [
    "Affine",
    "DiagonalGaussian",
    "Field",
    "FlowDistribution",
    "GaussianMixture",
    "OdeDistribution",
    "Posterior",
    "Prior",
    "SphereUniform",
    "VonMisesFisher",
    "has_closed_form",
    "joined",
    "on_cpu",
    "rate",
    "rate_at",
    "rate_parts",
    "rate_per_dimension",
    "rows",
    "standard_normal",
    "wide",
]
