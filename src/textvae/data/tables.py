"""Comma- and tab-separated files, as messy as they come."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from textvae.data.blobs import Blob
from textvae.data.columns import (
    as_number,
    choose_column,
    choose_text,
    find_name,
    fitting_number,
    listed,
    looks_like_header,
    twins,
)
from textvae.data.encodings import lines
from textvae.data.oddities import Oddities, same_names
from textvae.data.streams import Cells, ReadOptions, TextStream, column_digest
from textvae.errors import DataError, MissingColumnError

_FIELD_LIMIT = 1 << 26
"""Characters a field may have; more is an unclosed quote."""

_HEAD_LINES = 1000
_HEAD_ROWS = 50
_LONE_RETURN = re.compile(r"\r(?!\n)")
_STAND_IN = "\udc0d"
"""Stands for a lone carriage return, which csv refuses; no decoded text holds a lone surrogate."""


@dataclass(frozen=True)
class _Layout:
    """How a file's rows are written, and where the text is."""

    delimiter: str
    quoted: bool
    """Whether quotes enclose fields, or are text like anything else."""
    has_header: bool = False
    columns: tuple[int, ...] = (0,)
    """The text's number first."""
    width: int = 1
    """Cells that a row should have."""


def table_stream(blob: Blob, options: ReadOptions) -> TextStream:
    """Open a .csv or .tsv file.

    Raises:
        MissingColumnError: the wanted column is not there.
    """
    head = list(islice(lines(blob, options.encoding, options.errors), _HEAD_LINES))
    delimiter = "\t" if blob.suffix == ".tsv" else _sniff_delimiter(head)
    layout = _Layout(delimiter, delimiter != "\t" or _is_quoted(head))
    rows = [row for row, _ in islice(_parse(iter(head), layout, blob.name), _HEAD_ROWS) if row]
    if not rows:
        return TextStream(blob.name, lambda: iter(()), blob.digest)
    has_header, column, notes = _find_text(rows, options, blob)
    columns = (column, *_others(rows, options, blob, has_header=has_header))
    if has_header:
        notes += _twins(rows[0], columns, options, blob)
    width = len(rows[0]) if has_header else max(_usual_width(rows), max(columns) + 1)
    layout = _Layout(layout.delimiter, layout.quoted, has_header, columns, width)
    found: list[str] = []
    return TextStream(
        blob.name,
        lambda: _read(blob, layout, options, found),
        lambda: column_digest(
            blob.digest(), (column, layout.has_header), layout.columns[1:], encoding=options.encoding
        ),
        notes,
        rows[0][column] if has_header else column,
        lambda: tuple(found),
    )


def _read(blob: Blob, layout: _Layout, options: ReadOptions, found: list[str]) -> Iterator[Cells]:
    """Yield the cells of each row that were asked for; None for those that a short row lacks.

    At the end, notes on what looks wrong take the place of those in `found`.
    """
    rows = _parse(lines(blob, options.encoding, options.errors), layout, blob.name)
    line = 0
    if layout.has_header:
        line = next((end for row, end in rows if row), 0)
    oddities = Oddities()
    for row, end in rows:
        oddities.count(row, layout.width, end, end - line)
        line = end
        yield tuple(row[column] if len(row) > column else None for column in layout.columns)
    found[:] = oddities.notes(blob.name, layout.width)


