"""Filled sheets as answers; what cannot be taken as it stands is told, item by item."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from textvae.data.blobs import Blob, file_blob
from textvae.data.encodings import decoded, probe
from textvae.data.streams import ReadOptions
from textvae.errors import DataError
from textvae.evaluation.human.key import HIGH, LOW, Key
from textvae.evaluation.human.sheets import unguarded

SIDES = {"A": -1, "B": 1} | dict.fromkeys(
    ("TIE", "T", "=", "EQUAL", "SAME", "NONE", "平", "平局", "一样", "相同", "不分高下"), 0
)
"""What a preference may be written as: for the text on the left, on the right, or for neither."""
SHOWN = 3


@dataclass(frozen=True)
class Answer:
    """What a rater said of an item.

    Attributes:
        rater: who.
        item: its name.
        values: by criterion; 1 to 5, or -1 (A), 0 (tie), 1 (B). Unanswered criteria are absent.
        comment: the rater's own words.
        file: where it was read.
    """

    rater: str
    item: str
    values: dict[str, int]
    comment: str
    file: str


@dataclass(frozen=True)
class Problem:
    """Something that was not taken as it stands.

    Attributes:
        what: in words.
        file: where.
        where: items, with what stands there.
    """

    what: str
    file: str
    where: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.where:
            return f"{self.file}: {self.what}"
        more = f" and {len(self.where) - SHOWN} more" if len(self.where) > SHOWN else ""
        return f"{self.file}: {self.what}: {len(self.where)} ({', '.join(self.where[:SHOWN])}{more})"


@dataclass(frozen=True)
class Filled:
    """All that was read of filled sheets."""

    answers: tuple[Answer, ...]
    problems: tuple[Problem, ...]


def read_filled(key: Key, sheets: Sequence[str | Path], *, encoding: str | None = None) -> Filled:
    """Read filled sheets: CSV as `judge make` writes it, as its page saves it, or as a spreadsheet makes of either.

    Commas, semicolons or tabs; any order of rows and columns. Who rated stands in the column "rater", else it is the
    file's name. Items that the key does not know and values that are none are left out and told. A rater's answers to
    an item that lies in two files count once.

    Args:
        key: of the study.
        sheets: files, or folders of them.
        encoding: None: UTF-8, what a byte-order mark says, or what it looks like.

    Raises:
        DataError: no file, no sheet, none of this study; a rater with two different answers to an item.
    """
    answers: list[Answer] = []
    problems: list[Problem] = []
    for path in _files(sheets):
        blob = file_blob(path)
        options, _, notes = probe(blob, ReadOptions(encoding=encoding))
        problems += [Problem(note, blob.name) for note in notes]
        text = "".join(decoded(blob, options.encoding, options.errors))
        found, wrong = _answers(key, _rows(text, blob), Path(blob.name).stem, blob.name)
        answers += found
        problems += wrong
    merged = _merged(answers, problems)
    _check_sheets(key, merged)
    return Filled(tuple(merged), tuple(problems))


def _files(sheets: Iterable[str | Path]) -> list[Path]:
    """Return the files, those of folders sorted by name; each once."""
    found: dict[Path, None] = {}
    for sheet in sheets:
        path = Path(sheet).expanduser()
        inside = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not inside:
            raise DataError(f"no .csv in the folder {path}; give the filled sheets")
        found |= dict.fromkeys(inside)
    return list(found)


def _rows(text: str, blob: Blob) -> list[dict[str, str]]:
    """Return the rows by column; the delimiter is the one that finds the column "item"."""
    for delimiter in (",", ";", "\t"):
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            head = [name.strip() for name in next(reader, [])]
            if "item" in head:
                return [dict(zip(head, row, strict=False)) for row in reader]
        except csv.Error as error:
            raise DataError(f"{blob.name} cannot be read: {error}; is a quote unclosed?") from error
    raise DataError(f'{blob.name} has no column "item"; give a filled sheet')


def _answers(
    key: Key, rows: Sequence[dict[str, str]], stem: str, file: str
) -> tuple[list[Answer], list[Problem]]:
    rows = [row for row in rows if any(cell.strip() for cell in row.values())]
    names = {name for row in rows if (name := unguarded(row.get("rater", "").strip()))}
    alone = names.pop() if len(names) == 1 else stem  # one name in a file is everybody's
    unknown = [_item(row) or "no name" for row in rows if _item(row) not in key.places]
    if unknown and len(unknown) == len(rows):
        raise DataError(
            f"{file} belongs to another study: it has no item of study {key.study}; give that study's key"
        )
    answers: list[Answer] = []
    wrong: list[str] = []
    for row in rows:
        if (item := _item(row)) not in key.places:
            continue
        cells = {name: row.get(name, "").strip() for name in (*key.criteria, "rater", "comment")}
        found = {name: _value(cells[name], key.mode) for name in key.criteria}
        wrong += [
            f"{item} {name} {cells[name]!r}" for name, value in found.items() if value is None and cells[name]
        ]
        values = {name: value for name, value in found.items() if value is not None}
        comment = unguarded(cells["comment"])
        if values or comment:
            answers.append(Answer(unguarded(cells["rater"]) or alone, item, values, comment, file))
    return answers, _problems(key, rows, answers, unknown, wrong, file)


def _item(row: dict[str, str]) -> str:
    return row.get("item", "").strip()


def _problems(
    key: Key,
    rows: Sequence[dict[str, str]],
    answers: Sequence[Answer],
    unknown: Sequence[str],
    wrong: Sequence[str],
    file: str,
) -> list[Problem]:
    allowed = f"{LOW} to {HIGH}" if key.mode == "rate" else "A, B or tie"
    found = []
    if unknown:
        found.append(Problem("items that the study does not have, left out", file, tuple(unknown)))
    if wrong:
        found.append(Problem(f"values that are not {allowed}, taken as unanswered", file, tuple(wrong)))
    if absent := [name for name in key.criteria if rows and name not in rows[0]]:
        found.append(Problem(f"no column {', '.join(absent)}", file))
    if not answers:
        found.append(Problem("nothing is filled in", file))
    return found


def _value(written: str, mode: str) -> int | None:
    """Return a value; full-width forms are the same, and so is what a spreadsheet makes of a number ("4.0", "4,0")."""
    plain = unicodedata.normalize("NFKC", written).strip().upper()
    if mode == "compare":
        return SIDES.get(plain)
    try:
        mark = float(plain.replace(",", "."))
    except ValueError:
        return None
    return int(mark) if mark in range(LOW, HIGH + 1) else None


def _merged(answers: Sequence[Answer], problems: list[Problem]) -> list[Answer]:
    """Return each rater's one answer to each item; note what lay in two places.

    Raises:
        DataError: two that differ.
    """
    merged: dict[tuple[str, str], Answer] = {}
    twice: dict[tuple[str, str], list[str]] = {}
    differing: dict[tuple[str, str], list[str]] = {}
    for one in answers:
        if (before := merged.get((one.rater, one.item))) is None:
            merged[one.rater, one.item] = one
            continue
        files = one.rater, " and ".join(dict.fromkeys((before.file, one.file)))
        twice.setdefault(files, []).append(one.item)
        if any(before.values.get(name, value) != value for name, value in one.values.items()):
            differing.setdefault(files, []).append(one.item)
        comment = "\n".join(dict.fromkeys(filter(None, (before.comment, one.comment))))
        merged[one.rater, one.item] = Answer(
            one.rater, one.item, before.values | one.values, comment, before.file
        )
    for (rater, files), items in differing.items():
        raise DataError(
            f"rater {rater!r} gives {len(items)} items two different answers, in {files} (first: {items[0]}); "
            "name the raters apart in the column rater, or leave one file out"
        )
    problems += [
        Problem(f"items that rater {rater!r} answered twice, alike; counted once", files, tuple(items))
        for (rater, files), items in twice.items()
    ]
    return list(merged.values())


def _check_sheets(key: Key, answers: Iterable[Answer]) -> None:
    """Raise where a rater filled in two sheets: both hold the same texts."""
    sheets: dict[str, set[int]] = {}
    for one in answers:
        sheets.setdefault(one.rater, set()).add(key.places[one.item].sheet)
    for rater, numbers in sheets.items():
        if len(numbers) > 1:
            told = " and ".join(f"rater-{number}" for number in sorted(numbers))
            raise DataError(
                f"rater {rater!r} filled in the sheets {told}, which hold the same texts; "
                "name the raters apart in the column rater, or leave one out"
            )
