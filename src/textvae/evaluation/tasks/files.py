"""Files of answers, references, sources and labels: a source a line in plain text or JSON lines, or what `generate --json` wrote."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from textvae.data.blobs import Blob, file_blob, stdin_blob
from textvae.data.encodings import check_encoding, lines
from textvae.data.formats import JSON_SUFFIXES
from textvae.errors import DataError

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Answers as a file has them, with what it says of their sources; None: nothing."""

    answers: list[list[str]]
    references: list[list[str]] | None = None
    sources: list[str] | None = None
    labels: list[str] | None = None
    lengths: list[int] | None = None


def read_answers(name: str, encoding: str | None = None) -> Answered:
    """Read answers.

    Args:
        name: plain text, one answer a line; or JSON lines: a text, a list of texts, or an object with "answers" and
            perhaps "references", "source", "label" and "length"; or one JSON object with such objects as its "sources",
            as `textvae generate --json` writes; "-" for standard input, plain text or one such object. An answer is a
            text, or an object with "text"; there may be none.
        encoding: None: UTF-8, or what a byte-order mark says.

    Raises:
        DataError: no such file, or a line that cannot be read so.
    """
    blob, content = _read(name, encoding)
    rows = _generated(blob, content)
    rows = list(_values(blob, content)) if rows is None else rows
    objects = [_object(value) for _, value in rows]
    places = [place for place, _ in rows]

    def column(key: str, read: Callable[[Any, str], T]) -> list[T] | None:
        if all(one.get(key) is None for one in objects):
            return None
        return [read(one.get(key), f"{place}, {key!r}") for one, place in zip(objects, places, strict=True)]

    return Answered(
        answers=column("answers", _answers) or [],
        references=column("references", _texts),
        sources=column("source", _text),
        labels=column("label", _label),
        lengths=column("length", _number),
    )


def read_lists(name: str, encoding: str | None = None) -> list[list[str]]:
    """Read one or more texts a line; see `read_answers`.

    Raises:
        DataError: no such file, or a line that cannot be read so.
    """
    return [_texts(value, place) for place, value in _values(*_read(name, encoding))]


def read_texts(name: str, encoding: str | None = None) -> list[str]:
    """Read one text a line; see `read_answers`.

    Raises:
        DataError: no such file, or a line that cannot be read so.
    """
    return [_label(value, place) for place, value in _values(*_read(name, encoding))]


def _read(name: str, encoding: str | None) -> tuple[Blob, list[str]]:
    """Return a file and its lines."""
    check_encoding(encoding)
    blob = stdin_blob() if name == "-" else file_blob(Path(name).expanduser())
    return blob, list(lines(blob, encoding))


def _generated(blob: Blob, content: list[str]) -> list[tuple[str, Any]] | None:
    """Return where each entry of "sources" is, and what it says, of a file that is one JSON object with them; None: it is not."""
    whole = "".join(content)
    if not whole.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(whole)  # of JSON lines, it ends at the second
    except (ValueError, RecursionError):
        return None
    if isinstance(found.get("sources"), list):
        rows = [(f"{blob.name} source {number}", one) for number, one in enumerate(found["sources"], 1)]
        if wrong := next((place for place, one in rows if not isinstance(one, dict)), None):
            raise DataError(f'{wrong} is no object; one with "source" and "answers" is needed')
        return rows
    if sum(map(bool, map(str.strip, content))) == 1:  # a line of JSON lines
        return None
    raise DataError(
        f'{blob.name} is one JSON object of {", ".join(found) or "nothing"}; one with "sources", as `textvae generate '
        "--json` writes, or one text, list or object a line is needed"
    )


def _object(value: Any) -> dict[str, Any]:
    """Return what a line says as an object with answers; one with a text alone is an answer."""
    if not isinstance(value, dict):
        return {"answers": value}
    return value | {"answers": value["text"]} if "text" in value and "answers" not in value else value


def _values(blob: Blob, content: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Yield where each line is, and what it says; blank lines are empty texts in plain text, and nothing in JSON."""
    for number, line in enumerate(content, 1):
        place = f"{blob.name} line {number}"
        if blob.suffix not in JSON_SUFFIXES:
            yield place, line.removesuffix("\n").removesuffix("\r")
        elif line.strip():
            try:
                yield place, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(
                    f"{place} is not JSON ({error}); one text, list or object a line is needed"
                ) from error


def _texts(value: Any, place: str) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [_text(text, place) for text in several]


def _answers(value: Any, place: str) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [_text(one["text"] if isinstance(one, dict) and "text" in one else one, place) for one in several]


def _text(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"{place}: {json.dumps(value, ensure_ascii=False):.40} is no text; a text is needed")
    return value


def _label(value: Any, place: str) -> str:
    return str(value) if isinstance(value, int | float) else _text(value, place)


def _number(value: Any, place: str) -> int:
    if not isinstance(value, int) or value < 0:
        raise DataError(
            f"{place}: {json.dumps(value, ensure_ascii=False):.40} is no length; a number of units is needed"
        )
    return value
