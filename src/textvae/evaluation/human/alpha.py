"""Krippendorff's alpha: how far raters agree beyond chance.

K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), sections D and E: any number of raters, missing
values, nominal, ordinal and interval data.
"""

from dataclasses import dataclass

import numpy as np

from textvae.config.fields import check_choice
from textvae.evaluation.bootstrap import SEED, percentiles, resampled_sums

LEVELS = ("nominal", "ordinal", "interval")


@dataclass(frozen=True)
class Alpha:
    """Agreement of raters.

    Attributes:
        value: 1: they agree; 0: as chance would have it; below: they disagree by system. None: not defined, for all
            values are equal or no unit has two.
        interval: 95 % bootstrap over units; None where a draw has no value. Krippendorff draws disagreements against
            a fixed expectation instead; here units are drawn, as everywhere in this project.
        num_units: how many have two values at least; the others do not count.
    """

    value: float | None
    interval: tuple[float, float] | None
    num_units: int


def alpha(ratings: np.ndarray, level: str) -> Alpha:
    """Return Krippendorff's alpha.

    alpha = 1 - (n - 1) sum_ck o_ck d_ck / sum_ck n_c n_k d_ck, where the coincidences o_ck count each pair of values
    within a unit of m values 1 / (m - 1) times, n_c = sum_k o_ck, and d is the squared difference of the level.

    Args:
        ratings: (R, N), a row a rater, a column a unit; NaN: no value.
        level: "nominal", "ordinal" or "interval".

    Raises:
        ConfigError: another level.
    """
    check_choice("level", level, LEVELS)
    values, coincidences = _coincidences(ratings)
    num, size = len(coincidences), len(values)
    if not num:
        return Alpha(None, None, 0)
    value = float(_alpha(coincidences.sum(axis=0), values, level))
    draws = resampled_sums(coincidences.reshape(num, -1), SEED).reshape(-1, size, size)
    interval = percentiles(_alpha(draws, values, level)) if num > 1 else None
    return Alpha(None if np.isnan(value) else value, interval, num)


def _coincidences(ratings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values that there are, (V,), and each unit's coincidence matrix, (U, V, V)."""
    pairable = ratings[:, (~np.isnan(ratings)).sum(axis=0) > 1]
    values = np.unique(pairable[~np.isnan(pairable)])
    counts = (pairable[..., None] == values).sum(axis=0).astype(float)  # (U, V)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(values))
    return values, pairs / np.maximum(counts.sum(axis=1) - 1, 1)[:, None, None]


def _alpha(coincidences: np.ndarray, values: np.ndarray, level: str) -> np.ndarray:
    """Return alpha of each matrix, (...,) of (..., V, V); NaN where all values are equal."""
    counts = coincidences.sum(axis=-1)
    distances = _distances(counts, values, level)
    observed = (coincidences * distances).sum(axis=(-2, -1))
    expected = (counts[..., :, None] * counts[..., None, :] * distances).sum(axis=(-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > 0, 1 - (counts.sum(axis=-1) - 1) * observed / expected, np.nan)


def _distances(counts: np.ndarray, values: np.ndarray, level: str) -> np.ndarray:
    """Return the squared differences, (..., V, V)."""
    if level == "nominal":
        return 1 - np.eye(len(values))
    places = np.cumsum(counts, axis=-1) - counts / 2 if level == "ordinal" else values  # ordinal: mean ranks
    return (places[..., :, None] - places[..., None, :]) ** 2
