"""Which column holds the text."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from textvae.errors import ConditionError, DataError, MissingColumnError

TURN_NAMES = ("text", "utterance", "content", "value", "内容")
"""Where an object that stands for a turn of a dialogue has its text."""

DIALOGUE_NAMES = ("utterances", "dialogue", "dialog", "turns", "messages", "对话")
"""Names that a column of dialogues is found by, after those of texts."""

TEXT_NAMES = ("text", "sentence", "content", "body", "review", "title", "文本", "句子", "内容", "评论")
"""Names a text column is found by, the first found wins."""

_LANGUAGES = frozenset((
    "ar", "cs", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko", "nl", "no", "pl", "pt",
    "ro", "ru", "sv", "th", "tr", "uk", "vi", "zh", "src", "tgt",
))  # fmt: skip
"""Names of the columns of parallel texts."""

_OTHER_NAMES = (
    *(
        "id",
        "idx",
        "index",
        "label",
        "labels",
        "class",
        "category",
        "score",
        "rating",
        "stars",
        "sentiment",
        "source",
    ),
    *(
        "target",
        "date",
        "user",
        "author",
        "topic",
        "name",
        "language",
        "lang",
        "split",
        "comment",
        "texts",
        "sentences",
    ),
    *(
        "summary",
        "document",
        "question",
        "answer",
        "编号",
        "标签",
        "类别",
        "标题",
        "评分",
        "作者",
        "日期",
        "来源",
    ),
)
_KNOWN_NAMES = frozenset(TEXT_NAMES + _OTHER_NAMES)
_NAME = re.compile(r"[^\W\d][\w .#/()-]{0,39}")


def choose_column(columns: Sequence[str], wanted: str | int | None, where: str) -> int:
    """Return the number of the text column.

    Args:
        columns: the column names of a table.
        wanted: a name, a number (from 0; negative from the end; digits that are no name are a number), or None:
            the only column, or the first of `TEXT_NAMES` there is.
        where: what the table is called in messages.

    Raises:
        MissingColumnError: there is no such column; those found are listed.
    """
    if wanted is None:
        return _column_by_default(columns, where)
    if (found := find_column(columns, wanted)) is not None:
        return found
    raise MissingColumnError(f"{where} has no column {wanted!r}; it has {listed(columns)}")


def choose_text(
    columns: Sequence[str], wanted: str | int | None, expected: str | int | None, where: str
) -> tuple[int, tuple[str, ...]]:
    """Return the number of the text column, and a note where the user did not choose it among several.

    Args:
        columns: the column names of a table.
        wanted: as for `choose_column`.
        expected: the name of the column where nothing is wanted and there is such a one; a number says nothing of a table with names.
        where: what the table is called in messages.

    Raises:
        MissingColumnError: see `choose_column`.
    """
    found = find_name(columns, expected) if wanted is None else None
    number = choose_column(columns, wanted, where) if found is None else found
    if wanted is not None or len(columns) == 1:
        return number, ()
    return number, (f"{where}: the text is read from its column {columns[number]!r}",)


def find_column(columns: Sequence[str], wanted: str | int | None) -> int | None:
    """Return where the column of a name or number is; None: nowhere."""
    found = find_name(columns, wanted)
    return fitting_number(len(columns), wanted) if found is None else found


def fitting_number(width: int, wanted: str | int | None) -> int | None:
    """Return `wanted` as the number of one of `width` columns, from 0; None where it is none.

    >>> fitting_number(3, "-1"), fitting_number(3, 3)
    (2, None)
    """
    number = as_number(wanted)
    return number % width if number is not None and -width <= number < width else None


def find_name(columns: Sequence[str], wanted: str | int | None) -> int | None:
    """Return where the name `wanted` is among `columns`; case and outer spaces count only to tell two apart."""
    if not isinstance(wanted, str):
        return None
    if wanted in columns:
        return columns.index(wanted)
    folded = [column.strip().casefold() for column in columns]
    key = wanted.strip().casefold()
    return folded.index(key) if folded.count(key) == 1 else None


def twins(columns: Sequence[str], name: str) -> tuple[int, ...]:
    """Return the numbers of the columns called `name` where there are several; nothing of one that is alone.

    >>> twins(["text", "label", "text"], "text"), twins(["text", "label"], "text")
    ((0, 2), ())
    """
    numbers = tuple(number for number, column in enumerate(columns) if column == name)
    return numbers if len(numbers) > 1 else ()


def as_number(wanted: str | int | None) -> int | None:
    """Return `wanted` as a number, or None where it is not one.

    >>> as_number("-1"), as_number("text")
    (-1, None)
    """
    if isinstance(wanted, str):
        return int(wanted) if re.fullmatch(r"-?[0-9]{1,9}", wanted.strip()) else None
    return wanted


def listed(columns: Sequence[str]) -> str:
    """Return the column names as a short list for a message."""
    names = ", ".join(repr(column[:40]) for column in columns[:20])
    return f"{names} and {len(columns) - 20} more" if len(columns) > 20 else names or "no columns"


def looks_like_header(first: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    """Say whether the first row of a table holds column names.

    It does if all its cells can be names and one is a usual name, if all are codes of languages, or if numbers stand below a
    name that is none.
    """
    cells = [cell.strip() for cell in first]
    if not cells or not all(_NAME.fullmatch(cell) for cell in cells):
        return False
    if any(len(cell.split()) > 4 for cell in cells):
        return False
    if len(set(cells)) < len(cells):  # as labels are; but a text is not called so
        return any(cell.casefold() in TEXT_NAMES for cell in cells)
    if len(cells) > 1 and all(cell.casefold() in _LANGUAGES for cell in cells):
        return True
    return any(_is_known(cell) for cell in cells) or _has_numbers_below(cells, others)


def as_text(value: Any, where: str, *, turns: bool = False) -> str | None:
    """Return a cell as text; None for a missing one (None, NaN). With `turns` a list becomes a text with a turn a line.

    Lone surrogates, which no encoding can write, become U+FFFD.

    Raises:
        DataError: the cell is a list, an object or the like.
    """
    if isinstance(value, str):
        return _scalar_values(value)
    if is_missing(value):
        return None
    if isinstance(value, int | float):
        return str(value)
    if turns and isinstance(value, Sequence):
        return "\n".join(line for turn in value if (line := _turn(turn, where)))
    raise DataError(f"{where} holds a {type(value).__name__}, not text; choose another column with --text")


def is_missing(cell: Any) -> bool:
    """Say whether a cell holds nothing: None, NaN, or what pandas has for them."""
    if cell is None:
        return True
    try:
        return bool(cell != cell)
    except TypeError:  # pandas.NA is neither equal to itself nor unequal
        return True
    except (ValueError, RuntimeError):  # an array is both
        return False


def as_source(cell: Any) -> str | None:
    """Return a cell as a source text; None for a missing or blank one.

    Raises:
        ConditionError: the cell is a list, an object or the like.
    """
    if is_missing(cell):
        return None
    if not isinstance(cell, str | int | float):
        raise ConditionError(f"a source is {str(cell)[:40]!r}, a {type(cell).__name__}; it must be a text")
    text = _scalar_values(str(cell))
    return text if text.strip() else None


def _turn(turn: Any, where: str) -> str | None:
    """Return a turn of a dialogue on one line: a text, or the text of an object such as {"speaker": …, "text": …}."""
    if isinstance(turn, Mapping):
        turn = next((turn[name] for name in TURN_NAMES if name in turn), None)
    text = as_text(turn, where)
    return None if text is None else " ".join(text.split())


def _column_by_default(columns: Sequence[str], where: str) -> int:
    if len(columns) == 1:
        return 0
    for name in (*TEXT_NAMES, *DIALOGUE_NAMES):
        if (found := find_name(columns, name)) is not None:
            return found
    raise MissingColumnError(
        f"{where} does not say which column holds the text; it has {listed(columns)}: choose one with --text"
    )


def _is_known(cell: str) -> bool:
    words = re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", cell)
    return cell.casefold() in _KNOWN_NAMES or (
        " " not in cell and any(word.casefold() in _KNOWN_NAMES for word in words)
    )


def _has_numbers_below(cells: Sequence[str], others: Sequence[Sequence[str]]) -> bool:
    for column in range(len(cells)):
        below = [row[column] for row in others if len(row) > column]
        if below and all(re.fullmatch(r"\s*[-+]?[\d.,]+%?\s*", cell) for cell in below):
            return True
    return False


def _scalar_values(text: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
