"""A normalising flow fitted to the aggregate posterior by maximum likelihood."""

import torch
from torch import Tensor, nn

from textvae.control.priors.aggregate import Aggregate
from textvae.control.priors.descent import Budget, descend
from textvae.distributions import Affine, DiagonalGaussian, FlowDistribution, standard_normal
from textvae.errors import ConfigError
from textvae.models.fitted import FittedFlow, Shape
from textvae.progress import Work

NUM_LAYERS = 5
BUDGET = Budget(learning_rate=3e-3, max_steps=1000)


def fit_flow(posterior: DiagonalGaussian, *, work: Work, steps: int | None = None, seed: int = 0) -> Affine:
    """Fit a masked autoregressive flow over whitened latents: minimise -log p(z) of draws of the aggregate posterior.

    Papamakarios et al. 2017, arXiv:1705.07057, over the affine map that whitens the latents.

    Args:
        posterior: q(z|x) of N texts, over (N, D), on the CPU.
        work: hears of it.
        steps: of 256 draws; None: by the number of texts, see `BUDGET`.
        seed: of weights, draws and what is held out.

    Raises:
        ConfigError: D = 1.
        MissingExtraError: zuko is not installed.
    """
    aggregate = Aggregate(posterior)
    dim = aggregate.loc.shape[0]
    if dim < 2:
        raise ConfigError("z has 1 dimension, and a flow needs two; use kind mixture or flow-matching")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = FittedFlow(Shape(dim=dim, width=min(max(2 * dim, 32), 256), layers=NUM_LAYERS))
    fitted = descend(
        network, aggregate, _loss, BUDGET.limited(steps), work=work, what="fitting a flow", seed=seed
    )
    return aggregate.restored(FlowDistribution(standard_normal(dim, like=torch.empty(0)), fitted))


def _loss(flow: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
    return -FlowDistribution(standard_normal(x.shape[1], like=x), flow).log_prob(x) / x.shape[1]
