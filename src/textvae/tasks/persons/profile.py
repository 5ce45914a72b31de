"""A latent profile: a Gaussian over z that takes the place of p(z) for the texts of one person.

With n texts, posteriors q(z|x_i) and kappa pseudo-texts from p(z), it has the moments of
(kappa p(z) + sum_i q(z|x_i)) / (kappa + n), dimension by dimension: for a Gaussian p(z) the mean is that of the
normal-inverse-gamma posterior, and the variance shrinks alike.
"""

import numpy as np
import torch
from torch import Tensor

from textvae.control.priors import moments
from textvae.distributions import DiagonalGaussian, GaussianMixture, Posterior, Prior, VonMisesFisher, wide
from textvae.errors import ConfigError

PSEUDO_TEXTS = 5.0
"""kappa: texts for which p(z) counts."""

NUM_DRAWS = 4096
"""From a prior whose moments have no closed form."""


def shrunken_gaussian(posterior: Posterior, prior: Prior, seed: int) -> np.ndarray:
    """Return means and standard deviations, (2, D) float64.

    Args:
        posterior: q(z|x) of a person's texts, over (N, D).
        prior: p(z), or p(z|c) of each text.
        seed: of draws, where a distribution has no closed moments.

    Raises:
        ConfigError: latents on a sphere.
    """
    if isinstance(posterior, VonMisesFisher):
        raise ConfigError("z of a von-mises-fisher posterior lie on a sphere; a person has no profile there")
    generator = torch.Generator().manual_seed(seed)
    texts = moments(wide(posterior), generator)
    own_mean, own_square = _prior_moments(wide(prior), generator)
    num, total = len(texts.loc), PSEUDO_TEXTS + len(texts.loc)
    mean = (PSEUDO_TEXTS * own_mean + num * texts.loc.mean(dim=0)) / total
    squares = texts.loc.square() + texts.scale.square()
    square = (PSEUDO_TEXTS * own_square + num * squares.mean(dim=0)) / total
    return torch.stack([mean, (square - mean.square()).sqrt()]).numpy()


def _prior_moments(prior: Prior, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return E[z] and E[z²] by dimension, (D,) each, over all rows of a prior that has some."""
    if isinstance(prior, DiagonalGaussian | GaussianMixture):
        mean = prior.mean.reshape(-1, prior.mean.shape[-1])
        squares = prior.variance.reshape(mean.shape) + mean.square()
        return mean.mean(dim=0), squares.mean(dim=0)
    z = prior.at(torch.randn(NUM_DRAWS, prior.noise_dim, generator=generator, dtype=torch.float64))
    return z.mean(dim=0), z.square().mean(dim=0)
