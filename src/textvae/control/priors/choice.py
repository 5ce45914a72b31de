"""Priors after the fact: fitted to the aggregate posterior, so that samples do not fall into its holes.

The ELBO depends on the prior only through E_q[log p(z)], the mean over texts. With encoder and decoder as they are,
the prior that maximises it is the aggregate posterior (Hoffman and Johnson 2016; Tomczak and Welling 2018,
arXiv:1705.07120, eq. 5); a density fitted to that lowers the rate of every text and stays a prior: the bounds on log p(x)
hold under it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from textvae.config.fields import check_choice, check_count, check_range
from textvae.control.priors.aggregate import moments
from textvae.control.priors.flow import fit_flow
from textvae.control.priors.matching import fit_matching
from textvae.control.priors.mixture import fit_mixture
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
from textvae.progress import Work

AUTO, MIXTURE, FLOW, MATCHING = "auto", "mixture", "flow", "flow-matching"
KINDS = (AUTO, MIXTURE, FLOW, MATCHING)

SIZES = (16, 64, 256)
"""Numbers of components that are tried."""

HELD_OUT_SHARE, HELD_OUT_TEXTS = 0.1, 2000
"""Texts that the fits are compared on, at most."""
MIN_TEXTS = 100


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fitted prior, and the mean log density of held-out texts under it: nats a text, of one z ~ q(z|x)."""

    kind: str
    prior: Prior
    log_density: float

    @property
    def num_components(self) -> int | None:
        """C of a mixture; of others None."""
        return len(self.prior.weights) if isinstance(self.prior, GaussianMixture) else None


@dataclass(frozen=True, kw_only=True)
class PriorFit:
    """A prior and what it is worth; log densities are means over held-out texts, nats a text, of one z ~ q(z|x)."""

    chosen: Candidate | None
    """None: none was better than the model's own prior."""
    own_log_density: float
    """Under the model's own prior."""
    num_texts: int
    """Texts it was fitted to."""
    candidates: tuple[Candidate, ...]
    """All that were tried, in the order of `KINDS`."""

    @property
    def prior(self) -> Prior | None:
        """The prior that was chosen."""
        return self.chosen.prior if self.chosen else None

    @property
    def log_density(self) -> float:
        """Under the prior that is used from now on."""
        return self.chosen.log_density if self.chosen else self.own_log_density

    @property
    def gain(self) -> float:
        """Nats a text by which the rate falls on held-out texts."""
        return self.log_density - self.own_log_density

    @property
    def record(self) -> dict[str, Any]:
        """What is noted beside the model: the kind, of a mixture its components, the texts and the gain."""
        return {
            "kind": self.chosen.kind if self.chosen else None,
            "components": self.chosen.num_components if self.chosen else None,
            "texts": self.num_texts,
            "gain": self.gain,
        }


@torch.no_grad()
def fit_prior(
    posterior: Posterior,
    own: Prior | None = None,
    *,
    kind: str = AUTO,
    sizes: Sequence[int] = SIZES,
    steps: int | None = None,
    work: Work | None = None,
    seed: int = 0,
) -> PriorFit:
    """Fit priors to nine tenths of the texts (all but 2,000 of many) and keep the one under which the rest is likeliest.

    Args:
        posterior: q(z|x) of N texts, over (N, D); of one that is no Gaussian, a draw stands for each text.
        own: the prior that has to be beaten; None: N(0, I).
        kind: mixture, flow, flow-matching, or auto: all of them, but the flow where zuko is not installed.
        sizes: numbers of components of mixtures; those that leave fewer than two texts to each are not tried.
        steps: of a flow and of flow matching, of 256 draws each; None: by the number of texts, 3,000 at most.
        work: hears of it; None: nobody.
        seed: of the split, the fits and the held-out samples.

    Raises:
        ConfigError: an unknown kind, a number of components or steps below 1, or latents on a sphere.
        DataError: fewer than 100 texts.
        MissingExtraError: a flow is asked for and zuko is not installed.
    """
    check_choice("kind", kind, KINDS)
    if steps is not None:
        check_count("steps", steps, 1)
    if isinstance(posterior, VonMisesFisher):
        raise ConfigError("z of a von-mises-fisher posterior lie on a sphere; no prior can be fitted to them")
    num_texts = len(posterior.loc)
    if num_texts < MIN_TEXTS:
        raise DataError(f"a prior was to be fitted to {num_texts} texts; give at least {MIN_TEXTS}")
    kept, z = _parted(posterior, seed)
    prior = standard_normal(z.shape[1], like=z) if own is None else wide(own)
    own_density = float(prior.log_prob(z).mean())
    found = tuple(
        Candidate(kind=name, prior=fitted, log_density=float(wide(fitted).log_prob(z).mean()))
        for name, fitted in _fitted(kept, kind, sizes, steps, work or Work(), seed)
    )
    best = max(found, key=lambda candidate: candidate.log_density, default=None)
    if best is not None and best.log_density <= own_density:
        best = None
    return PriorFit(
        chosen=best,
        own_log_density=own_density,
        num_texts=len(kept.loc),
        candidates=found,
    )


def _parted(posterior: Posterior, seed: int) -> tuple[DiagonalGaussian, Tensor]:
    """Return q(z|x) of the texts that are fitted to, and a draw of each of the others, (H, D): on the CPU in float64."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(posterior.loc), generator=generator)
    num_held = min(max(1, int(HELD_OUT_SHARE * len(order))), HELD_OUT_TEXTS)
    latents = moments(wide(posterior), generator)
    held, kept = (rows(latents, chosen) for chosen in (order[:num_held], order[num_held:]))
    return kept, held.at(torch.randn(held.loc.shape, generator=generator, dtype=torch.float64))


def _fitted(
    kept: DiagonalGaussian, kind: str, sizes: Sequence[int], steps: int | None, work: Work, seed: int
) -> Iterator[tuple[str, Prior]]:
    """Yield each prior that is asked for, with its kind."""
    if kind in (AUTO, MIXTURE):
        for size in sizes:
            check_range("sizes", size, 1)
            if 2 * size <= len(kept.loc):
                yield MIXTURE, fit_mixture(kept, size, work=work, seed=seed)
    if kind == FLOW or (kind == AUTO and _has_flows(kept)):
        yield FLOW, fit_flow(kept, work=work, steps=steps, seed=seed)
    if kind in (AUTO, MATCHING):
        yield MATCHING, fit_matching(kept, work=work, steps=steps, seed=seed)


def _has_flows(kept: DiagonalGaussian) -> bool:
    return kept.loc.shape[1] > 1 and find_spec("zuko") is not None
