"""`python -m benchmarks.speed.document [RECORD]`: write the record's tables into docs/performance.md."""

import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.markdown import table, write_part
from benchmarks.process import ROOT
from benchmarks.speed.check import RECORDED
from benchmarks.speed.marks import PEERS, SMALLER_IS_BETTER
from benchmarks.speed.record import HEADER, Record, Row, cells
from benchmarks.speed.shares import shares

PAGE = ROOT / "docs" / "performance.md"


def main(record: Path = RECORDED, page: Path = PAGE) -> None:
    """Replace the generated parts of the page."""
    found = Record.load(record)
    write_part(page, "conditions", conditions(found))
    write_part(page, "marks", marks(found))
    write_part(page, "shares", reached(found))


def conditions(record: Record) -> str:
    """Return what the figures depend on."""
    facts = record.machine
    machine = (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['instructions']}; torch {facts['torch']}, Python "
        f"{facts['python']}; {facts['date']}; load {facts['load']} at the end of the run"
    )
    return "\n".join(f"- {line}" for line in (machine, f"corpus: {record.corpus}", *record.settings))


def marks(record: Record) -> str:
    """Return the table of marks and its notes."""
    rows = [[*cells(row), verdict(row)] for row in record.rows]
    return "\n\n".join([table([*HEADER, ""], rows), *_notes(record)])


def verdict(row: Row) -> str:
    """Return where a row stands: aim, reached, missed, or nothing where there is no mark or no figure."""
    if row.marks is None or row.judged is None:
        return ""
    sign = -1 if row.work in SMALLER_IS_BETTER else 1
    least, aim = row.marks
    if sign * row.judged >= sign * aim:
        return "aim"
    return "reached" if sign * row.judged >= sign * least else "missed"


def reached(record: Record) -> str:
    """Return the machine's rates and which part of them training takes up."""
    rates = ", ".join(f"{name} {rate:g}" for name, rate in record.machine["gflops"].items())
    rows = [
        [row.key, f"{operations:.1f}", f"{row.ours:,.0f}", f"{part:.0%} of {against}", f"{PEERS[row.size]:,}"]
        for row, operations, against, part in shares(record)
    ]
    header = ["", "MFLOP a token", "tok/s here", "share", "fastest peer, tok/s, Zen 5"]
    return f"Matrix products on one core, GFLOP/s: {rates}.\n\n{table(header, rows)}"


def _notes(record: Record) -> Iterator[str]:
    notes: dict[str, list[str]] = {}
    for row in record.rows:
        if row.note:
            notes.setdefault(row.note, []).append(row.key)
    if notes:
        yield "\n".join(f"- {'; '.join(keys)}: {note}" for note, keys in notes.items())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
