"""Texts of a corpus with one more column beside them, which may be any, for people to look at."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.config.conditions import Columns, LabelColumn, label_columns
from textvae.config.fields import check_count
from textvae.data.conditions import Conditions, ConditionSchema
from textvae.data.examples import (
    known_rows,
    left_out,
    read_cells,
    reading_options,
    unknown_left_out,
    values_of,
)
from textvae.data.sources import corpus_from
from textvae.data.streams import ReadOptions
from textvae.data.tokenizers import Tokenizer


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Texts and what stands beside them.

    Attributes:
        texts: N of them.
        values: N cells of the column as they were read; None: no column was asked for.
        conditions: N, of a conditional model; None: of another.
        notes: sentences on what was left out.
    """

    texts: list[str]
    values: list[Any] | None = None
    conditions: Conditions | None = None
    notes: tuple[str, ...] = ()

    def drawn(self, limit: int, seed: int) -> "Labelled":
        """Return `limit` of the texts drawn at random, in their order; all where there are no more.

        Raises:
            ConfigError: a limit below 1.
        """
        check_count("limit", limit, 1)
        if len(self.texts) <= limit:
            return self
        rows = np.sort(np.random.default_rng(seed).permutation(len(self.texts))[:limit])
        return dataclasses.replace(
            self,
            texts=[self.texts[row] for row in rows],
            values=None if self.values is None else [self.values[row] for row in rows],
            conditions=self.conditions and self.conditions.rows(rows),
            notes=(*self.notes, f"{limit:,} of {len(self.texts):,} texts, drawn at random"),
        )


def labelled_options(label: LabelColumn | None, schema: ConditionSchema | None) -> dict[str, Any]:
    """Return options of `open_corpus` with which a corpus gives the conditions and the column."""
    return reading_options(_columns(label, schema)[0])


def open_labelled(
    data: Any, *, label: LabelColumn | None, schema: ConditionSchema | None, tokenizer: Tokenizer
) -> Labelled:
    """Read texts, a column beside them, and the conditions that a model takes.

    Args:
        data: as for `open_corpus`; a `Corpus` was opened with `labelled_options`.
        label: the column; None: none.
        schema: what the model takes; None: nothing.
        tokenizer: the model's.

    Raises:
        DataError: see `read_cells`.
        UnknownLabelError: no text has conditions that the model knows.
    """
    columns, place = _columns(label, schema)
    cells, notes = read_cells(corpus_from(data, ReadOptions(**reading_options(columns))), columns), ()
    conditions = None
    if schema is not None:
        cells, num_unknown = known_rows(cells, schema)
        notes = left_out(cells, columns) + unknown_left_out(num_unknown)
        conditions = schema.encode(values_of(cells, schema), tokenizer)
    values = None if label is None else list(cells.labels[place])
    return Labelled(texts=cells.texts, values=values, conditions=conditions, notes=notes)


def _columns(label: LabelColumn | None, schema: ConditionSchema | None) -> tuple[Columns, int]:
    """Return the columns of a model's conditions with the label behind them unless it is one of them, and its place among them."""
    columns = Columns() if schema is None else schema.columns
    own = label_columns(columns.labels)
    if label is None:
        return columns, 0
    if (place := next((i for i, one in enumerate(own) if one.column == label.column), None)) is not None:
        return columns, place
    name = label.name
    while name in [one.name for one in own]:  # another column of the model is called so
        name += "_"
    written = f"{name}={label.column}:{label.kind}"
    return dataclasses.replace(columns, labels=",".join(filter(None, (columns.labels, written)))), len(own)
