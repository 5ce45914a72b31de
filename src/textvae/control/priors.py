"""Priors after the fact: a mixture fitted to the aggregate posterior, so that samples do not fall into its holes.

The ELBO depends on the prior only through E_q[log p(z)], the mean over texts. With encoder and decoder as they are,
the prior that maximises it is the aggregate posterior (Hoffman and Johnson 2016; Tomczak and Welling 2018,
arXiv:1705.07120, eq. 5); a mixture fitted to that lowers the rate of every text and stays a prior: the bounds on log p(x)
hold under it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.config.fields import check_range
from textvae.distributions import (
    DiagonalGaussian,
    GaussianMixture,
    Posterior,
    Prior,
    VonMisesFisher,
    rows,
    standard_normal,
    wide,
)
from textvae.errors import ConfigError, DataError

SIZES = (16, 64, 256)
"""Numbers of components that are tried."""

NUM_ROUNDS = 60
"""Of EM; the bound settles within half of them."""

PSEUDO_TEXTS = 5.0
"""Texts for which the variance over the whole corpus counts in each component's."""

HELD_OUT_SHARE = 0.1
MIN_TEXTS = 100


@dataclass(frozen=True, kw_only=True)
class PriorFit:
    """A prior and what it is worth; log densities are means over held-out texts, nats a text, of one z ~ q(z|x)."""

    prior: GaussianMixture | None
    """None: no mixture was better than the model's own prior."""
    log_density: float
    own_log_density: float
    """Under the model's own prior."""
    num_texts: int
    """Texts it was fitted to."""

    @property
    def gain(self) -> float:
        """Nats a text by which the rate falls on held-out texts."""
        return self.log_density - self.own_log_density


@torch.no_grad()
def fit_prior(
    posterior: Posterior, own: Prior | None = None, *, sizes: Sequence[int] = SIZES, seed: int = 0
) -> PriorFit:
    """Fit mixtures of several sizes to nine tenths of the texts and keep the one under which the rest is likeliest.

    Args:
        posterior: q(z|x) of N texts, over (N, D); of one that is no Gaussian, a draw stands for each text.
        own: the prior that has to be beaten; None: N(0, I).
        sizes: numbers of components; those that leave fewer than two texts to each are not tried.
        seed: of the split, the starts and the held-out samples.

    Raises:
        ConfigError: a number of components below 1, or latents on a sphere.
        DataError: fewer than 100 texts.
    """
    if isinstance(posterior, VonMisesFisher):
        raise ConfigError(
            "z of a von-mises-fisher posterior lie on a sphere; no mixture of Gaussians fits them"
        )
    num_texts = len(posterior.loc)
    if num_texts < MIN_TEXTS:
        raise DataError(f"a prior was to be fitted to {num_texts} texts; give at least {MIN_TEXTS}")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(num_texts, generator=generator)
    num_held = max(1, int(HELD_OUT_SHARE * num_texts))
    latents = moments(wide(posterior), generator)
    held, kept = (rows(latents, chosen) for chosen in (order[:num_held], order[num_held:]))
    z = held.at(torch.randn(held.loc.shape, generator=generator, dtype=torch.float64))
    prior = standard_normal(z.shape[1], like=z) if own is None else wide(own)
    own_density = float(prior.log_prob(z).mean())
    best, best_density = None, own_density
    for size in sizes:
        check_range("sizes", size, 1)
        if 2 * size > len(kept.loc):
            continue
        mixture = fit_mixture(kept, size, seed=seed)
        density = float(mixture.log_prob(z).mean())
        if density > best_density:
            best, best_density = mixture, density
    return PriorFit(
        prior=best, log_density=best_density, own_log_density=own_density, num_texts=len(kept.loc)
    )


def fit_mixture(posterior: DiagonalGaussian, num_components: int, *, seed: int = 0) -> GaussianMixture:
    """Fit a mixture to the aggregate posterior by EM with expected statistics.

    Each text belongs to component k with r_k proportional to weights_k exp(E_q[log N(z; loc_k, scale_k²)]); weights, means
    and variances follow from the means and variances of q. This raises a lower bound of the mean of E_q[log p(z)] in each
    round, without sampling. The variances are drawn a little towards those of the whole corpus.

    Args:
        posterior: q(z|x) of N texts, over (N, D).
        num_components: C.
        seed: of the texts at whose means the components start.
    """
    loc, second = posterior.loc.double(), posterior.loc.double().square() + posterior.scale.double().square()
    overall = second.mean(dim=0) - loc.mean(dim=0).square()  # (D,)
    generator = torch.Generator().manual_seed(seed)
    centres = loc[torch.randperm(len(loc), generator=generator)[:num_components]]
    variances = overall.expand_as(centres) / 2
    weights = torch.full((num_components,), 1 / num_components, dtype=torch.float64)
    for _ in range(NUM_ROUNDS):
        shares = (_expected_log_density(loc, second, centres, variances) + weights.log()).softmax(dim=1)
        counts = shares.sum(dim=0).clamp_min(1e-6)  # (C,)
        weights, centres = counts / counts.sum(), shares.T @ loc / counts.unsqueeze(1)
        spread = shares.T @ second - counts.unsqueeze(1) * centres.square()
        variances = (spread + PSEUDO_TEXTS * overall) / (counts.unsqueeze(1) + PSEUDO_TEXTS)
    return GaussianMixture(weights, centres, variances.sqrt())


def _expected_log_density(loc: Tensor, second: Tensor, centres: Tensor, variances: Tensor) -> Tensor:
    """Return E_q[log N(z; centre, variance)], (N, C), from the first and second moments of q, (N, D) each."""
    precision = 1 / variances
    constant = (centres.square() * precision + variances.log() + math.log(2 * math.pi)).sum(dim=1)
    return -0.5 * (second @ precision.T - 2 * loc @ (centres * precision).T + constant)


def moments(posterior: Posterior, generator: torch.Generator) -> DiagonalGaussian:
    """Return means and scales of each text; of a posterior that is no Gaussian those of one draw, which has no spread."""
    if isinstance(posterior, DiagonalGaussian):
        return posterior
    shape = posterior.loc.shape
    z = posterior.at(torch.randn(shape, generator=generator, dtype=torch.float64))
    return DiagonalGaussian(z, torch.zeros_like(z))
