"""Sheets as CSV: written for spreadsheets, and what a spreadsheet does to a cell undone."""

import csv
import io
from collections.abc import Sequence

from textvae.evaluation.human.criteria import Criterion
from textvae.evaluation.human.study import Showing

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n", "\r", "＝", "＋", "－", "＠")
"""A spreadsheet may run a cell that begins so (OWASP, CSV injection); an apostrophe before it makes it a text."""
TEXT, SIDES, CONTEXT = "text", ("text_a", "text_b"), "context"


def csv_sheet(sheet: Sequence[Showing], criteria: Sequence[Criterion]) -> bytes:
    """Return an empty sheet: UTF-8 with the mark by which Excel knows it; line feeds within texts.

    Columns: item, context (where there is one), text or text_a and text_b, the criteria, comment, rater.
    """
    has_context = sheet[0].context is not None
    texts = (TEXT,) if len(sheet[0].texts) == 1 else SIDES
    names = [one.name for one in criteria]
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["item", *([CONTEXT] if has_context else []), *texts, *names, "comment", "rater"])
    for one in sheet:
        shown = (one.context, *one.texts) if one.context is not None else one.texts
        writer.writerow([one.item, *map(guarded, shown), *[""] * (len(names) + 2)])
    return stream.getvalue().encode("utf-8-sig", "backslashreplace")


def guarded(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula.

    >>> guarded("=cmd"), guarded("a = b")
    ("'=cmd", 'a = b')
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.lstrip("'").startswith(FORMULA_STARTS) else text


def unguarded(cell: str) -> str:
    """Return the text that a guarded cell holds.

    >>> unguarded("'=cmd"), unguarded("'tis")
    ('=cmd', "'tis")
    """
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA_STARTS) else cell
