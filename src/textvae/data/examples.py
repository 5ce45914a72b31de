"""Texts with the conditions they answer to, read from the columns of a corpus."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.config.conditions import Columns, label_columns
from textvae.config.data import DataConfig
from textvae.data.conditions import FEATURE, SOURCE, Conditions, ConditionSchema
from textvae.data.derived import DERIVATIONS
from textvae.data.features import Features, gathered, is_array_place, open_array
from textvae.data.labels import Label
from textvae.data.sources import Corpus, Row, corpus_from
from textvae.data.store import TokenStore
from textvae.data.streams import ReadOptions
from textvae.data.tokenizer_defaults import default_kind
from textvae.data.tokenizers import Tokenizer
from textvae.errors import DataError

SOURCE_QUANTILE = 0.99
LONGEST_SOURCE = 512
"""Tokens a source is cut to at most unless the user says otherwise."""


def condition_columns(columns: Columns) -> tuple[str | int, ...]:
    """Return the columns that are read beside the text: of labels, then of the source, then of features."""
    names: list[str | int] = [label.column for label in label_columns(columns.labels)]
    if columns.source is not None:
        names.append(columns.source)
    if columns.feature is not None and not is_array_place(columns.feature):
        names.append(columns.feature)
    return tuple(names)


@dataclass(frozen=True)
class Cells:
    """The condition columns of a corpus, N rows."""

    texts: list[str]
    labels: list[Sequence[Any]]
    """One sequence a column."""
    sources: list[str | None] | None
    features: np.ndarray | None
    num_left_out: int
    """Rows without a source or without features."""


def read_cells(corpus: Corpus, columns: Columns, split: str = "train") -> Cells:
    """Read texts and conditions; rows without a source text or without features are left out and counted.

    Args:
        corpus: opened with `condition_columns`.
        columns: which columns are what, and whether sources are made from the texts.
        split: takes the place of {split} in a file of features.

    Raises:
        DataError: no row is left, or a file of features has fewer rows than the texts.
    """
    num_labels, num_left_out = len(label_columns(columns.labels)), 0
    kept: list[Row] = []
    sources: list[str | None] = []
    for row in corpus.rows():
        pairs = _pairs(row, columns, num_labels)
        kept += [row._replace(text=text) for _, text in pairs]
        sources += [source for source, _ in pairs]
        num_left_out += not pairs
    if not kept:
        raise DataError(f"no row of {corpus.name} has both a text and {_wanted(columns)}; check the columns")
    return Cells(
        texts=[row.text for row in kept],
        labels=[[row.cells[number] for row in kept] for number in range(num_labels)],
        sources=sources if columns.has_source else None,
        features=_features(kept, columns, corpus.name, split),
        num_left_out=num_left_out,
    )


def _pairs(row: Row, columns: Columns, num_labels: int) -> list[tuple[str | None, str]]:
    """Return the sources and texts that a row makes: one, or none where a condition is missing; of dialogues several."""
    if any(cell is None or not str(cell).strip() for cell in row.cells[num_labels:]):
        return []
    if columns.pairs != "none":
        return list(DERIVATIONS[columns.pairs](row.text))
    return [(str(row.cells[num_labels]) if columns.source is not None else None, row.text)]


def fit_schema(cells: Cells, config: DataConfig, tokenizer: Tokenizer) -> ConditionSchema:
    """Learn from the training texts' conditions what a model takes.

    Raises:
        DataError: an empty column, or no number where one is needed.
    """
    columns = zip(label_columns(config.labels), cells.labels, strict=True)
    source_tokenizer, longest = _source_tokenizer(cells, config), 0
    if cells.sources is not None:
        reader = source_tokenizer or tokenizer
        lengths = [len(row) for row in reader.encode([source or "" for source in cells.sources])]
        quantile = int(np.quantile(lengths, SOURCE_QUANTILE, method="inverted_cdf"))
        longest = config.source_max_length or max(1, min(quantile, LONGEST_SOURCE))
    return ConditionSchema(
        labels=tuple(Label.fitted(column, values) for column, values in columns),
        source_max_length=longest,
        source_tokenizer=source_tokenizer,
        features=None if cells.features is None else Features.fitted(cells.features),
        columns=config.columns,
    )


def examples(cells: Cells, schema: ConditionSchema, tokenizer: Tokenizer) -> TokenStore:
    """Encode texts and conditions into memory; texts of no token are left out."""
    rows = tokenizer.encode(cells.texts)
    kept = np.flatnonzero([len(row) > 0 for row in rows])
    conditions = schema.encode(values_of(cells, schema), tokenizer)
    return TokenStore.from_rows([rows[row] for row in kept], conditions=conditions.rows(kept))


def open_examples(
    data: Any,
    schema: ConditionSchema,
    tokenizer: Tokenizer,
    *,
    columns: Columns | None = None,
    split: str = "test",
    **options: Any,
) -> tuple[list[str], Conditions]:
    """Read texts and conditions for a model that is trained.

    Args:
        data: as for `open_corpus`.
        schema: what the model takes.
        tokenizer: the model's.
        columns: where conditions are found; None: where the training data had them.
        split: takes the place of {split} in a file of features.
        options: of `open_corpus`: text, blank_line, encoding.

    Raises:
        DataError: see `read_cells` and `ConditionSchema.encode`.
    """
    columns = columns or schema.columns
    texts, values = open_values(data, dataclasses.replace(schema, columns=columns), split=split, **options)
    return texts, schema.encode(values, tokenizer)


def open_values(
    data: Any, schema: ConditionSchema, *, split: str = "test", **options: Any
) -> tuple[list[str], dict[str, list[Any]]]:
    """Read texts and conditions by name, as people write them; arguments and errors as of `open_examples`."""
    columns = schema.columns
    reading = ReadOptions(columns=condition_columns(columns), turns=columns.pairs == "dialogue", **options)
    cells = read_cells(corpus_from(data, reading), columns, split)
    return cells.texts, values_of(cells, schema)


def values_of(cells: Cells, schema: ConditionSchema) -> dict[str, list[Any]]:
    """Return the conditions by name, as people write them."""
    values: dict[str, list[Any]] = {
        label.name: list(column) for label, column in zip(schema.labels, cells.labels, strict=True)
    }
    if cells.sources is not None:
        values[SOURCE] = list(cells.sources)
    if cells.features is not None:
        values[FEATURE] = list(cells.features)
    return values


def _features(rows: list[Row], columns: Columns, name: str, split: str) -> np.ndarray | None:
    if columns.feature is None:
        return None
    if not is_array_place(columns.feature):
        return gathered([row.cells[-1] for row in rows], f"{name} column {columns.feature!r}")
    place = columns.feature.replace("{split}", split)
    array = open_array(place)
    last = max(row.number for row in rows)
    if len(array) <= last:
        raise DataError(
            f"{place} has {len(array):,} rows, {name} at least {last + 1:,}; one for each row is needed"
        )
    return np.asarray(array[[row.number for row in rows]])


def _source_tokenizer(cells: Cells, config: DataConfig) -> Tokenizer | None:
    """Return a tokenizer trained on the sources, where they have one of their own."""
    if cells.sources is None or config.source_tokenizer == "shared":
        return None
    sources = [source for source in cells.sources if source]
    return Tokenizer.train(sources, kind=default_kind(sources), vocab_size=None, normalize=config.normalize)


def _wanted(columns: Columns) -> str:
    return " and ".join(
        what
        for what, there in (
            ("a source", columns.has_source),
            ("features", columns.feature is not None),
            ("labels", columns.labels is not None),
        )
        if there
    )
