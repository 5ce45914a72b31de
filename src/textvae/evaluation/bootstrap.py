"""Measures as functions of sums over texts, and bootstrap intervals for them.

Percentile intervals (Efron and Tibshirani 1993, section 13.3): the texts are drawn again with replacement, the sums are
taken over what was drawn, and the measure of each draw follows from its sums. So numerator and denominator of a ratio
are drawn together, and corpus BLEU is corpus BLEU in each draw.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.errors import DataError

RESAMPLES, LEVEL = 1000, 0.95
"""Draws of an interval, and the share of them that lies within it."""
SEED = 0
"""Of the draws: they belong to the numbers, not to the evaluation, so that intervals of equal numbers are equal."""
ORDERS, CHRF_BETA = 4, 2
_ROWS = 64
"""Draws at once; memory is about 8 * _ROWS * N bytes."""


def _ratio(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(sums[..., 1] > 0, sums[..., 0] / sums[..., 1], 0.0)


def _perplexity(sums: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.exp(_ratio(sums))


def _bits(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums) / np.log(2)


def _bleu(sums: np.ndarray) -> np.ndarray:
    """Corpus BLEU-4 with sacrebleu's "exp" smoothing; columns: 4 matches, 4 n-grams, length, reference length."""
    correct, total = sums[..., :ORDERS], sums[..., ORDERS : 2 * ORDERS]
    length, reference = sums[..., -2], sums[..., -1]
    misses = np.cumsum(correct == 0, axis=-1)  # the k-th order without a match counts 1 / 2^k of a match
    matches = np.where(correct == 0, 0.5**misses, correct)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_precision = np.log(matches / total).mean(axis=-1)
        brevity = np.minimum(0.0, 1 - reference / length)
        score = 100 * np.exp(log_precision + brevity)
    return np.where((total > 0).all(axis=-1) & (correct > 0).any(axis=-1), score, 0.0)


def _chrf(sums: np.ndarray) -> np.ndarray:
    """ChrF2; columns: n-grams of the decode, of the reference, matches, for each order in turn."""
    ours, theirs, matches = (sums[..., part::3] for part in range(3))
    there = (ours > 0) & (theirs > 0)
    orders = np.maximum(there.sum(axis=-1), 1)
    precision = (matches / np.maximum(ours, 1) * there).sum(axis=-1) / orders
    recall = (matches / np.maximum(theirs, 1) * there).sum(axis=-1) / orders
    weight = CHRF_BETA**2
    below = weight * precision + recall
    return 100 * (1 + weight) * precision * recall / np.where(below > 0, below, 1.0)


def _geometric(sums: np.ndarray) -> np.ndarray:
    """Geometric mean of ratios; columns: above and below of each in turn. A ratio below 0 counts as 0."""
    ratios = _ratio(sums.reshape(*sums.shape[:-1], -1, 2))
    return np.maximum(ratios, 0.0).prod(axis=-1) ** (1 / ratios.shape[-1])


def _geometric_less_last(sums: np.ndarray) -> np.ndarray:
    """As `_geometric`, with 1 less the last ratio in its place: nothing of nothing then counts as 1, not as 0."""
    ratios = _ratio(sums.reshape(*sums.shape[:-1], -1, 2))
    ratios[..., -1] = 1 - ratios[..., -1]
    return np.maximum(ratios, 0.0).prod(axis=-1) ** (1 / ratios.shape[-1])


FORMULAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ratio": _ratio,
    "perplexity": _perplexity,
    "bits": _bits,
    "bleu": _bleu,
    "chrf": _chrf,
    "geometric": _geometric,
    "geometric less last": _geometric_less_last,
}
"""From sums over texts, (..., P), to the measure, (...)."""


@dataclass(frozen=True, eq=False)
class Tally:
    """A measure's parts, text by text.

    Attributes:
        formula: a name in `FORMULAS`.
        columns: (N, P) float64: what each text adds to the sums.
        aligned: whether row i belongs to text i of the evaluation (or to the i-th pair drawn by its seed), so that two
            models' rows on the same texts are pairs; random texts are not.
    """

    formula: str
    columns: np.ndarray
    aligned: bool = True

    @classmethod
    def mean(cls, values: Any, *, aligned: bool = True) -> "Tally":
        """Return the tally of a mean over texts."""
        return cls.ratio(values, np.ones(len(values)), aligned=aligned)

    @classmethod
    def ratio(cls, above: Any, below: Any, *, formula: str = "ratio", aligned: bool = True) -> "Tally":
        """Return the tally of a sum over texts divided by another, or of a function of that."""
        return cls(formula, np.stack([np.asarray(above), np.asarray(below)], axis=1).astype(float), aligned)

    @classmethod
    def geometric(cls, *ratios: "Tally", less: "Tally | None" = None) -> "Tally":
        """Return the tally of the geometric mean of ratios of the same texts, and of 1 less a last one."""
        several = [*ratios, less] if less else ratios
        formula = "geometric less last" if less else "geometric"
        return cls(formula, np.concatenate([ratio.columns for ratio in several], axis=1))

    @property
    def value(self) -> float:
        """The measure of all texts."""
        return float(FORMULAS[self.formula](self.columns.sum(axis=0)))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % percentile interval over texts; None for a single text."""
        if len(self.columns) < 2:
            return None
        return percentiles(self.resampled(SEED))

    def resampled(self, seed: int) -> np.ndarray:
        """Return the measure of each draw, (RESAMPLES,)."""
        return FORMULAS[self.formula](resampled_sums(self.columns, seed))

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"formula": self.formula, "aligned": self.aligned, "columns": self.columns.T.tolist()}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Tally":
        """Return what `to_json` wrote down."""
        return cls(record["formula"], np.array(record["columns"], dtype=float).T, record["aligned"])

    def __eq__(self, other: object) -> bool:
        """Compare formulas and numbers."""
        return (
            isinstance(other, Tally)
            and self.formula == other.formula
            and np.array_equal(self.columns, other.columns)
        )

    __hash__ = None


def difference(ours: Tally, theirs: Tally) -> tuple[float, tuple[float, float] | None]:
    """Return theirs - ours and its 95 % interval: paired where both are of the same texts, else independent.

    Raises:
        DataError: paired tallies of different lengths.
    """
    paired = ours.aligned and theirs.aligned
    if paired and len(ours.columns) != len(theirs.columns):
        raise DataError(
            f"{len(ours.columns)} texts against {len(theirs.columns)}; measures of the same texts are needed"
        )
    value = theirs.value - ours.value
    if min(len(ours.columns), len(theirs.columns)) < 2:
        return value, None
    draws = theirs.resampled(SEED if paired else SEED + 1) - ours.resampled(SEED)
    return value, percentiles(draws)


def resampled_sums(columns: np.ndarray, seed: int) -> np.ndarray:
    """Return sums over N texts drawn with replacement, (RESAMPLES, P); the draws depend on the seed and N alone."""
    generator, num = np.random.default_rng(seed), len(columns)
    sums = np.empty((RESAMPLES, columns.shape[1]))
    for start in range(0, RESAMPLES, _ROWS):
        size = min(_ROWS, RESAMPLES - start)
        drawn = generator.integers(num, size=(size, num)) + num * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * num).reshape(size, num)
        sums[start : start + size] = times @ columns
    return sums


def percentiles(draws: np.ndarray) -> tuple[float, float] | None:
    """Return the bounds; None where a draw is infinite on both sides of a difference."""
    if np.isnan(draws).any():
        return None
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="inverted_cdf")
    return float(low), float(high)
