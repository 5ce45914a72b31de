"""Edit distance between texts in units, and the nearest of many texts, exactly."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from textvae.data.units import Split, units

_AT_ONCE = 256
"""Candidates compared at once."""


def edit_distance(a: Sequence[str], b: Sequence[str]) -> float:
    """Return the least insertions, deletions and substitutions of units that make a into b / the longer one's units.

    Levenshtein 1966. Two empty texts are 0 apart.

    >>> edit_distance("the cat sat".split(), "the dog sat".split())
    0.3333333333333333
    """
    ids: dict[str, int] = {}
    rows = [np.array([ids.setdefault(unit, len(ids)) for unit in text], dtype=np.int64) for text in (a, b)]
    return float(_distances(rows[0], [rows[1]])[0]) / max(len(a), len(b), 1)


class Nearest:
    """Finds how far a text is from the nearest of many, by `edit_distance`.

    Exact. Two texts of at most m units that share s of them, repeats counted, are at least m - s edits apart: the
    texts are looked at in the order of that bound, until it exceeds the nearest found.
    """

    def __init__(self, texts: Iterable[str], split: Split = units) -> None:
        self._split = split
        self._ids: dict[str, int] = {}
        self._rows = [
            np.array([self._ids.setdefault(unit, len(self._ids)) for unit in split(text)], dtype=np.int64)
            for text in texts
        ]
        self._lengths = np.array([len(row) for row in self._rows], dtype=np.int64)
        self._holders = _holders(self._rows)

    def distance(self, text: str) -> float:
        """Return the edit distance to the nearest text, 0 to 1; 1 where there is none."""
        row = np.array([self._ids.get(unit, -1) for unit in self._split(text)], dtype=np.int64)
        longer = np.maximum(np.maximum(self._lengths, len(row)), 1)
        bounds = (longer - self._shared(row)) / longer
        bounds[(self._lengths == 0) & (len(row) == 0)] = 0.0
        nearest, order = 1.0, np.argsort(bounds, kind="stable")
        for start in range(0, len(order), _AT_ONCE):
            chosen = order[start : start + _AT_ONCE]
            chosen = chosen[bounds[chosen] < nearest]
            if not len(chosen):
                break
            edits = _distances(row, [self._rows[i] for i in chosen])
            nearest = min(nearest, float((edits / longer[chosen]).min()))
        return nearest

    def _shared(self, row: np.ndarray) -> np.ndarray:
        """Return how many units each text shares with `row`, repeats counted."""
        shared = np.zeros(len(self._rows), dtype=np.int64)
        for key in _repeats(row):
            if (holders := self._holders.get(key)) is not None:
                shared[holders] += 1
        return shared


def _holders(rows: Sequence[np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
    """Map (unit, k) to the texts that hold the unit more than k times."""
    holders: dict[tuple[int, int], list[int]] = {}
    for number, row in enumerate(rows):
        for key in _repeats(row):
            holders.setdefault(key, []).append(number)
    return {key: np.array(numbers) for key, numbers in holders.items()}


def _repeats(row: np.ndarray) -> list[tuple[int, int]]:
    return [(unit, k) for unit, count in Counter(row.tolist()).items() for k in range(count)]


def _distances(row: np.ndarray, others: Sequence[np.ndarray]) -> np.ndarray:
    """Return the edits between `row` and each of `others`, (C,)."""
    lengths = np.array([len(other) for other in others])
    table = np.full((len(others), max(lengths.max(initial=0), 1)), -2, dtype=np.int64)  # (C, n), -2: no unit
    for i, other in enumerate(others):
        table[i, : len(other)] = other
    places = np.arange(table.shape[1] + 1)
    edits = np.broadcast_to(
        places, (len(others), len(places))
    ).copy()  # of no unit of `row` and n of the other
    for number, unit in enumerate(row, 1):
        kept = edits[:, :-1] + (table != unit)
        best = np.minimum(kept, edits[:, 1:] + 1)
        best = np.concatenate([np.full((len(others), 1), number), best], axis=1)
        edits = np.minimum.accumulate(best - places, axis=1) + places  # insertions, any number in a row
    return edits[np.arange(len(others)), lengths]
