"""`open_corpus`: any source of texts as one re-iterable stream."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from textvae.data.blobs import Blob, exists, stdin_blob
from textvae.data.encodings import check_encoding
from textvae.data.formats import SUFFIXES, blob_stream, file_stream, is_supported
from textvae.data.objects import HUB, Records, is_table, list_stream, load_hub, object_stream
from textvae.data.split_names import split_name
from textvae.data.streams import Cells, ReadOptions, TextStream
from textvae.errors import DataError

MANY_NOTES = 3


class Row(NamedTuple):
    """A text and what stands beside it."""

    text: str
    cells: Cells
    """The other columns that were asked for."""
    number: int
    """Its row in the source, rows without a text counted: rows of an array of features are found by it."""


class Corpus:
    """Texts in a fixed order, read afresh at each iteration; blank ones (nothing but spaces) are left out.

    Attributes:
        name: what messages call it.
        notes: sentences on choices made for the user, as which column is read.
        column: the text's, by name where columns have names; of several files that of the first; None: there are no columns.
        encodings: those of the files, where they were probed.
        split: the split of a data set that the texts are: as its name says, where nobody else does; else test.
        num_rows: rows of the source, with or without a text, that the last complete iteration read.
        num_skipped: blank texts and rows without a text that it left out.
    """

    def __init__(
        self,
        name: str,
        streams: Sequence[TextStream],
        keep: Callable[[str], bool] | None = None,
        label: str = "",
    ) -> None:
        self.name = name
        self.notes = _shortened([note for stream in streams for note in stream.notes])
        self.column = streams[0].column if streams else None
        self.encodings = tuple(dict.fromkeys(stream.encoding for stream in streams if stream.encoding))
        self.split = split_name(name) or "test"
        self.num_rows = self.num_skipped = 0
        self._streams, self._keep, self._label = tuple(streams), keep, label

    def __iter__(self) -> Iterator[str]:
        return (row.text for row in self.rows())

    def rows(self) -> Iterator[Row]:
        """Give the texts with the columns that stand beside them."""
        num_rows = num_skipped = 0
        rows = chain.from_iterable(stream.read() for stream in self._streams)
        for number, (text, *cells) in enumerate(rows):
            num_rows += 1
            if text is None or not text or text.isspace():
                num_skipped += 1
            elif self._keep is None or self._keep(text):
                yield Row(text, tuple(cells), number)
        self.num_rows, self.num_skipped = num_rows, num_skipped

    def __repr__(self) -> str:
        return f"Corpus({self.name!r})"

    @property
    def findings(self) -> tuple[str, ...]:
        """Sentences on what looked wrong at the last complete iteration, as rows of another width than the others."""
        return tuple(finding for stream in self._streams for finding in stream.findings())

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the content and the choice of column; for lists, of the texts."""
        digests = [stream.digest() for stream in self._streams]
        whole = digests[0].hex() if len(digests) == 1 else hashlib.sha256(b"".join(digests)).hexdigest()
        return hashlib.sha256(f"{whole} {self._label}".encode()).hexdigest() if self._label else whole

    def where(self, keep: Callable[[str], bool], label: str) -> "Corpus":
        """Return a view of the texts for which `keep` is true; `label` tells its name and fingerprint apart."""
        kept = self._keep
        both = keep if kept is None else lambda text: kept(text) and keep(text)
        name = f"{self.name} ({label.partition(' ')[0]})"
        view = Corpus(name, self._streams, both, f"{self._label} {label}".lstrip())
        view.split = self.split
        return view


