"""Strategies of a search: which latents are decoded next, given the scores of those before."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from textvae.config.fields import check_choice
from textvae.control.search.region import TrustRegion
from textvae.decoding.noise import derived_seed
from textvae.errors import MissingExtraError

CMA, RANDOM = "cma", "random"
STRATEGIES = (CMA, RANDOM)

NUM_STARTS = 100
"""Draws from the prior of which the best is where a descent starts."""
NUM_RANDOM = 100
"""Draws at a time of a random search."""
STEP, NEAR_STEP = 0.5, 0.3
"""The first step, in standard deviations of the prior: from the best draw, and from a start that was given or the best so far."""
SEPARABLE_FROM = 64
"""Dimensions from which the covariance of CMA-ES is diagonal: a full one takes some 10 D² decodes to learn."""
PATIENCE = 12
"""Generations without a better score after which a descent ends."""

_DRAWS, _MOVES = 0, 1


class Strategy(Protocol):
    """Asks for the scores of latents, a batch at a time, and is told them."""

    def ask(self) -> Tensor:
        """Return latents, (N, D) float64, within the trust region."""
        ...

    def tell(self, z: Tensor, scores: list[float]) -> None:
        """Hear the scores, higher is better, of what was asked last."""
        ...


def strategy_of(
    name: str, region: TrustRegion, start: Tensor | None, seed: int, *, promising: Tensor | None = None
) -> Strategy:
    """Return a strategy.

    Args:
        name: cma or random.
        region: where latents may lie.
        start: (D,), where the search begins; None: at the best of 100 draws from the prior.
        seed: of all that it draws.
        promising: latents, (S, D), the most promising first, that cma takes in place of draws while they last; None: there are none.

    Raises:
        ConfigError: no such strategy.
        MissingExtraError: cma is not installed.
    """
    check_choice("strategy", name, STRATEGIES)
    return RandomSearch(region, seed) if name == RANDOM else EvolutionStrategy(region, start, seed, promising)


class RandomSearch:
    """Draws from the prior, whatever their scores: what a search has to beat."""

    def __init__(self, region: TrustRegion, seed: int) -> None:
        self._region, self._seed, self._num_asked = region, derived_seed(seed, _DRAWS), 0

    def ask(self) -> Tensor:
        """Return the next 100 draws."""
        rows = range(self._num_asked, self._num_asked + NUM_RANDOM)
        self._num_asked = rows.stop
        return self._region.projected(self._region.draws(rows, seed=self._seed))

    def tell(self, z: Tensor, scores: list[float]) -> None:
        """Learn nothing."""


class EvolutionStrategy:
    """CMA-ES within the trust region, from the best of 100 draws; one descent that stagnates is followed by another.

    Hansen 2016, arXiv:1604.00772, as the package cma implements it. Latents outside the region are replaced by their projections,
    of which it is told as of injected solutions (Hansen 2011, arXiv:1110.4181). From 64 dimensions the covariance is diagonal (Ros and
    Hansen 2008). Deviation: a descent ends after 12 generations without a better score, for most rewards of texts are flat over wide stretches;
    the next one begins, in turn, at the best latent so far and at the best of 100 new draws, which count as all decodes do. With a start that was
    given there are no draws: descents begin there in place of them.
    """

    def __init__(
        self, region: TrustRegion, start: Tensor | None, seed: int, promising: Tensor | None = None
    ) -> None:
        self._package = _cma()
        self._region = region
        self._promising = torch.empty(0) if promising is None else promising.double()
        self._start = None if start is None else region.projected(start.unsqueeze(0))[0]
        self._draw_seed = derived_seed(seed, _DRAWS)
        self._generator = np.random.Generator(np.random.Philox(derived_seed(seed, _MOVES)))
        self._num_drawn, self._num_descents = 0, 0
        self._descent: Any = None
        self._peak, self._peak_score = self._start, -np.inf
        self._best, self._idle = -np.inf, 0

    def ask(self) -> Tensor:
        """Return draws before a descent, else a generation of it."""
        if self._descent is None and self._num_descents % 2 and self._peak is not None:
            self._begin(self._peak, NEAR_STEP)
        elif self._descent is None and self._start is not None:
            self._begin(self._start, NEAR_STEP)
        elif self._descent is None:
            return self._region.projected(self._candidates())
        return self._region.projected(torch.from_numpy(np.stack(self._descent.ask())))

    def tell(self, z: Tensor, scores: list[float]) -> None:
        """Move on; after draws, begin a descent at the best of them."""
        row = int(np.argmax(scores))
        if scores[row] > self._peak_score:
            self._peak, self._peak_score = z[row].clone(), scores[row]
        if self._descent is None:
            self._begin(z[row], STEP)
            return
        self._idle = 0 if scores[row] > self._best else self._idle + 1
        self._best = max(scores[row], self._best)
        self._descent.tell(list(z.numpy()), [-score for score in scores])
        if self._idle == PATIENCE or self._descent.stop():
            self._descent = None

    def _candidates(self) -> Tensor:
        """Return latents one of which a descent begins at: promising ones while there are some, then draws."""
        if len(self._promising):
            taken, self._promising = self._promising[:NUM_STARTS], self._promising[NUM_STARTS:]
            return taken
        rows = range(self._num_drawn, self._num_drawn + NUM_STARTS)
        self._num_drawn = rows.stop
        return self._region.draws(rows, seed=self._draw_seed)

    def _begin(self, mean: Tensor, step: float) -> None:
        options = {
            "CMA_diagonal": len(mean) >= SEPARABLE_FROM,
            "CMA_stds": self._region.scale.numpy(),
            "tolflatfitness": PATIENCE,
            "randn": lambda *shape: self._generator.standard_normal(shape),
            "seed": np.nan,  # or it would seed NumPy's global generator
            "verbose": -9, "verb_log": 0, "verb_disp": 0, "signals_filename": "",
        }  # fmt: skip
        self._num_descents += 1
        self._best, self._idle = -np.inf, 0
        self._descent = self._package.CMAEvolutionStrategy(mean.numpy(), step, options)


def _cma() -> Any:
    """Import cma where it is used: that takes a second or more."""
    if find_spec("cma") is None:
        raise MissingExtraError("cma", "control")
    return import_module("cma")
