"""Directions of latent space to move along: dimensions, and principal axes of given texts."""

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.config.fields import check_range
from textvae.control.moves.conditioned import Conditioned
from textvae.control.principal import principal_axes
from textvae.distributions import DiagonalGaussian, GaussianMixture, Posterior, on_cpu, wide
from textvae.errors import ConfigError, DataError

DIMENSION, AXIS = "dimension", "axis"
NUM_CHOSEN = 3
"""Directions that are taken where none is named."""
NUM_DRAWN = 4000
"""Draws by which a prior's deviations are measured where they have no closed form."""


@dataclass(frozen=True)
class Direction:
    """A direction of latent space.

    Attributes:
        kind: dimension or axis.
        number: which one, from 0.
        step: a move of one standard deviation of z, (D,) float64.
        share: of the variance of posterior means, along it; None: there are no texts that say.
    """

    kind: str
    number: int
    step: Tensor
    share: float | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.kind} {self.number}"


def directions(
    model: Conditioned,
    text: str,
    *,
    dimension: int | None = None,
    axis: int | None = None,
    corpus: Posterior | None = None,
    num: int = NUM_CHOSEN,
) -> list[Direction]:
    """Return the direction that is named, or the most active dimensions.

    Standard deviations are those of the aggregate posterior of a corpus (its means' variance and the mean variance about
    them), or without one those of the prior, which the aggregate posterior is trained to be like.

    Args:
        model: whose latents they are.
        text: what will be moved.
        dimension: a dimension of z.
        axis: a principal axis of the corpus's posterior means, 0 the one of most variance.
        corpus: q(z|x) of texts; None: none.
        num: dimensions that are chosen where neither is named: those whose means vary most over the corpus (Burda et al.
            2016, arXiv:1509.00519, section 5.2); without one, those in which q(z|x) of the text itself is narrowest beside
            the prior, for a dimension that says nothing of it is as wide.

    Raises:
        ConfigError: both are named, there is none of that number, or an axis or a choice that takes a corpus.
        DataError: a corpus of fewer than two texts.
    """
    if dimension is not None and axis is not None:
        raise ConfigError(f"both dimension {dimension} and axis {axis} are named; name one of them")
    check_range("dimension", dimension, 0, model.codec.latent_dim - 1)
    check_range("axis", axis, 0, model.codec.latent_dim - 1)
    check_range("the number of directions", num, 1)
    if axis is not None:
        return [_axis(axis, corpus)]
    if corpus is not None and len(corpus.loc) < 2:
        raise DataError("directions of a single text are asked for; two at least are needed")
    if dimension is not None:
        return [_dimension(dimension, model, corpus)]
    activity = _certainty(model, text) if corpus is None else corpus.loc.double().var(dim=0)
    order = activity.argsort(descending=True, stable=True)[:num]
    return [_dimension(number, model, corpus) for number in order.tolist()]


def _dimension(number: int, model: Conditioned, corpus: Posterior | None) -> Direction:
    step = torch.zeros(model.codec.latent_dim, dtype=torch.float64)
    step[number] = (_prior_variance(model) if corpus is None else _variance(corpus))[number].sqrt()
    if corpus is None:
        return Direction(DIMENSION, number, step)
    variances = corpus.loc.double().var(dim=0)
    return Direction(DIMENSION, number, step, float(variances[number] / variances.sum().clamp_min(1e-300)))


def _axis(number: int, corpus: Posterior | None) -> Direction:
    if corpus is None:
        raise ConfigError(
            "a principal axis is one of given texts; give them (--data DATA), or name a dimension (--dimension N)"
        )
    found = principal_axes(corpus.loc)
    along = found.directions[number]
    variance = found.variances[number] + (_inner_variance(corpus) * along.square()).sum()
    return Direction(AXIS, number, along * variance.sqrt(), float(found.shares[number]))


def _certainty(model: Conditioned, text: str) -> Tensor:
    """Return how much narrower q(z|x) of a text is than the prior, (D,)."""
    posterior = model.posterior([text])
    if not isinstance(posterior, DiagonalGaussian):
        raise ConfigError(
            "this posterior does not say which dimensions are active; name one, or give texts as data"
        )
    return _prior_variance(model).sqrt() / posterior.scale[0].double()


def _variance(corpus: Posterior) -> Tensor:
    """Return the variance of the aggregate posterior in each dimension, (D,)."""
    return corpus.loc.double().var(dim=0) + _inner_variance(corpus)


def _inner_variance(corpus: Posterior) -> Tensor:
    """Return the mean variance of q(z|x) in each dimension, (D,); 0 where it has no closed form."""
    if not isinstance(corpus, DiagonalGaussian):
        return torch.zeros(corpus.loc.shape[1], dtype=torch.float64)
    return corpus.scale.double().square().mean(dim=0)


def _prior_variance(model: Conditioned) -> Tensor:
    """Return the prior's variance in each dimension, (D,)."""
    prior = on_cpu(model.prior(1))
    if isinstance(prior, DiagonalGaussian | GaussianMixture):
        return wide(prior).variance.reshape(-1, model.codec.latent_dim)[0]
    return model.prior_sample(NUM_DRAWN, seed=0).double().var(dim=0)
