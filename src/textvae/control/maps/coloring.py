"""Which colour each text of a map has: that of its category, or a place on a scale."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.config.conditions import CATEGORICAL
from textvae.data.columns import is_missing

BRIGHT = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377")
MUTED = (
    "#332288",
    "#88ccee",
    "#44aa99",
    "#117733",
    "#999933",
    "#ddcc77",
    "#cc6677",
    "#882255",
    "#aa4499",
    "#1d232b",
)
"""For up to 6 and up to 10 categories: Paul Tol's schemes, which the colour-blind can tell apart, and black."""
GREY = "#a8adb5"
"""Of the rest, and of texts without a label."""
SCALE = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"
)  # fmt: skip
"""From low to high numbers: viridis, evenly spaced."""

FEW_NUMBERS = 10
"""Different numbers up to which they are categories."""
TAIL = 0.02
"""Share of the numbers at each end that have the end's colour, so that one of them does not make all others equal."""


@dataclass(frozen=True)
class Categories:
    """A colour for each of several names.

    Attributes:
        names: the most frequent first, the rest and texts without a label last.
        colors: one each.
        codes: which name each text has, (N,).
    """

    names: tuple[str, ...]
    colors: tuple[str, ...]
    codes: np.ndarray

    @property
    def counts(self) -> tuple[int, ...]:
        """Texts of each name."""
        return tuple(np.bincount(self.codes, minlength=len(self.names)).tolist())


@dataclass(frozen=True)
class Numbers:
    """A place on the scale for each text.

    Attributes:
        values: (N,); NaN: none.
        low: the number that has the first colour, and those below.
        high: the number that has the last colour, and those above.
    """

    values: np.ndarray
    low: float
    high: float

    @property
    def places(self) -> np.ndarray:
        """Places on the scale, (N,) in 0..1; NaN: none."""
        return np.clip((self.values - self.low) / (self.high - self.low), 0, 1)


Coloring = Categories | Numbers


def coloring(cells: Sequence[Any] | None, num: int, kind: str | None = None) -> Coloring:
    """Return the colours of `num` texts.

    Args:
        cells: labels as they were read; None: all texts are of one colour.
        num: of texts.
        kind: categorical, ordinal or numeric; None: numeric where all labels are numbers and more than ten differ.
    """
    if cells is None:
        return Categories(("texts",), BRIGHT[:1], np.zeros(num, np.int64))
    names = [_name(cell) for cell in cells]
    numbers = _numbers(names)
    if numbers is None or kind == CATEGORICAL:
        return _categories(names)
    different = len(np.unique(numbers[~np.isnan(numbers)]))
    if different > FEW_NUMBERS or (kind is not None and different > 1):
        return _scaled(numbers)
    return _categories(names)


def _categories(names: list[str | None]) -> Categories:
    counts = Counter(name for name in names if name is not None)
    order = sorted(counts, key=lambda name: (-counts[name], name))
    known = order[: len(MUTED)]
    palette = (BRIGHT if len(known) <= len(BRIGHT) else MUTED)[: len(known)]
    codes = {name: code for code, name in enumerate(known)}
    others = []
    if num_rest := len(order) - len(known):
        codes |= dict.fromkeys(order[len(known) :], len(known))
        others.append(f"{num_rest:,} other{'s' if num_rest > 1 else ''}")
    if None in names:
        others.append("no label")
    found = np.array(
        [len(known) + len(others) - 1 if name is None else codes[name] for name in names], np.int64
    )
    return Categories((*known, *others), (*palette, *(GREY for _ in others)), found)


def _scaled(numbers: np.ndarray) -> Numbers:
    there = numbers[~np.isnan(numbers)]
    low, high = np.quantile(there, [TAIL, 1 - TAIL]).tolist()
    if low == high:
        low, high = float(there.min()), float(there.max())
    return Numbers(numbers, low, high)


def _numbers(names: list[str | None]) -> np.ndarray | None:
    """Return labels as numbers, NaN where there is none; None where one is no finite number, or there is no label."""
    try:
        values = np.array([math.nan if name is None else float(name) for name in names])
    except ValueError:
        return None
    there = [name is not None for name in names]
    return values if any(there) and np.isfinite(values[there]).all() else None


def _name(cell: Any) -> str | None:
    if is_missing(cell):
        return None
    return " ".join(str(cell).split()) or None
