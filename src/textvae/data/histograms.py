"""Counts in bounded memory: lengths, and how many texts are distinct."""

from array import array
from collections import Counter
from dataclasses import dataclass

import numpy as np

_EXACT_BELOW = 1000
_MAX_HASHES = 1 << 22
"""Distinct hashes kept, 8 bytes each, before their number is estimated from a sample."""


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """The distribution of a length over texts; all 0 where there is no text."""

    min: int
    median: int
    mean: float
    p95: int
    p99: int
    max: int


class LengthCounter:
    """A histogram of lengths, exact below 1,000 and to three digits above."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._total = self._max = self._num = 0
        self._min: int | None = None

    def add(self, length: int) -> None:
        """Count one text."""
        self._num += 1
        self._total += length
        self._min = length if self._min is None else min(self._min, length)
        self._max = max(self._max, length)
        self._counts[length if length < _EXACT_BELOW else _rounded(length)] += 1

    @property
    def total(self) -> int:
        """The sum of all lengths."""
        return self._total

    def summary(self) -> Lengths:
        """Return the quantiles: the smallest length that this share of the texts does not exceed."""
        median, p95, p99 = (min(self._quantile(share), self._max) for share in (0.5, 0.95, 0.99))
        mean = self._total / self._num if self._num else 0.0
        return Lengths(min=self._min or 0, median=median, mean=mean, p95=p95, p99=p99, max=self._max)

    def _quantile(self, share: float) -> int:
        seen = 0
        for length in sorted(self._counts):
            seen += self._counts[length]
            if seen >= share * self._num:
                return length
        return 0


class DistinctCounter:
    """The number of distinct 64-bit hashes: exact up to four million, then estimated within about 0.1 %.

    Once too many are kept, those above a threshold that halves are dropped; what is left is a random sample of the
    distinct texts, not of the texts (Gibbons, 2001, distinct sampling).
    """

    def __init__(self, max_hashes: int = _MAX_HASHES) -> None:
        self._max_hashes = max_hashes
        self._kept = np.zeros(0, dtype=np.uint64)
        self._new = array("Q")
        self._threshold = 2**64 - 1

    def add(self, value: int) -> None:
        """Count one hash, a number in [0, 2^64)."""
        if value <= self._threshold:
            self._new.append(value)
            if len(self._new) >= self._max_hashes:
                self._compact()

    @property
    def is_exact(self) -> bool:
        """Whether nothing was dropped."""
        return self._threshold == 2**64 - 1

    def count(self) -> int:
        """Return the number of distinct hashes."""
        self._compact()
        return round(len(self._kept) * self._scale)

    def count_common(self, values: "array[int]") -> int:
        """Return how many of `values` (repeats counted) are among the hashes seen."""
        self._compact()
        given = np.frombuffer(values, dtype=np.uint64)
        return round(int(np.isin(given, self._kept).sum()) * self._scale)

    @property
    def _scale(self) -> float:
        return 2**64 / (self._threshold + 1)

    def _compact(self) -> None:
        self._kept = np.unique(np.concatenate([self._kept, np.frombuffer(self._new, dtype=np.uint64)]))
        self._new = array("Q")
        while len(self._kept) > self._max_hashes:
            self._threshold //= 2
            self._kept = self._kept[self._kept <= np.uint64(self._threshold)]


def _rounded(length: int) -> int:
    unit = 10 ** (len(str(length)) - 3)
    return round(length / unit) * unit
