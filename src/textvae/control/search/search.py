"""`search`: latents whose texts score best under a reward."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.codec.identity import tensors_digest, weights_digest
from textvae.config import GREEDY, DecodingConfig
from textvae.config.fields import check_count
from textvae.control.search.log import SearchLog
from textvae.control.search.region import TrustRegion
from textvae.control.search.scoring import Scorer, Weighted
from textvae.control.search.strategies import CMA, Strategy, strategy_of
from textvae.data.conditions import Conditions
from textvae.decoding.noise import derived_seed
from textvae.distributions import Prior
from textvae.models import VAEModel

NUM_PROMISING = 1000
"""Texts that a search may begin at."""


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A text that a search came upon."""

    text: str
    score: float
    z: np.ndarray
    """(D,) float64: `decode` gives the text, under the search's decoding."""
    decode: int
    """By how many decodes it was found: 1 is the first."""


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What a search found."""

    best: list[Hit]
    """Distinct texts, the best first; of equal scores the one found earlier."""
    num_decodes: int
    """Texts decoded, at most the budget."""
    num_texts: int
    """Distinct texts among them."""
    met: bool | None
    """Whether all of `best` reach the target; None: there was none."""


def search(
    codec: Codec,
    rewards: Sequence[Weighted],
    *,
    budget: int,
    n: int = 1,
    start: Tensor | None = None,
    target: float | None = None,
    strategy: str = CMA,
    within: Prior | None = None,
    promising: Tensor | None = None,
    conditions: Conditions | None = None,
    decoding: DecodingConfig | None = None,
    output: str | Path | None = None,
    resume: bool = False,
    seed: int = 0,
) -> SearchResult:
    """Search for latents whose texts score best, within the region that holds 99 % of the prior (`TrustRegion`).

    Args:
        codec: the model.
        rewards: their weighted sum is the score.
        budget: texts that are decoded, at most: the search never goes beyond.
        n: distinct texts to return.
        start: z, (D,), where the search begins; None: at the best of 100 draws from the prior.
        target: stop as soon as n distinct texts score so much; None: spend the whole budget.
        strategy: cma, or random, which draws from the prior.
        within: the prior that bounds the search; None: the codec's.
        promising: latents, (S, D), in whose order cma tries them in place of draws, as `promising_of` finds them; None: there are none.
        conditions: one, under which all is decoded; None: none.
        decoding: how tokens are chosen; None: greedy.
        output: a folder in which every batch is kept as it is scored.
        resume: go on with the search in `output`: what it finds is what it would have found without the break. The budget, n and the
            target may be others.
        seed: of the search, and of tokens where they are drawn.

    Raises:
        ConfigError: a setting out of range, a reward that fails, or a search in `output` with other settings.
        RunExistsError: there is a search in `output`, and it was not to go on.
        RunNotFoundError: there is none to go on with.
        MissingExtraError: cma is not installed.
    """
    check_count("budget", budget, 1)
    check_count("n", n, 1)
    scorer = Scorer(codec, rewards, conditions)
    region = TrustRegion(codec.prior(conditions) if within is None else within, seed=seed)
    settings = {
        "rewards": scorer.names, "strategy": strategy, "seed": seed, "decoding": dataclasses.asdict(decoding or GREEDY),
        "start": None if start is None else start.tolist(), "region": [round(region.bound, 6), *region.scale.tolist()],
        "promising": None if promising is None else tensors_digest({"z": promising}),
        "model": weights_digest(codec.model) if isinstance(codec.model, VAEModel) else None,
        **({} if conditions is None else {"conditions": conditions.digest}),
    }  # fmt: skip
    asked = strategy_of(strategy, region, start, seed, promising=promising)
    log = SearchLog.open(output, settings, resume=resume)
    run = _Run(codec, scorer, asked, log, conditions, decoding or GREEDY, seed)
    with codec.work.part("searching", budget):
        num = run.go(budget, n, target)
    best = _best(log, n, num)
    met = None if target is None else len(best) == n and best[-1].score >= target
    return SearchResult(best=best, num_decodes=num, num_texts=len(set(log.texts[:num])), met=met)


def promising_of(
    codec: Codec,
    rewards: Sequence[Weighted],
    texts: Sequence[str],
    z: Tensor,
    conditions: Conditions | None = None,
) -> Tensor:
    """Return the latents, of (N, D), of the 1,000 texts that score best: none of them is decoded for it.

    Args:
        codec: the model.
        rewards: of the search.
        texts: N of them.
        z: their posterior means.
        conditions: the one under which the search decodes; None: none.

    Raises:
        ConfigError: a reward that fails.
    """
    scores = np.array(Scorer(codec, rewards, conditions)(texts, z))
    return z[torch.from_numpy(np.argsort(-scores, kind="stable")[:NUM_PROMISING])]


@dataclass
class _Run:
    """A search under way."""

    codec: Codec
    scorer: Scorer
    strategy: Strategy
    log: SearchLog
    conditions: Conditions | None
    decoding: DecodingConfig
    seed: int

    def go(self, budget: int, n: int, target: float | None) -> int:
        """Ask, decode, score and tell until the budget is spent or n distinct texts reach the target; return the decodes."""
        done, batch = 0, 0
        reached: set[str] = set()
        while done < budget and len(reached) < n:
            z = self.strategy.ask()
            wanted = min(len(z), budget - done)
            told = self.log.told(z[:wanted], done)
            scores = told + self._scores(z, len(told), wanted, batch)
            if target is not None:
                rows = zip(self.log.texts[done : done + wanted], scores, strict=True)
                reached |= {text for text, score in rows if score >= target}
            done, batch = done + wanted, batch + 1
            if wanted == len(z):
                self.strategy.tell(z, scores)
        return done

    def _scores(self, z: Tensor, first: int, last: int, batch: int) -> list[float]:
        """Decode and score rows `first` to `last` of a batch, and keep them."""
        self.codec.work.count(first)
        if first == last:
            return []
        # A row's noise goes by its place in the batch, so that a batch cut by the budget goes on with the same.
        seed = derived_seed(self.seed, batch)
        given = None if self.conditions is None else self.conditions.rows(np.zeros(last, np.int64))
        texts = self.codec.decode(z[:last], self.decoding, seed=seed, conditions=given)[first:]
        rows = z[first:last]
        scores = self.scorer(texts, rows)
        self.log.add(rows, texts, scores)
        return scores


def _best(log: SearchLog, n: int, num: int) -> list[Hit]:
    """Return the n best distinct texts of the first `num`."""
    first: dict[str, int] = {}
    for row in sorted(range(num), key=lambda row: -log.scores[row]):
        first.setdefault(log.texts[row], row)
    rows = list(first.values())[:n]
    return [
        Hit(text=log.texts[row], score=log.scores[row], z=log.z[row].numpy(), decode=row + 1) for row in rows
    ]
