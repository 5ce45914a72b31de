"""Texts already in Python, and data sets of the Hugging Face Hub; all duck-typed, so that nothing is imported."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

import numpy as np

from textvae.data.columns import as_text, choose_column, choose_text
from textvae.data.streams import Cells, ReadOptions, TextStream, column_digest, texts_digest
from textvae.errors import DataError, MissingColumnError, MissingExtraError

HUB = "hf://"


def list_stream(texts: Iterable[str], options: ReadOptions) -> TextStream:
    """Hold an iterable of texts in memory.

    Raises:
        DataError: something in it is not a str.
        MissingColumnError: other columns than the text are asked for.
    """
    if options.columns:
        raise MissingColumnError(
            f"a list of texts has no column {options.columns[0]!r}; give a DataFrame, a list of mappings or a file"
        )
    kept = list(texts)
    for number, text in enumerate(kept):
        if not isinstance(text, str):
            raise DataError(f"text {number} is {str(text)[:40]!r} ({type(text).__name__}); texts are str")

    def read() -> Iterator[Cells]:
        return ((as_text(text, "the list"),) for text in kept)

    return TextStream(f"{len(kept)} texts", read, lambda: texts_digest(text for (text,) in read()))


def is_table(data: Any) -> bool:
    """Say whether `data` is a DataFrame or a Dataset."""
    return hasattr(data, "columns") or hasattr(data, "column_names")


def object_stream(data: Any, options: ReadOptions, name: str = "the table") -> TextStream:
    """Read a pandas DataFrame (`.columns`) or a Hugging Face Dataset (`.column_names`).

    Raises:
        MissingColumnError: the wanted column is not there.
    """
    is_dataset = hasattr(data, "column_names")
    keys = (data.column_names or _first_keys(data)) if is_dataset else list(data.columns)
    if not keys:
        return TextStream(name, lambda: iter(()), lambda: texts_digest(()))
    names = [str(key) for key in keys]
    number, notes = choose_text(names, options.text, options.expected, name)
    numbers = [choose_column(names, wanted, name) for wanted in options.columns]
    key, others = keys[number], [keys[place] for place in numbers]

    def read() -> Iterator[Cells]:
        rows = (
            (tuple(row.get(name) for name in (key, *others)) for row in data)
            if is_dataset
            else zip(*(_column(data, place) for place in (number, *numbers)), strict=True)
        )
        return (
            (as_text(cells[0], f"{name} column {key!r}", turns=options.turns), *cells[1:]) for cells in rows
        )

    def digest() -> bytes:
        shown = (row[0] if not others else repr([_exactly(cell) for cell in row]) for row in read())
        return column_digest(texts_digest(shown), key, others)

    return TextStream(name, read, digest, notes, names[number])


def _column(frame: Any, number: int) -> Any:
    """Return a column of a DataFrame by its place: names may come twice."""
    return frame.iloc[:, number] if hasattr(frame, "iloc") else frame[frame.columns[number]]


def _exactly(cell: Any) -> Any:
    """Return what tells a cell from any other: an array of many numbers shows only some of them."""
    if not (hasattr(cell, "__array__") and getattr(cell, "ndim", 0)):
        return cell
    array = np.asarray(cell)
    return array.dtype.str, array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


class Records:
    """A list of mappings as a table: its columns are the keys, in the order in which they first come."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = [{str(key): cell for key, cell in row.items()} for row in rows]
        self.column_names = list(dict.fromkeys(key for row in self.rows for key in row))

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self.rows)


def load_hub(uri: str, *, default_split: str | None = None) -> Any:
    """Open `hf://owner/name`, optionally with `?split=…&config=…`, without downloading it whole.

    Args:
        uri: the address.
        default_split: the split where the address names none; None: a mapping of all splits.

    Raises:
        DataError: the address is malformed, or the Hub does not give the data set.
        MissingExtraError: datasets is not installed.
    """
    repository, _, query = uri.removeprefix(HUB).partition("?")
    settings = parse_qs(query)
    if (
        repository.count("/") != 1
        or not all(repository.split("/"))
        or not settings.keys() <= {"split", "config"}
    ):
        raise DataError(
            f"{uri!r} cannot be read; write hf://owner/name, or hf://owner/name?split=train&config=x"
        )
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "data") from error
    split = settings.get("split", [default_split])[0]
    try:
        return datasets.load_dataset(
            repository, settings.get("config", [None])[0], split=split, streaming=True
        )
    except Exception as error:  # the Hub's failures have many types, none of them ours
        problem = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{uri} cannot be opened: {problem}") from error


def _first_keys(data: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(next(iter(data), {}))
