"""Distributions on the unit sphere: the uniform one, and von Mises-Fisher's around a direction.

Davidson et al. 2018, arXiv:1804.00891; Xu and Durrett 2018, arXiv:1808.10805.
"""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, register_kl
from torch.nn.functional import normalize

from textvae.config.model import MAX_KAPPA
from textvae.errors import ConfigError

QUANTILES = 4097
"""Entries of the table of angles, even steps of a standard normal number between -FAR and FAR."""
FAR = 8.0
ANGLES = 2**14
NEGLIGIBLE = 45.0
"""Nats below its maximum where a density counts as 0."""


class SphereUniform(Distribution):
    """The uniform distribution on the unit sphere of R^D.

    Args:
        centre: zeros, (D,): they say how many dimensions, in which precision and where.
    """

    arg_constraints = {}  # noqa: RUF012  (torch's own class attribute)

    def __init__(self, centre: Tensor) -> None:
        self.centre = centre
        super().__init__(torch.Size(), centre.shape, validate_args=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The centre."""
        return (self.centre,)

    def with_tensors(self, *tensors: Tensor) -> "SphereUniform":
        """Return the sphere around another centre."""
        return SphereUniform(*tensors)

    @property
    def noise_dim(self) -> int:
        """D."""
        return len(self.centre)

    def at(self, noise: Tensor) -> Tensor:
        """Return the direction of `noise`, (..., D)."""
        return normalize(noise, dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return -log of the sphere's area, (...), for any z = `value` on it: nats."""
        return value.new_full(value.shape[:-1], -log_area(len(self.centre)))


class VonMisesFisher(Distribution):
    """log q(z) = kappa loc·z + log C_D(kappa) on the unit sphere.

    Deviation: the papers draw the angle to `loc` by rejection (Wood 1994, as Ulrich 1984 corrected); here it is the quantile
    of one normal number, from a table exact to about 1e-6. A draw is then a function of D numbers as a Gaussian's is, and a
    row's z does not depend on how often its batch-mates were rejected. Gradients reach `loc` through the reflection that
    takes the first axis to it, as in those papers.

    Args:
        loc: directions, (..., D), of length 1; D at least 2.
        kappa: concentration, the same for all.
    """

    arg_constraints = {}  # noqa: RUF012  (torch's own class attribute)

    def __init__(self, loc: Tensor, kappa: float) -> None:
        self.loc, self.kappa = loc, kappa
        super().__init__(torch.Size(loc.shape[:-1]), torch.Size(loc.shape[-1:]), validate_args=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The directions."""
        return (self.loc,)

    def with_tensors(self, *tensors: Tensor) -> "VonMisesFisher":
        """Return the same concentration around other directions."""
        return VonMisesFisher(*tensors, self.kappa)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.event_shape[0]

    @property
    def mean(self) -> Tensor:
        """E[z], (..., D), inside the sphere."""
        return self.loc * mean_length(self.kappa, self.noise_dim)

    def at(self, noise: Tensor) -> Tensor:
        """Return a point of the sphere for each row of `noise`: the first number is the angle to `loc`, the rest the side."""
        angle = _angles(noise[..., :1], _angle_table(self.kappa, self.noise_dim))
        point = torch.cat([angle.cos(), angle.sin() * normalize(noise[..., 1:], dim=-1)], dim=-1)
        first = torch.zeros_like(self.loc)
        first[..., 0] = 1
        mirror = normalize(first - self.loc, dim=-1)
        return point - 2 * (point * mirror).sum(dim=-1, keepdim=True) * mirror

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log q(z), (...), for z = `value` on the sphere: nats."""
        return self.kappa * (self.loc * value).sum(dim=-1) + log_normaliser(self.kappa, self.noise_dim)


@register_kl(VonMisesFisher, SphereUniform)
def _kl_to_uniform(posterior: VonMisesFisher, prior: SphereUniform) -> Tensor:
    rate = concentration_rate(posterior.kappa, posterior.noise_dim)
    return posterior.loc.new_full(posterior.batch_shape, rate)


def concentration_rate(kappa: float, dim: int) -> float:
    """Return KL(vMF || uniform) = kappa A_D(kappa) + log C_D(kappa) + log area, nats: the same for every direction."""
    return kappa * mean_length(kappa, dim) + log_normaliser(kappa, dim) + log_area(dim)


def concentration(rate: float, dim: int) -> float:
    """Return the kappa whose rate is `rate` nats, by bisection of its logarithm.

    Raises:
        ConfigError: it would be beyond `MAX_KAPPA`.
    """
    low, high = -10.0, math.log(MAX_KAPPA)
    if (most := concentration_rate(MAX_KAPPA, dim)) < rate:
        raise ConfigError(
            f"objective.target_rate is {rate:g} nats, and a sphere in {dim} dimensions holds at most {most:.1f}; "
            "raise model.latent_dim, or lower the target"
        )
    while high - low > 1e-12:
        middle = (low + high) / 2
        low, high = (middle, high) if concentration_rate(math.exp(middle), dim) < rate else (low, middle)
    return math.exp(low)


def log_area(dim: int) -> float:
    """Return the logarithm of the area of the unit sphere in R^dim: 2 pi^(dim/2) / Gamma(dim/2)."""
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


def log_normaliser(kappa: float, dim: int) -> float:
    """Return log C_D(kappa) = (D/2 - 1) log kappa - D/2 log(2 pi) - log I_{D/2-1}(kappa)."""
    order = dim / 2 - 1
    return order * math.log(kappa) - dim / 2 * math.log(2 * math.pi) - log_bessel(order, kappa)


def mean_length(kappa: float, dim: int) -> float:
    """Return A_D(kappa) = I_{D/2}(kappa) / I_{D/2-1}(kappa), the length of the mean."""
    return math.exp(log_bessel(dim / 2, kappa) - log_bessel(dim / 2 - 1, kappa))


@lru_cache(maxsize=1024)
def log_bessel(order: float, x: float) -> float:
    """Return log I_order(x), the modified Bessel function of the first kind, for x > 0.

    Its power series, all of whose terms are positive: (x/2)^(2k + order) / (k! Gamma(k + order + 1)). The largest
    is near k = x/2; those far from it are left out.
    """
    peak = (math.sqrt(order**2 + x**2) - order) / 2
    width = 12 * math.sqrt(peak + 10) + 20
    terms = torch.arange(max(0, int(peak - width)), int(peak + width) + 1, dtype=torch.float64)
    logs = (2 * terms + order) * math.log(x / 2) - torch.lgamma(terms + 1) - torch.lgamma(terms + order + 1)
    return float(logs.logsumexp(dim=0))


@lru_cache(maxsize=64)
def _angle_table(kappa: float, dim: int) -> Tensor:
    """Return angles to `loc` at even steps of a normal number, (QUANTILES,) float64.

    The density of an angle is proportional to sin^(D-2) exp(kappa cos): summed over cells where it is not negligible.
    """
    angles = np.linspace(0, math.pi, ANGLES + 1)[1:-1]
    heights = _log_heights(angles, kappa, dim)
    likely = angles[heights > heights.max() - NEGLIGIBLE]
    step = math.pi / ANGLES
    angles = np.linspace(max(0.0, likely[0] - step), min(math.pi, likely[-1] + step), ANGLES + 1)
    middles = (angles[1:] + angles[:-1]) / 2
    heights = _log_heights(middles, kappa, dim)
    masses = np.exp(heights - heights.max())
    bounds = np.concatenate([[0.0], masses.cumsum()]) / masses.sum()
    quantiles = torch.special.ndtr(torch.linspace(-FAR, FAR, QUANTILES, dtype=torch.float64)).numpy()
    return torch.from_numpy(np.interp(quantiles, bounds, angles))


def _log_heights(angles: np.ndarray, kappa: float, dim: int) -> np.ndarray:
    return (dim - 2) * np.log(np.sin(angles)) + kappa * (np.cos(angles) - 1)


def _angles(noise: Tensor, table: Tensor) -> Tensor:
    """Return the entry of the table for each number of `noise`, between two entries the straight line."""
    table = table.to(noise)
    place = (noise.clamp(-FAR, FAR) + FAR) * ((len(table) - 1) / (2 * FAR))
    left = place.floor().long().clamp(max=len(table) - 2)
    share = place - left
    return table[left] * (1 - share) + table[left + 1] * share