def _parse(source: Iterator[str], layout: _Layout, name: str) -> Iterator[tuple[list[str], int]]:
    """Yield the rows, each with the number of its last line, from 1."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_LIMIT))
    marked = (_LONE_RETURN.sub(_STAND_IN, line) if "\r" in line else line for line in source)
    quoting = csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE
    reader = csv.reader(marked, delimiter=layout.delimiter, quoting=quoting)
    try:
        for row in reader:
            yield [cell.replace(_STAND_IN, "\r") for cell in row], reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{name} cannot be read near line {reader.line_num}: {error}; is a quote unclosed?"
        ) from error


def _sniff_delimiter(head: list[str]) -> str:
    """Return the comma, or the semicolon or tab where it cuts every row into equally many cells and the comma the first into none."""
    if _widths(head, ",")[:1] == [1]:
        for delimiter in (";", "\t"):
            widths = set(_widths(head, delimiter))
            if len(widths) == 1 and 1 not in widths:
                return delimiter
    return ","


def _widths(head: list[str], delimiter: str) -> list[int]:
    """Return the cells of each of the first rows, quotes heeded; nothing where they cannot be read so."""
    marked = (_LONE_RETURN.sub(_STAND_IN, line) for line in head)
    try:
        return [len(row) for row in islice(csv.reader(marked, delimiter=delimiter), _HEAD_ROWS) if row]
    except csv.Error:
        return []


def _is_quoted(head: list[str]) -> bool:
    """Say whether quotes enclose fields: in many tab-separated files they are text like anything else.

    They do if all are paired as a writer pairs them, and one was needed or the very first field has them.
    """
    cells: list[str] = []
    try:
        for row in csv.reader(iter(head), delimiter="\t", strict=True):
            cells += row
    except csv.Error as error:
        return len(head) == _HEAD_LINES and "unexpected end" in str(error)  # the head may end inside a field
    needed = any("\t" in cell or "\n" in cell for cell in cells) or any('""' in line for line in head)
    return needed or any(line.startswith('"') for line in head[:1])


def _find_text(rows: list[list[str]], options: ReadOptions, blob: Blob) -> tuple[bool, int, tuple[str, ...]]:
    """Return whether the first row is a header, the text column's number, and notes."""
    first, wanted, expected = rows[0], options.text, options.expected
    if looks_like_header(first, rows[1:]) or any(
        _is_named(first, name) for name in (wanted, expected, *options.columns)
    ):
        return True, *choose_text(first, wanted, expected, blob.name)
    if wanted is None:
        wanted = fitting_number(max(map(len, rows)), expected)
    column = _unnamed_column(rows, wanted, blob)
    begins = f", which begins {first[column][:20]!r}" if 1 < len(first) > column else ""
    return False, column, (f"{blob.name} has no header row: its column {column} is read as the text{begins}",)


def _twins(header: list[str], columns: tuple[int, ...], options: ReadOptions, blob: Blob) -> tuple[str, ...]:
    """Return notes on names that several columns have: all of them where a file is only probed, else that of a text nobody chose.

    Raises:
        MissingColumnError: a column was chosen by such a name, not by its number.
    """
    if options.probe:
        return tuple(same_names(header, blob.name))
    text = options.expected if options.text is None else options.text
    for number, wanted in zip(columns, (text, *options.columns), strict=True):
        if find_name(header, wanted) == number and twins(header, header[number]):
            raise MissingColumnError(next(same_names(header, blob.name, header[number])))
    return () if options.text is not None else tuple(same_names(header, blob.name, header[columns[0]]))


def _others(rows: list[list[str]], options: ReadOptions, blob: Blob, *, has_header: bool) -> Iterator[int]:
    """Yield the numbers of the other columns."""
    for wanted in options.columns:
        yield (
            choose_column(rows[0], wanted, blob.name) if has_header else _unnamed_column(rows, wanted, blob)
        )


def _is_named(first: list[str], wanted: str | int | None) -> bool:
    """Say whether the first row holds `wanted` as a name; digits are one only among digits, else they may be a label."""
    if as_number(wanted) is not None and any(as_number(cell) is None for cell in first):
        return False
    return find_name(first, wanted) is not None


def _usual_width(rows: list[list[str]]) -> int:
    """Return how many cells most rows have."""
    [(width, _)] = Counter(map(len, rows)).most_common(1)
    return width


def _unnamed_column(rows: list[list[str]], wanted: str | int | None, blob: Blob) -> int:
    """Return the number of a column of a table without a header: by default the last that most rows have."""
    usual, width = _usual_width(rows), max(map(len, rows))
    if wanted is None and (width == 1 or blob.suffix == ".tsv"):
        return usual - 1
    if (number := fitting_number(width, wanted)) is not None:
        return number
    if wanted is None:
        message = (
            f"{blob.name} has no header row and {width} columns; choose the text with --text 0 to {width - 1}"
        )
    else:
        message = f"{blob.name} has no column {wanted!r}; its first row is {listed(rows[0])}, its columns 0 to {width - 1}"
    raise MissingColumnError(message)
