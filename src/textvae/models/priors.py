"""p(z) learned with the model.

standard   N(0, I); beside a von Mises-Fisher posterior the uniform distribution on the sphere
mixture    a mixture of diagonal Gaussians, weights, means and variances learned
vamp       the mean of the posteriors of learned pseudo-inputs (Tomczak and Welling 2018, arXiv:1705.07120)
flow       a masked autoregressive flow over N(0, I) (Papamakarios et al. 2017, arXiv:1705.07057)
conditional  p(z|c), a Gaussian that depends on the condition (Sohn et al. 2015; Zhao et al. 2017, arXiv:1703.10960)
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from textvae.config import ModelConfig
from textvae.config.model import CONDITIONAL, FLOW, MIXTURE, SPHERE, STANDARD, VAMP
from textvae.distributions import (
    DiagonalGaussian,
    FlowDistribution,
    GaussianMixture,
    Posterior,
    Prior,
    SphereUniform,
)
from textvae.models.flows import autoregressive_flow
from textvae.models.posteriors import MIN_SCALE
from textvae.models.products import Linear

Read = Callable[[Tensor], Posterior]
"""From embedded texts, (C, L, E), to their posteriors: what a VampPrior asks of the model it belongs to."""

UNIT = math.log(math.e - 1)
"""Softplus makes 1 of it."""


class PriorFamily(nn.Module, ABC):
    """Gives p(z)."""

    @abstractmethod
    def forward(self, read: Read, condition: Tensor | None = None) -> Prior:
        """Return p(z) over (D,); one that depends on a condition, p(z|c) over (B, D) for condition vectors, (B, C)."""


class StandardPrior(PriorFamily):
    """N(0, I), or the uniform distribution on the unit sphere."""

    centre: Tensor

    def __init__(self, latent_dim: int, *, on_sphere: bool) -> None:
        super().__init__()
        self.on_sphere = on_sphere
        self.register_buffer("centre", torch.zeros(latent_dim), persistent=False)

    def forward(self, read: Read, condition: Tensor | None = None) -> Prior:
        """Return p(z)."""
        if self.on_sphere:
            return SphereUniform(self.centre)
        return DiagonalGaussian(self.centre, torch.ones_like(self.centre))


class MixturePrior(PriorFamily):
    """sum_k weights_k N(loc_k, scale_k²): equal weights, random means and scales of 1 at first.

    Weight decay draws the means a little towards 0, as it does all matrices.
    """

    def __init__(self, latent_dim: int, num_components: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(num_components))
        self.loc = nn.Parameter(torch.randn(num_components, latent_dim) / 2)
        self.raw_scale = nn.Parameter(torch.full((num_components, latent_dim), UNIT))

    def forward(self, read: Read, condition: Tensor | None = None) -> GaussianMixture:
        """Return p(z)."""
        return GaussianMixture(self.logits.softmax(dim=0), self.loc, softplus(self.raw_scale) + MIN_SCALE)


class VampPrior(PriorFamily):
    """(1 / C) sum_k q(z | u_k) over pseudo-inputs u_k that are learned (Tomczak and Welling 2018).

    Deviation: a text is no array of numbers, so that a pseudo-input is a sequence of embeddings, of fixed length, which the
    encoder reads in place of embedded tokens.
    """

    weights: Tensor

    def __init__(self, num_components: int, length: int, embed_dim: int) -> None:
        super().__init__()
        self.pseudo_inputs = nn.Parameter(torch.randn(num_components, length, embed_dim) / embed_dim**0.5)
        self.register_buffer("weights", torch.full((num_components,), 1 / num_components), persistent=False)

    def forward(self, read: Read, condition: Tensor | None = None) -> GaussianMixture:
        """Return p(z)."""
        posterior = read(self.pseudo_inputs)
        assert isinstance(posterior, DiagonalGaussian)
        return GaussianMixture(self.weights, posterior.loc, posterior.scale)


class FlowPrior(PriorFamily):
    """N(0, I) seen through autoregressive layers (as in Chen et al. 2017, arXiv:1611.02731)."""

    centre: Tensor

    def __init__(self, latent_dim: int, num_layers: int) -> None:
        super().__init__()
        self.flow = autoregressive_flow(latent_dim, num_layers)
        self.register_buffer("centre", torch.zeros(latent_dim), persistent=False)

    def forward(self, read: Read, condition: Tensor | None = None) -> FlowDistribution:
        """Return p(z)."""
        return FlowDistribution(DiagonalGaussian(self.centre, torch.ones_like(self.centre)), self.flow)


class ConditionalPrior(PriorFamily):
    """p(z|c) = N(loc(c), scale(c)²), a network of one hidden layer (Sohn et al. 2015, section 4.1; Zhao et al. 2017, arXiv:1703.10960).

    It starts at N(0, I) for every condition.
    """

    def __init__(self, latent_dim: int, condition_dim: int) -> None:
        super().__init__()
        hidden = max(condition_dim, 2 * latent_dim)
        last = Linear(hidden, 2 * latent_dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.network = nn.Sequential(Linear(condition_dim, hidden), nn.Tanh(), last)

    def forward(self, read: Read, condition: Tensor | None = None) -> DiagonalGaussian:
        """Return p(z|c)."""
        assert condition is not None
        loc, raw = self.network(condition).chunk(2, dim=-1)
        if raw.dtype != torch.float64:
            loc, raw = loc.float(), raw.float()
        return DiagonalGaussian(loc, softplus(raw + UNIT) + MIN_SCALE)


BUILDERS: dict[str, Callable[[ModelConfig], PriorFamily]] = {
    STANDARD: lambda config: StandardPrior(config.latent_dim, on_sphere=config.posterior == SPHERE),
    MIXTURE: lambda config: MixturePrior(config.latent_dim, config.prior_components),
    VAMP: lambda config: VampPrior(config.prior_components, config.pseudo_length, config.embed_dim),
    FLOW: lambda config: FlowPrior(config.latent_dim, config.prior_layers),
    CONDITIONAL: lambda config: ConditionalPrior(config.latent_dim, config.condition_dim),
}


def build_prior(config: ModelConfig) -> PriorFamily:
    """Build the prior that `config` names."""
    return BUILDERS[config.prior](config)