def open_corpus(
    data: Any,
    *,
    text: str | int | None = None,
    expected: str | int | None = None,
    blank_line: bool = False,
    encoding: str | None = None,
    columns: Sequence[str | int] = (),
    turns: bool = False,
) -> Corpus:
    """Open texts.

    Args:
        data: a path to a .txt, .csv, .tsv, .jsonl or .parquet file, each also as .gz; a list of such paths; a folder
            of them; "-" for standard input; `hf://owner/name`; an iterable of str, or of mappings; a DataFrame or
            Dataset; a `Corpus`, which is returned as it is.
        text: the text column's name or number (from 0, negative from the end; digits that are no name are a number);
            None: the only column, or one with a usual name (text, sentence, 文本, …), or the last of a .tsv
            without a header.
        expected: the column where `text` is None and there is one of that name or, in a table without names, number.
        blank_line: in plain text, a blank line, not a line end, separates texts.
        encoding: None: UTF-8, or what a byte-order mark says.
        columns: other columns that `Corpus.rows` gives beside the text.
        turns: a cell may be a list of turns of a dialogue, which becomes a text with a turn a line.

    Raises:
        ConfigError: no such encoding.
        DataError: there is nothing to read.
        MissingColumnError: no such column.
        TextEncodingError: bytes in another encoding (perhaps only while iterating).
    """
    options = ReadOptions(
        text=text,
        expected=expected,
        blank_line=blank_line,
        encoding=encoding,
        columns=tuple(columns),
        turns=turns,
    )
    return corpus_from(data, options)


def corpus_from(data: Any, options: ReadOptions, name: str = "the table") -> Corpus:
    """Open texts with settings already gathered (see `open_corpus`); `name` is what messages call a table."""
    check_encoding(options.encoding)
    if isinstance(data, str) and data.startswith(HUB):
        return _single(object_stream(load_hub(data, default_split="train"), options, data))
    if isinstance(data, str | Path):
        return _from_path(data, options)
    if isinstance(data, Corpus):
        return data
    if isinstance(data, Blob):
        return _single(blob_stream(data, options))
    if isinstance(data, Mapping):
        raise DataError(f"the data hold several splits ({', '.join(map(str, data))}); choose one of them")
    if is_table(data):
        return _single(object_stream(data, options, name))
    if not hasattr(data, "__iter__") or isinstance(data, bytes):
        raise DataError(
            f"texts cannot be read from a {type(data).__name__}; give a path, a list of str or a table"
        )
    items = list(data)
    if items and all(isinstance(item, Mapping) for item in items):
        return _single(object_stream(Records(items), options, name))
    return (
        _from_files([Path(item) for item in items], options)
        if _are_files(items)
        else _single(list_stream(items, options))
    )


def count_texts(corpus: Corpus) -> int:
    """Return the number of texts, by reading them once."""
    return sum(1 for _ in corpus)


def folder_files(folder: Path) -> list[Path]:
    """Return the files of a folder that hold texts, sorted by name.

    Raises:
        DataError: there are none.
    """
    files = sorted(path for path in folder.iterdir() if path.is_file() and is_supported(path))
    if not files:
        raise DataError(f"no texts in the folder {folder}; files ending in {', '.join(SUFFIXES)} are read")
    return files


def _shortened(notes: Sequence[str]) -> tuple[str, ...]:
    """Return the first notes where there are many, as of a folder of tables."""
    more = len(notes) - MANY_NOTES
    return (*notes[:MANY_NOTES], f"and {more:,} more notes on other files") if more > 1 else tuple(notes)


def _from_path(data: str | Path, options: ReadOptions) -> Corpus:
    if data == "-":
        return _single(blob_stream(stdin_blob(), options))
    path = Path(data).expanduser()
    if exists(path) and path.is_dir():
        return Corpus(path.name or str(path), [file_stream(file, options) for file in folder_files(path)])
    return _single(file_stream(path, options))


def _from_files(paths: Sequence[Path], options: ReadOptions) -> Corpus:
    streams = [stream for path in paths for stream in _from_path(path, options)._streams]
    return Corpus(paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more", streams)


def _are_files(items: Sequence[Any]) -> bool:
    """Tell a list of paths from a list of texts: all are `Path`, or all have a supported ending and one is there."""
    if not items or not all(isinstance(item, str | Path) for item in items):
        return False
    if all(isinstance(item, Path) for item in items):
        return True
    paths = [Path(item) for item in items[:1000]]
    return all(is_supported(path) for path in paths) and any(exists(path) for path in paths)


def _single(stream: TextStream) -> Corpus:
    return Corpus(stream.name, [stream])
