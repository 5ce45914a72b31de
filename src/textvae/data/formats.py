"""Files of texts: plain text, JSON lines, parquet; the format is read off the name."""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from textvae.data.blobs import Blob, file_blob
from textvae.data.columns import as_text, choose_column, choose_text
from textvae.data.encodings import lines, probe
from textvae.data.streams import Cells, ReadOptions, TextStream, column_digest
from textvae.data.tables import table_stream
from textvae.errors import DataError, MissingColumnError, MissingExtraError

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
SUFFIXES = (".txt", ".csv", ".tsv", *JSON_SUFFIXES, ".parquet")
_BINARY = (
    ".zip",
    ".tar",
    ".bz2",
    ".xz",
    ".7z",
    ".xlsx",
    ".xls",
    ".docx",
    ".pdf",
    ".pkl",
    ".pt",
    ".npy",
    ".npz",
)
_HEAD_ROWS = 50


def is_supported(path: Path) -> bool:
    """Say whether a file's name ends in one of `SUFFIXES`, .gz allowed behind it."""
    name = path.name.lower().removesuffix(".gz")
    return not name.startswith(".") and name.endswith(SUFFIXES)


def file_stream(path: Path, options: ReadOptions) -> TextStream:
    """Open one file; a name that says nothing is plain text.

    Raises:
        DataError: no such file, or a kind that holds no plain texts.
        MissingColumnError: the wanted column is not there.
    """
    return blob_stream(file_blob(path), options)


def blob_stream(blob: Blob, options: ReadOptions) -> TextStream:
    """Open named bytes by their suffix."""
    if not options.probe or blob.suffix == ".parquet" or blob.suffix in _BINARY:
        return _open(blob, options)
    options, encoding, notes = probe(blob, options)
    stream = _open(blob, options)
    return replace(stream, encoding=encoding, notes=notes + stream.notes)


def _open(blob: Blob, options: ReadOptions) -> TextStream:
    if blob.suffix in (".csv", ".tsv"):
        return table_stream(blob, options)
    if blob.suffix in JSON_SUFFIXES:
        return _json_stream(blob, options)
    if blob.suffix == ".parquet":
        return _parquet_stream(blob, options)
    if blob.suffix in _BINARY:
        raise DataError(f"{blob.name} is a {blob.suffix} file; give one of {', '.join(SUFFIXES)}")
    return _text_stream(blob, options)


def _text_stream(blob: Blob, options: ReadOptions) -> TextStream:
    if options.columns:
        raise MissingColumnError(
            f"{blob.name} is plain text and has no column {options.columns[0]!r}; give a .tsv, .csv, .jsonl or .parquet file"
        )
    read = _paragraphs if options.blank_line else _plain_lines
    notes = (
        ()
        if options.text is None
        else (f"{blob.name} is plain text: the column {options.text!r} is not used",)
    )
    return TextStream(
        blob.name,
        lambda: ((text,) for text in read(lines(blob, options.encoding, options.errors))),
        lambda: column_digest(blob.digest(), options.blank_line, encoding=options.encoding),
        notes,
    )


def _plain_lines(source: Iterator[str]) -> Iterator[str]:
    for line in source:
        yield line[:-1].removesuffix("\r") if line.endswith("\n") else line


def _paragraphs(source: Iterator[str]) -> Iterator[str]:
    paragraph: list[str] = []
    for line in _plain_lines(source):
        if line.strip():
            paragraph.append(line)
        elif paragraph:
            yield "\n".join(paragraph)
            paragraph = []
    if paragraph:
        yield "\n".join(paragraph)


def _json_stream(blob: Blob, options: ReadOptions) -> TextStream:
    head = (value for value in islice(_json_values(blob, options), _HEAD_ROWS) if isinstance(value, dict))
    columns = list(dict.fromkeys(key for value in head for key in value))
    column, others, notes = None, [None] * len(options.columns), ()
    if columns:  # else texts alone, or nothing
        number, notes = choose_text(columns, options.text, options.expected, blob.name)
        column = columns[number]
        others = [columns[choose_column(columns, wanted, blob.name)] for wanted in options.columns]
    return TextStream(
        blob.name,
        lambda: _json_rows(blob, options, column, others),
        lambda: column_digest(blob.digest(), column, others, encoding=options.encoding),
        notes,
        column,
    )


def _json_values(blob: Blob, options: ReadOptions) -> Iterator[Any]:
    for number, line in enumerate(lines(blob, options.encoding, options.errors), 1):
        if not line.strip():
            yield None
            continue
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = str(error).partition(": line")[0]
            raise DataError(
                f"{blob.name} line {number} is not JSON ({problem}); one value a line is needed"
            ) from error


def _json_rows(
    blob: Blob, options: ReadOptions, column: str | None, others: list[str | None]
) -> Iterator[Cells]:
    for number, value in enumerate(_json_values(blob, options), 1):
        known = isinstance(value, dict)
        if isinstance(value, list) and not options.turns:
            raise DataError(
                f"{blob.name} line {number} holds a list; one text or object a line is needed (JSON lines)"
            )
        cell = value.get(column) if known else value
        text = as_text(cell, f"{blob.name} line {number}", turns=options.turns)
        yield (text, *(value.get(other) if known else None for other in others))


def _parquet_stream(blob: Blob, options: ReadOptions) -> TextStream:
    with _open_parquet(blob) as table:
        names = table.schema_arrow.names
    column, notes = choose_text(names, options.text, options.expected, blob.name)
    others = [choose_column(names, wanted, blob.name) for wanted in options.columns]
    for name in (names[number] for number in (column, *others)):
        if names.count(name) > 1:
            raise MissingColumnError(
                f"{blob.name} has {names.count(name)} columns called {name!r}; rename one"
            )
    return TextStream(
        blob.name,
        lambda: _parquet_rows(blob, options, [names[number] for number in (column, *others)]),
        lambda: column_digest(blob.digest(), column, others),
        notes,
        names[column],
    )


@contextmanager
def _open_parquet(blob: Blob) -> Generator[Any, None, None]:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise MissingExtraError("pyarrow", "data") from error
    with blob.open() as stream:
        try:
            yield ParquetFile(stream)
        except (ArrowException, OSError) as error:
            problem = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{blob.name} is not a parquet file that can be read: {problem}") from error


def _parquet_rows(blob: Blob, options: ReadOptions, columns: list[str]) -> Iterator[Cells]:
    where = f"{blob.name} column {columns[0]!r}"
    with _open_parquet(blob) as table:
        for batch in table.iter_batches(columns=list(dict.fromkeys(columns)), batch_size=8192):
            for cells in zip(*(batch.column(name).to_pylist() for name in columns), strict=True):
                yield (as_text(cells[0], where, turns=options.turns), *cells[1:])
