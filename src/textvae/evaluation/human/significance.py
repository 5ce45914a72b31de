"""Tests of whether a difference may be chance: exact sign test, randomisation tests, Holm's correction."""

from collections.abc import Callable, Sequence
from math import comb

import numpy as np

DRAWS, SEED = 9999, 0
Draw = Callable[[int], np.ndarray]
_ROWS = 256
"""Draws at once."""


def sign_test(wins: int, losses: int) -> float:
    """Return the two-sided exact binomial p that wins and losses are equally likely; ties are left out beforehand.

    >>> sign_test(8, 2)
    0.109375
    """
    num = wins + losses
    tail = sum(comb(num, k) for k in range(min(wins, losses) + 1))
    return min(1.0, 2 * tail / 2**num)


def sign_flip_test(differences: np.ndarray) -> float:
    """Return the two-sided p that the mean of paired differences is 0: their signs are drawn anew.

    p = (1 + draws at least as far from 0) / (1 + draws), never 0 (Phipson and Smyth 2010, equation 2).

    Args:
        differences: (N,), a pair each.
    """
    generator = np.random.default_rng(SEED)

    def draw(num: int) -> np.ndarray:
        signs = generator.integers(0, 2, size=(num, len(differences))) * 2 - 1
        return signs @ differences

    return _share_beyond(float(differences.sum()), draw)


def shuffle_test(first: np.ndarray, second: np.ndarray) -> float:
    """Return the two-sided p that two sets have one mean: which set a row belongs to is drawn anew.

    Args:
        first: (N, 2): sum and number of a unit's ratings.
        second: (M, 2), of the other set.
    """
    generator = np.random.default_rng(SEED)
    rows, num_first = np.concatenate([first, second]), len(first)
    total = rows.sum(axis=0)

    def gap(sums: np.ndarray) -> np.ndarray:
        other = total - sums
        return other[..., 0] / other[..., 1] - sums[..., 0] / sums[..., 1]

    def draw(num: int) -> np.ndarray:
        order = generator.permuted(np.tile(np.arange(len(rows)), (num, 1)), axis=1)
        return gap(rows[order[:, :num_first]].sum(axis=1))

    return _share_beyond(float(gap(first.sum(axis=0))), draw)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979), in their order.

    >>> holm([0.04, 0.01, 0.03])
    [0.06, 0.03, 0.06]
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = largest
    return corrected


def _share_beyond(found: float, draw: Draw) -> float:
    """Return how often a draw is at least as far from 0 as what was found, itself counted."""
    beyond = 1
    for start in range(0, DRAWS, _ROWS):
        drawn = draw(min(_ROWS, DRAWS - start))
        beyond += int((np.abs(drawn) >= abs(found) - 1e-9).sum())  # equal up to rounding is equal
    return beyond / (1 + DRAWS)
