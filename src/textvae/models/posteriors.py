"""Families of q(z|x): from the numbers that the encoder's head gives a text to a distribution.

gaussian            diagonal (Kingma and Welling 2014, arXiv:1312.6114)
batch_norm          its means normalised over the batch (Zhu et al. 2020, arXiv:2004.12585)
delta               its rate kept above a floor (Razavi et al. 2019, arXiv:1901.03416)
flow                seen through coupling layers (Rezende and Mohamed 2015, arXiv:1505.05770)
von-mises-fisher    on the unit sphere (Davidson et al. 2018, arXiv:1804.00891; Xu and Durrett 2018, arXiv:1808.10805)
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, normalize, relu, softplus

from textvae.config import ModelConfig
from textvae.config.model import BATCH_NORM, DELTA, FLOW, GAUSSIAN, SPHERE
from textvae.distributions import DiagonalGaussian, FlowDistribution, Posterior, VonMisesFisher
from textvae.errors import ConfigError
from textvae.models.flows import coupling_flow

MIN_SCALE = 1e-4
"""The floor of a standard deviation; keeps the rate finite."""


class PosteriorFamily(nn.Module, ABC):
    """Turns numbers into q(z|x)."""

    width: int
    """Numbers a text."""

    @abstractmethod
    def forward(self, numbers: Tensor) -> Posterior:
        """Return q(z|x) over (B, D) of `numbers`, (B, width), in float32 or wider."""


class GaussianFamily(PosteriorFamily):
    """N(loc, scale²)."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.width = 2 * latent_dim

    def forward(self, numbers: Tensor) -> DiagonalGaussian:
        """Return the Gaussian; the first half are its means."""
        loc, raw_scale = numbers.chunk(2, dim=-1)
        return DiagonalGaussian(loc, softplus(raw_scale) + MIN_SCALE)


class BatchNormFamily(PosteriorFamily):
    """A Gaussian whose means have mean `shift`, learned, and standard deviation gamma, fixed, over the batch.

    The mean square of a batch's means is then gamma² + shift², so that the mean rate under N(0, I) is at least
    D gamma² / 2 (Zhu et al. 2020). In evaluation running means and variances stand for the batch's, so that no
    text depends on its batch-mates; a batch of a single text takes them in training too. Under `torchrun` each rank
    normalises over its own batch and keeps rank 0's running statistics.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, latent_dim: int, gamma: float) -> None:
        super().__init__()
        self.gaussian, self.gamma = GaussianFamily(latent_dim), gamma
        self.width = self.gaussian.width
        self.shift = nn.Parameter(torch.zeros(latent_dim))
        self.register_buffer("running_mean", torch.zeros(latent_dim))
        self.register_buffer("running_variance", torch.ones(latent_dim))

    def forward(self, numbers: Tensor) -> DiagonalGaussian:
        """Return the Gaussian of normalised means."""
        plain = self.gaussian(numbers)
        loc = batch_norm(
            plain.loc,
            self.running_mean,
            self.running_variance,
            torch.full_like(self.shift, self.gamma),
            self.shift,
            training=self.training and len(numbers) > 1,
        )
        return DiagonalGaussian(loc, plain.scale)


class DeltaFamily(PosteriorFamily):
    """A Gaussian whose rate under N(0, I) is at least delta nats, whatever the encoder says: delta / D in each dimension.

    In a dimension with floor d, the scale lies between the two roots of f(scale) = 2 d + 1 + ln scale² - scale², by a
    sigmoid, and the mean is sqrt(f(scale)) + max(0, number): the rate, (mean² + scale² - 1 - ln scale²) / 2, is then at least
    d (Razavi et al. 2019, the family for independent latents). All means are positive: the aggregate posterior is not
    N(0, I), and random texts want a prior fitted afterwards (the paper's auxiliary prior).
    """

    def __init__(self, latent_dim: int, delta: float) -> None:
        super().__init__()
        self.width, self.floor = 2 * latent_dim, delta / latent_dim
        self.low, self.high = _root(self.floor, 0.0, 1.0), _root(self.floor, 2 + 2 * self.floor, 1.0)

    def forward(self, numbers: Tensor) -> DiagonalGaussian:
        """Return the Gaussian; the first half stand for its means."""
        raw_loc, raw_scale = numbers.chunk(2, dim=-1)
        scale = self.low + (self.high - self.low) * raw_scale.sigmoid()
        needed = 2 * self.floor + 1 + 2 * scale.log() - scale.square()
        return DiagonalGaussian(needed.clamp_min(1e-6).sqrt() + relu(raw_loc), scale)


def _root(floor: float, outside: float, inside: float) -> float:
    """Return the scale between `outside`, where scale² - 1 - ln scale² > 2 floor, and `inside`, by bisection."""
    for _ in range(200):
        middle = (outside + inside) / 2
        far = middle**2 - 1 - 2 * math.log(middle) > 2 * floor
        outside, inside = (middle, inside) if far else (outside, middle)
    return inside


class FlowFamily(PosteriorFamily):
    """A Gaussian seen through coupling layers that read D more numbers of the text.

    Deviation from Rezende and Mohamed 2015 (planar layers) and Kingma et al. 2016, arXiv:1606.04934 (inverse autoregressive
    ones): affine couplings (Dinh et al. 2017, arXiv:1605.08803), whose density costs one pass at any z, not only at own
    draws, so that the aggregate posterior can be taken.
    """

    def __init__(self, latent_dim: int, num_layers: int) -> None:
        super().__init__()
        self.gaussian = GaussianFamily(latent_dim)
        self.width = self.gaussian.width + latent_dim
        self.flow = coupling_flow(latent_dim, num_layers, context_dim=latent_dim)

    def forward(self, numbers: Tensor) -> FlowDistribution:
        """Return the flow over the Gaussian of the first 2 D numbers."""
        base, context = numbers.split([self.gaussian.width, self.width - self.gaussian.width], dim=-1)
        return FlowDistribution(self.gaussian(base), self.flow, context)


class SphereFamily(PosteriorFamily):
    """A direction, around which z is drawn with a fixed concentration: the rate is the same for every text."""

    def __init__(self, latent_dim: int, kappa: float) -> None:
        super().__init__()
        self.width, self.kappa = latent_dim, kappa

    def forward(self, numbers: Tensor) -> VonMisesFisher:
        """Return the distribution around the direction of `numbers`."""
        return VonMisesFisher(normalize(numbers, dim=-1), self.kappa)


def _sphere(config: ModelConfig) -> SphereFamily:
    if config.kappa is None:
        raise ConfigError("model.kappa is not set; it comes from objective.target_rate")
    return SphereFamily(config.latent_dim, config.kappa)


BUILDERS: dict[str, Callable[[ModelConfig], PosteriorFamily]] = {
    GAUSSIAN: lambda config: GaussianFamily(config.latent_dim),
    BATCH_NORM: lambda config: BatchNormFamily(config.latent_dim, config.gamma),
    DELTA: lambda config: DeltaFamily(config.latent_dim, config.delta),
    FLOW: lambda config: FlowFamily(config.latent_dim, config.flow_layers),
    SPHERE: _sphere,
}


def build_posterior(config: ModelConfig) -> PosteriorFamily:
    """Build the family that `config` names."""
    return BUILDERS[config.posterior](config)
