"""Texts with the conditions they answer to, read from the columns of a corpus."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.config.conditions import FEATURE, SOURCE, Columns, label_columns
from textvae.config.data import DataConfig
from textvae.config.names import counted, with_article
from textvae.data.columns import as_source, is_missing
from textvae.data.conditions import Conditions, ConditionSchema
from textvae.data.derived import DERIVATIONS
from textvae.data.features import Features, gathered, is_array_place, open_array
from textvae.data.labels import Label, check_numbers
from textvae.data.normalization import set_apart
from textvae.data.sources import Corpus, Row, corpus_from
from textvae.data.store import TokenStore
from textvae.data.streams import ReadOptions
from textvae.data.tokenizer_defaults import default_kind
from textvae.data.tokenizers import Tokenizer
from textvae.errors import DataError, MissingColumnError

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


def reading_options(columns: Columns) -> dict[str, Any]:
    """Return options of `open_corpus` with which a corpus gives the conditions."""
    return {"columns": condition_columns(columns), "turns": columns.pairs == "dialogue"}


@dataclass(frozen=True)
class Cells:
    """The condition columns of a corpus, N rows."""

    texts: list[str]
    labels: list[Sequence[Any]]
    """One sequence a column."""
    sources: list[str | None] | None
    features: np.ndarray | None
    num_left_out: int
    """Rows without a source or without features, and texts too short to make a source from."""
    numbers: list[int]
    """Which row of the corpus each text is of, from 0, those left out counted."""

    def rows(self, indices: np.ndarray) -> "Cells":
        """Return some rows."""
        return Cells(
            [self.texts[row] for row in indices],
            [[column[row] for row in indices] for column in self.labels],
            None if self.sources is None else [self.sources[row] for row in indices],
            None if self.features is None else self.features[indices],
            self.num_left_out,
            [self.numbers[row] for row in indices],
        )


def read_cells(corpus: Corpus, columns: Columns) -> Cells:
    """Read texts and conditions; rows without a source text or without features are left out and counted.

    Args:
        corpus: opened with `condition_columns`; its split takes the place of {split} in a file of features.
        columns: which columns are what, and whether sources are made from the texts.

    Raises:
        DataError: no row is left, or a file of features has another number of rows than the texts.
        MissingColumnError: a corpus opened without the columns.
    """
    num_labels, num_left_out = len(label_columns(columns.labels)), 0
    kept: list[Row] = []
    sources: list[str | None] = []
    wanted = condition_columns(columns)
    for row in corpus.rows():
        if len(row.cells) != len(wanted):
            raise MissingColumnError(f"{corpus.name} was opened without {', '.join(map(repr, wanted))}")
        pairs = _pairs(row, columns, num_labels)
        kept += [row._replace(text=text) for _, text in pairs]
        sources += [source for source, _ in pairs]
        num_left_out += not pairs
    if not kept:
        raise DataError(_nothing_left(corpus, columns))
    return Cells(
        texts=[row.text for row in kept],
        labels=[[row.cells[number] for row in kept] for number in range(num_labels)],
        sources=sources if columns.has_source else None,
        features=_features(kept, columns, corpus),
        num_left_out=num_left_out,
        numbers=[row.number for row in kept],
    )


def _pairs(row: Row, columns: Columns, num_labels: int) -> list[tuple[str | None, str]]:
    """Return the sources and texts that a row makes: one, or none where a condition is missing; of dialogues several."""
    if any(
        is_missing(cell) or (isinstance(cell, str) and not cell.strip()) for cell in row.cells[num_labels:]
    ):
        return []
    if columns.pairs != "none":
        return list(DERIVATIONS[columns.pairs](row.text))
    return [(as_source(row.cells[num_labels]) if columns.source is not None else None, row.text)]


def known_rows(cells: Cells, schema: ConditionSchema) -> tuple[Cells, int]:
    """Return the rows whose labels a model knows, and how many others there are; columns behind its own may hold anything.

    Raises:
        DataError: a cell is no number where one is needed.
        UnknownLabelError: it knows none.
    """
    columns = list(zip(schema.labels, cells.labels, strict=False))
    for label, column in columns:
        check_numbers(label.name, label.kind, column, cells.numbers)
    known = [all(label.knows(column[row]) for label, column in columns) for row in range(len(cells.texts))]
    if not any(known):
        for label, column in columns:
            label.encode(next((cell for cell in column if not label.knows(cell)), None))
    return cells.rows(np.flatnonzero(known)), known.count(False)


def fit_schema(cells: Cells, config: DataConfig, tokenizer: Tokenizer) -> ConditionSchema:
    """Learn from the training texts' conditions what a model takes.

    Raises:
        DataError: an empty column, one where nearly every text has a value of its own, or no number where one is needed.
    """
    columns = list(zip(label_columns(config.labels), cells.labels, strict=True))
    for column, values in columns:
        check_numbers(column.name, column.kind, values, cells.numbers)
    labels = tuple(Label.fitted(column, values) for column, values in columns)
    for label in labels:
        label.check()
    schema = ConditionSchema(
        labels=labels,
        source_tokenizer=_source_tokenizer(cells, config),
        source_apart=config.source_apart,
        features=None if cells.features is None else Features.fitted(cells.features),
        columns=config.columns,
    )
    if cells.sources is None:
        return schema
    rows = schema.source_rows([source or "" for source in cells.sources], tokenizer)
    quantile = int(np.quantile([len(row) for row in rows], SOURCE_QUANTILE, method="inverted_cdf"))
    longest = config.source_max_length or max(1, min(quantile, LONGEST_SOURCE))
    return dataclasses.replace(schema, source_max_length=longest)


def examples(cells: Cells, schema: ConditionSchema, tokenizer: Tokenizer) -> TokenStore:
    """Encode texts and conditions into memory; texts of no token are left out."""
    rows = tokenizer.encode(cells.texts)
    kept = np.flatnonzero([len(row) > 0 for row in rows])
    conditions = schema.encode(values_of(cells, schema), tokenizer)
    return TokenStore.from_rows([rows[row] for row in kept], conditions=conditions.rows(kept))


@dataclass(frozen=True)
class Examples:
    """Texts and conditions for a model that is trained.

    Attributes:
        texts: N of them.
        conditions: N.
        notes: sentences on what was left out.
    """

    texts: list[str]
    conditions: Conditions
    notes: tuple[str, ...]


def open_examples(data: Any, schema: ConditionSchema, tokenizer: Tokenizer) -> Examples:
    """Read texts and conditions, from the columns that the training data had them in.

    Rows that miss a source or features are left out, and so are those with a label that no training text has.

    Args:
        data: as for `open_corpus`; a `Corpus` was opened with `reading_options`.
        schema: what the model takes.
        tokenizer: the model's.

    Raises:
        DataError: see `read_cells` and `ConditionSchema.encode`.
        UnknownLabelError: no text has labels that the model knows.
    """
    cells = read_cells(corpus_from(data, ReadOptions(**reading_options(schema.columns))), schema.columns)
    known, num_unknown = known_rows(cells, schema)
    return Examples(
        known.texts,
        schema.encode(values_of(known, schema), tokenizer),
        left_out(known, schema.columns) + unknown_left_out(num_unknown),
    )


def open_values(data: Any, schema: ConditionSchema, **options: Any) -> tuple[list[str], dict[str, list[Any]]]:
    """Read texts and conditions by name, as people write them.

    Args:
        data: as for `open_corpus`.
        schema: what is read.
        options: of `open_corpus`: text, expected, blank_line, encoding.

    Raises:
        DataError: see `read_cells`.
    """
    reading = ReadOptions(**reading_options(schema.columns), **options)
    cells = read_cells(corpus_from(data, reading), schema.columns)
    return cells.texts, values_of(cells, schema)


def left_out(cells: Cells, columns: Columns) -> tuple[str, ...]:
    """Return a sentence on the rows that are left out, if any."""
    if not cells.num_left_out:
        return ()
    verb = "is" if cells.num_left_out == 1 else "are"
    if columns.pairs != "none":
        return (
            f"{counted(cells.num_left_out, 'text')} {verb} too short for {with_article(columns.pairs)} and left out",
        )
    return (f"{counted(cells.num_left_out, 'row')} without {_wanted(columns)} {verb} left out",)


def unknown_left_out(number: int) -> tuple[str, ...]:
    """Return a sentence on the held-out texts with labels that no training text has, if any."""
    left = "is" if number == 1 else "are"
    return (
        (f"{counted(number, 'text')} with a label that no training text has {left} left out",)
        if number
        else ()
    )


def values_of(cells: Cells, schema: ConditionSchema) -> dict[str, list[Any]]:
    """Return the conditions by name, as people write them; columns behind those of the schema are none."""
    values: dict[str, list[Any]] = {
        label.name: list(column) for label, column in zip(schema.labels, cells.labels, strict=False)
    }
    if cells.sources is not None:
        values[SOURCE] = list(cells.sources)
    if cells.features is not None:
        values[FEATURE] = list(cells.features)
    return values


def _features(rows: list[Row], columns: Columns, corpus: Corpus) -> np.ndarray | None:
    if columns.feature is None:
        return None
    if not is_array_place(columns.feature):
        return gathered([row.cells[-1] for row in rows], f"{corpus.name} column {columns.feature!r}")
    place = columns.feature.replace("{split}", corpus.split)
    array = open_array(place)
    if len(array) != corpus.num_rows:
        raise DataError(
            f"{place} has {len(array):,} rows, {corpus.name} {corpus.num_rows:,}; one for each row is needed, and "
            "{split} in the name tells the files of train, valid and test apart"
        )
    return np.asarray(array[[row.number for row in rows]])


def _source_tokenizer(cells: Cells, config: DataConfig) -> Tokenizer | None:
    """Return a tokenizer trained on the sources, where they have one of their own."""
    if cells.sources is None or config.source_tokenizer == "shared":
        return None
    sources = [set_apart(source) if config.source_apart else source for source in cells.sources if source]
    return Tokenizer.train(sources, kind=default_kind(sources), vocab_size=None, normalize=config.normalize)


def _nothing_left(corpus: Corpus, columns: Columns) -> str:
    if columns.pairs == "none":
        return f"no row of {corpus.name} has both a text and {_wanted(columns)}; check the columns"
    needed = {
        "dialogue": "a dialogue has a turn a line; give a column of lists, or plain text with --blank-line between dialogues",
        "completion": "a text needs four words to be cut in two",
        "infill": "a text needs four words to have a gap",
    }
    return f"no text of {corpus.name} makes {with_article(columns.pairs)}: {needed[columns.pairs]}"


def _wanted(columns: Columns) -> str:
    parts = (("a source", columns.has_source), ("features", columns.feature is not None))
    return " and ".join(what for what, there in parts if there)
