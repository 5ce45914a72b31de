"""Styles of a few examples: a small latent distribution to draw from, and what tells it from everything else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.codec.identity import weights_digest
from textvae.control.attributes.attribute import Attribute
from textvae.control.attributes.fitting import fit_attribute
from textvae.control.priors import moments
from textvae.data.conditions import Conditions
from textvae.decoding.noise import row_normals
from textvae.distributions import DiagonalGaussian, Posterior, VonMisesFisher, wide
from textvae.errors import ConfigError, DataError

LIKE, UNLIKE = "like", "unlike"
MIN_EXAMPLES, FEW_EXAMPLES = 2, 5
PSEUDO_EXAMPLES = 5.0
"""Examples for which the mean spread counts."""
NUM_OTHERS = 400
"""Draws from the prior that examples are told from."""


@dataclass(frozen=True)
class Style:
    """A Gaussian over z, (D,), of some examples.

    Attributes:
        distribution: it.
        num_examples: it was fitted to.
    """

    distribution: DiagonalGaussian
    num_examples: int

    def draw(self, num: int, seed: int) -> Tensor:
        """Return z, (num, D), noise by (seed, row)."""
        noise = row_normals(seed, range(num), self.distribution.loc.shape[-1])
        return self.distribution.at(noise.to(self.distribution.loc))

    def warnings(self) -> tuple[str, ...]:
        """Return sentences on what will not work well."""
        if self.num_examples >= FEW_EXAMPLES:
            return ()
        return (f"few examples ({self.num_examples}) say little of a style; give at least {FEW_EXAMPLES}",)


def fit_style(
    codec: Codec, examples: Sequence[str], conditions: Conditions | None = None, *, seed: int = 0
) -> Style:
    """Return the Gaussian of the examples' posteriors, its variances drawn towards each other.

    With n examples, mean m and variances s² of the mixture of their posteriors: the mean is m, the variances are
    (n s² + kappa v) / (n + kappa), v the mean of s² over dimensions, kappa `PSEUDO_EXAMPLES`.

    Raises:
        ConfigError: latents on a sphere.
        DataError: fewer than two examples.
    """
    posterior = _posterior(codec, examples, conditions)
    texts = moments(wide(posterior), torch.Generator().manual_seed(seed))
    num = len(texts.loc)
    spread = texts.loc.var(dim=0, correction=0) + texts.scale.square().mean(dim=0)
    variance = (num * spread + PSEUDO_EXAMPLES * spread.mean()) / (num + PSEUDO_EXAMPLES)
    return Style(DiagonalGaussian(texts.loc.mean(dim=0), variance.sqrt()), num)


def likeness(codec: Codec, examples: Sequence[str], *, seed: int = 0) -> Attribute:
    """Return the attribute that tells examples from random texts of the prior: like or unlike, each as likely beforehand.

    Raises:
        ConfigError: latents on a sphere.
        DataError: fewer than five examples.
    """
    loc = _posterior(codec, examples, None).loc.double()
    if len(loc) < FEW_EXAMPLES:
        raise DataError(f"{len(loc)} examples say too little to edit by; give at least {FEW_EXAMPLES}")
    others = _draws(codec, seed)
    z = np.concatenate([loc.numpy(), others.numpy()])
    labels = [LIKE] * len(loc) + [UNLIKE] * len(others)
    found = fit_attribute(z, labels, name=LIKE, model=weights_digest(codec.model), seed=seed)
    evened = np.zeros_like(found.bias)
    evened[found.place(LIKE)] = math.log(len(others) / len(loc))
    return replace(found, bias=found.bias + evened)


def _posterior(codec: Codec, examples: Sequence[str], conditions: Conditions | None) -> Posterior:
    if len(examples) < MIN_EXAMPLES:
        raise DataError(f"a style was asked for of {len(examples)} examples; give 5 to 50")
    posterior = codec.posterior(codec.store(examples, conditions))
    if isinstance(posterior, VonMisesFisher):
        raise ConfigError("z of a von-mises-fisher posterior lie on a sphere; a style is a Gaussian")
    return posterior


def _draws(codec: Codec, seed: int) -> Tensor:
    """Return z of the prior, (NUM_OTHERS, D) float64."""
    return codec.prior_sample(NUM_OTHERS, seed=seed).double()
