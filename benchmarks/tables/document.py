"""Write `docs/benchmarks.md` from the results and the published figures.

python -m benchmarks.tables.document
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from benchmarks.conditions.document import sections as answered
from benchmarks.markdown import table
from benchmarks.process import ROOT
from benchmarks.steer.document import sections as steered
from benchmarks.tables.measure import result_path
from benchmarks.tables.row import COMMON, HERE, heading, read_row, row_files

PAGE = ROOT / "docs" / "benchmarks.md"
PUBLISHED = HERE / "published.yaml"

INTRODUCTION = """# Benchmarks

Whole trainings on corpora that do not ship with the project. Every row is a file in `benchmarks/tables`, every result a JSON
file in `benchmarks/tables/results` with settings, machine and versions; this page is made from them.

```
TEXTVAE_CORPORA=folder python -m benchmarks.tables ptb/6-target-rate   # train (or go on) and measure one row
python -m benchmarks.tables.document                                   # write this page
```

All measures are ours (`textvae evaluate --definitions` says what each is): nats a sentence with `</s>` counted, PPL a word
from the importance-weighted bound, MI over the whole test sample (ceiling ln N), AU at .01. Held-out texts choose the epoch; the
test texts are measured once. CPU minutes are of one core and only say what a row costs, not how fast the code is.
"""


@dataclass(frozen=True)
class Column:
    """A column of a table of results."""

    head: str
    read: Callable[[dict[str, Any]], Any]
    digits: int = 2

    def cell(self, result: dict[str, Any]) -> str:
        """Return the value as text; a dash where there is none."""
        value = self.read(result)
        if value is None:
            return "–"
        return value if isinstance(value, str) else f"{value:,.{self.digits}f}"


def measured(head: str, key: str, digits: int = 2) -> Column:
    """Return the column of a measure."""
    return Column(head, lambda result: result["measures"].get(key), digits)


COLUMNS = (
    Column("row", lambda result: result["title"]),
    measured("-ELBO", "neg_elbo", 1),
    Column("target", lambda result: result["training"]["target_rate"], 1),
    measured("rate", "rate"),
    measured("IW-NLL", "iw_nll", 1),
    measured("PPL a word", "ppl_word", 1),
    measured("MI", "mutual_information"),
    measured("AU", "active_units", 0),
    measured("z buys", "z_shuffle_gain"),
    measured("rec. BLEU", "reconstruction_bleu", 1),
    measured("c buys", "condition_shuffle_gain"),
    measured("BLEU", "answer_bleu", 1),
    measured("chrF", "answer_chrf", 1),
    measured("ROUGE-L", "rouge_l", 3),
    measured("oracle BLEU", "oracle_bleu", 1),
    measured("BLEU recall", "multi_bleu_recall", 1),
    measured("answers' diversity", "answer_diversity"),
    measured("slots", "slot_coverage", 3),
    measured("label accuracy", "label_accuracy", 3),
    measured("real texts'", "label_accuracy_judge", 3),
    measured("length exact", "length_exact", 3),
    measured("distinct-2", "distinct_2"),
    measured("sample PPL", "forward_ppl", 1),
    measured("real PPL", "real_ppl", 1),
    Column("updates", lambda result: result["training"]["updates"], 0),
    Column("CPU min", lambda result: result["training"]["cpu_seconds"] / 60, 0),
)


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION, *map(section, tables()), *answered(), *steered(), *published()]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def tables() -> list[str]:
    """Return the names of the tables."""
    return sorted(path.parent.name for path in HERE.glob(f"*/{COMMON}"))


def section(name: str) -> str:
    """Return one table of ours; rows without a result are named below it."""
    rows = [read_row(path) for path in row_files(name)]
    results = {row.name: found for row in rows if (found := _result(row)) is not None}
    title, note = heading(name)
    missing = [f"`{name}/{row.name}`" for row in rows if row.name not in results]
    lines = [f"## {title}", "", note, ""]
    if results:
        cells = [[column.cell(found) for column in COLUMNS] for found in results.values()]
        kept = [i for i in range(len(COLUMNS)) if any(line[i] != "–" for line in cells)]
        lines += [table([COLUMNS[i].head for i in kept], [[line[i] for i in kept] for line in cells]), ""]
        lines += [_conditions(results), ""]
    if missing:
        lines += [f"Not measured yet: {', '.join(missing)}.", ""]
    return "\n".join(lines)


def published() -> Iterator[str]:
    """Return the tables of published figures."""
    for found in yaml.safe_load(PUBLISHED.read_text(encoding="utf-8")).values():
        yield "\n".join(
            [f"## {found['heading']}", "", found["note"].strip(), "", table(found["columns"], found["rows"])]
        )


def _result(row: Any) -> dict[str, Any] | None:
    """Return the result of a row as it is now."""
    path = result_path(row)
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    return found if found and row.made(found) else None


def _conditions(results: dict[str, dict[str, Any]]) -> str:
    """Return under which conditions a table's results came about."""
    first = next(iter(results.values()))
    machine = first["machine"]
    sizes = sorted({found["settings"]["N"] for found in results.values()})
    return (
        f"N = {', '.join(f'{size:,}' for size in sizes)}, K = {first['settings']['K']}; {machine['cpu']}, "
        f"PyTorch {machine['torch']}, textvae {first['textvae']}, {machine['date']}."
    )


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
