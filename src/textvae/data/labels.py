"""Label columns as codes: what a model embeds of a category, a rank or a number."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from textvae.config.conditions import CATEGORICAL, NUMERIC, ORDINAL, LabelColumn
from textvae.data.columns import is_missing
from textvae.errors import DataError, UnknownLabelError

SHOWN_VALUES = 12
"""Known labels that a message lists."""

SHOWN_CHARACTERS = 30
"""Characters of each that it shows."""

MANY_VALUES = 5000
"""Labels of one column beyond which it looks like text or numbers."""

OWN_VALUES, OWN_CELLS = 0.9, 20
"""Share of texts with a value of their own beyond which a column is refused, where there are so many texts at least."""

SMALLEST = float(np.finfo(np.float32).tiny)
"""Weight of a number that is the mean: 0 would be a missing one."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One label column, as the training texts have it.

    A value is one or two codes with weights, of which a model sums the embeddings: a category is a code of its own; a
    number one code weighted by how many standard deviations it is above the mean; a rank both, so that neighbours are
    alike without having to lie at equal distances.

    Attributes:
        name: of the column.
        kind: categorical, ordinal or numeric.
        values: the categories, most frequent first; the ranks in their order; of numbers none.
        counts: how often each value occurs in the training texts.
        mean: of numbers.
        deviation: of numbers; 0: all are the same.
    """

    name: str
    kind: str
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def fitted(cls, column: LabelColumn, cells: Iterable[Any]) -> Self:
        """Learn a column's values from the training texts; missing cells count nowhere.

        Raises:
            DataError: no cell, or where numbers are needed something else.
        """
        texts = [text for cell in cells if (text := _read(cell, column.name, column.kind)) is not None]
        if not texts:
            raise DataError(f"the label column {column.name!r} is empty; choose another with --label")
        if column.kind == NUMERIC:
            numbers = np.array([_number(text, column.name) for text in texts])
            return cls(
                name=column.name,
                kind=NUMERIC,
                mean=float(numbers.mean()),
                deviation=float(numbers.std()) if numbers.min() < numbers.max() else 0.0,
            )
        counts = Counter(texts)
        if column.kind == ORDINAL:
            values = sorted(counts, key=float)
        else:
            values = sorted(counts, key=lambda text: (-counts[text], text))
        return cls(
            name=column.name,
            kind=column.kind,
            values=tuple(values),
            counts=tuple(counts[value] for value in values),
        )

    @property
    def num_codes(self) -> int:
        """Embeddings that the column takes."""
        return len(self.values) + (self.kind != CATEGORICAL)

    @property
    def width(self) -> int:
        """Codes of one value."""
        return 2 if self.kind == ORDINAL else 1

    def encode(self, cell: Any) -> tuple[tuple[int, float], ...]:
        """Return the codes of a value, each with its weight; of a missing one, codes of weight 0, of no other all of them.

        Raises:
            UnknownLabelError: a category that no training text has; known ones are listed.
            DataError: no number where one is needed.
        """
        text = _read(cell, self.name, self.kind)
        if text is None:
            return ((0, 0.0),) * self.width
        if self.kind == NUMERIC:
            weight = (_number(text, self.name) - self.mean) / (self.deviation or 1.0)
            return ((0, weight if abs(weight) > SMALLEST else SMALLEST),)
        place = self._place(text)
        if self.kind == CATEGORICAL:
            return ((place, 1.0),)
        middle = (len(self.values) - 1) / 2
        return ((place, 1.0), (len(self.values), (place - middle) / max(middle, 1.0)))

    def knows(self, cell: Any) -> bool:
        """Say whether `encode` takes a value; it takes a missing one.

        Raises:
            DataError: no number where one is needed.
        """
        text = _read(cell, self.name, self.kind)
        return text is None or self.kind == NUMERIC or text in self._places

    def warnings(self) -> tuple[str, ...]:
        """Return sentences on what will not work well."""
        if len(self.values) == 1 or (self.kind == NUMERIC and not self.deviation):
            value = shown(self.values[0]) if self.values else f"{self.mean:g}"
            return (f"the label {self.name!r} has one value, {value!r}: it tells the texts apart in nothing",)
        if len(self.values) > MANY_VALUES:
            return (
                f"the label {self.name!r} has {len(self.values):,} values, {self.counts[-1]:,} texts of the rarest; "
                f"if they are numbers, write {self.name}:numeric, if texts, give the column as --source",
            )
        return ()

    def check(self) -> None:
        """Refuse a column where nearly every text has a value of its own.

        Raises:
            DataError: it is no label; its numbers are told.
        """
        cells = sum(self.counts)
        if cells >= OWN_CELLS and len(self.values) > OWN_VALUES * cells:
            raise DataError(
                f"column {self.name!r} has {len(self.values):,} values in {cells:,} rows; is it a label? "
                f"Give texts as --source, numbers as --label {self.name}:numeric"
            )

    def _place(self, text: str) -> int:
        if text not in self._places:
            raise UnknownLabelError(
                f"{self.name} is {shown(text)!r}, a label not seen in training; {self.known()}"
            )
        return self._places[text]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {value: place for place, value in enumerate(self.values)}

    def known(self) -> str:
        """Return the known values as a message shows them."""
        more = len(self.values) - SHOWN_VALUES
        first = ", ".join(map(shown, self.values[:SHOWN_VALUES]))
        return f"known: {first}" + (f" and {more:,} more" if more > 0 else "")


def shown(value: str) -> str:
    """Return a label as messages show it, on one line.

    >>> shown("a dog"), shown("a text that is no label at all, but long")
    ('a dog', 'a text that is no label at all…')
    """
    line = " ".join(value.split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}…"


def check_numbers(name: str, kind: str, cells: Sequence[Any], rows: Sequence[int]) -> None:
    """Refuse cells of a column of ranks or numbers that hold something else.

    Args:
        name: of the column.
        kind: categorical: anything goes.
        cells: of the column; missing ones are let through.
        rows: the row of each in the data, from 0; of a row that made several texts the same one.

    Raises:
        DataError: there are some; the first one's row and how many there are is told.
    """
    if kind == CATEGORICAL:
        return
    texts = ((row, as_label(cell)) for row, cell in zip(rows, cells, strict=True))
    wrong = {row: text for row, text in texts if text is not None and not math.isfinite(_float(text))}
    if wrong:
        row, text = next(iter(wrong.items()))
        raise DataError(
            f"{name} is {shown(text)!r} in row {row + 1:,}, the header not counted, which is no number "
            f"({len(wrong):,} of {len(set(rows)):,} rows); leave such cells empty, which is no label, or train with {name} as a category, "
            "without its kind"
        )


def as_label(cell: Any) -> str | None:
    """Return a cell as a label; None for a missing or blank one. Whole floats, as pandas makes of gaps, lose their .0."""
    if is_missing(cell):
        return None
    if isinstance(cell, float | np.floating) and cell.is_integer():
        cell = int(cell)
    if (isinstance(cell, Sequence | Mapping) and not isinstance(cell, str)) or getattr(cell, "shape", ()):
        raise DataError(f"a label is a {type(cell).__name__}; it must be a word or a number")
    return str(cell).strip() or None


def _read(cell: Any, name: str, kind: str) -> str | None:
    """Return a cell as a label of a kind: ranks are equal where their numbers are, as 3 and 3.0."""
    text = as_label(cell)
    if text is None or kind != ORDINAL:
        return text
    number = _number(text, name)
    return str(int(number)) if number == int(number) else repr(number)


def _number(text: str, name: str) -> float:
    if not math.isfinite(number := _float(text)):
        raise DataError(
            f"{name} is {shown(text)!r}, which is no number; give one, or train with {name} as a category, without its kind"
        )
    return number


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
