"""A velocity field fitted to the aggregate posterior by flow matching."""

import torch
from torch import Tensor, nn

from textvae.control.priors.aggregate import Aggregate
from textvae.control.priors.descent import Budget, descend
from textvae.distributions import Affine, DiagonalGaussian, OdeDistribution, standard_normal
from textvae.models.fitted import FittedField, Shape
from textvae.progress import Work

BUDGET = Budget(learning_rate=1e-3, epochs=100, min_steps=1000, max_steps=3000)


def fit_matching(
    posterior: DiagonalGaussian, *, work: Work, steps: int | None = None, seed: int = 0
) -> Affine:
    """Fit a velocity field over whitened latents: minimise E|v((1 - t) x0 + t x1, t) - (x1 - x0)|².

    Lipman et al. 2023, arXiv:2210.02747, eq. 22 with sigma_min = 0: x0 ~ N(0, I), x1 a draw of the aggregate posterior, t
    uniform and spread evenly over a batch. Ends are paired at random.

    Args:
        posterior: q(z|x) of N texts, over (N, D), on the CPU.
        work: hears of it.
        steps: of 256 draws; None: by the number of texts, see `BUDGET`.
        seed: of weights, draws and what is held out.
    """
    aggregate = Aggregate(posterior)
    dim = aggregate.loc.shape[0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        field = FittedField(Shape(dim=dim, width=min(max(8 * dim, 64), 1024), layers=2))
    fitted = descend(
        field, aggregate, _loss, BUDGET.limited(steps), work=work, what="flow matching", seed=seed
    )
    return aggregate.restored(OdeDistribution(standard_normal(dim, like=torch.empty(0)), fitted))


def _loss(field: nn.Module, x: Tensor, generator: torch.Generator) -> Tensor:
    start = torch.randn(x.shape, generator=generator)
    within = torch.rand(len(x), 1, generator=generator)
    t = (torch.arange(len(x)).unsqueeze(1) + within) / len(x)
    return (field((1 - t) * start + t * x, t) - (x - start)).square().mean(dim=1)
