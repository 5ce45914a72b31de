"""The small type every reader returns."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

Cells = tuple[Any, ...]
"""A row: its text, None where it has none; then the other columns that were asked for, as they stand in the source."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How sources are read; see `open_corpus`."""

    text: str | int | None = None
    expected: str | int | None = None
    """The text's column where `text` is None and there is such a one: that of the training data."""
    blank_line: bool = False
    encoding: str | None = None
    turns: bool = False
    """A cell may be a list of turns, which becomes a text with a turn a line."""
    columns: tuple[str | int, ...] = ()
    """Other columns that are read beside the text."""
    errors: str = "strict"
    """"replace": unreadable bytes become U+FFFD instead of an error."""
    probe: bool = False
    """Read each file once beforehand to find its encoding, so that no byte is an error."""


@dataclass(frozen=True)
class TextStream:
    """Rows of one file, table or list, read afresh at each call of `read`."""

    name: str
    read: Callable[[], Iterator[Cells]]
    """Gives the rows in order."""
    digest: Callable[[], bytes]
    """Gives the SHA-256 of content and columns."""
    notes: tuple[str, ...] = ()
    column: str | int | None = None
    """The text's, by name where columns have names; None: there are no columns."""
    findings: Callable[[], tuple[str, ...]] = tuple
    """Gives sentences on what looked wrong at the last complete reading."""
    encoding: str | None = None
    """The file's encoding, where it was probed."""


def column_digest(
    content: bytes, column: object, others: Iterable[object] = (), *, encoding: str | None = None
) -> bytes:
    """Return the SHA-256 of a content digest, a choice of columns, and how the bytes are read."""
    choice = (
        repr(column) + "".join(f" {other!r}" for other in others) + (f" as {encoding}" if encoding else "")
    )
    return hashlib.sha256(content + choice.encode()).digest()


def texts_digest(texts: Iterable[str | None]) -> bytes:
    """Return the SHA-256 of texts, their boundaries included."""
    sha = hashlib.sha256()
    for text in texts:
        content = (text or "").encode("utf-8", "surrogatepass")
        sha.update(len(content).to_bytes(8, "little"))
        sha.update(content)
    return sha.digest()
