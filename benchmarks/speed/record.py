"""What a run of the benchmarks found: rows, the record as JSON, and the table."""

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.speed.marks import MARKS, SMALLER_IS_BETTER


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure: the medians of ours and of what it is held against."""

    work: str
    size: str = ""
    model: str = ""
    unit: str
    baseline: float | None = None
    ours: float | None = None
    note: str = ""
    """Why there is no figure, or what has to be known about it."""
    samples: dict[str, list[float]] = field(default_factory=dict)
    """The figures of all rounds."""

    @property
    def key(self) -> str:
        """What names the row in all records."""
        return ", ".join(filter(None, (self.work, self.size, self.model)))

    @property
    def ratio(self) -> float | None:
        """How many times faster ours is; where smaller is better, ours as a share of the other."""
        if self.ours is None or self.baseline is None:
            return None
        if self.work in SMALLER_IS_BETTER:
            return self.ours / self.baseline
        faster_is_more = not self.unit.startswith("ms")
        return self.ours / self.baseline if faster_is_more else self.baseline / self.ours

    @property
    def judged(self) -> float | None:
        """What the mark is about: the ratio, or where there is nothing to compare with, our figure."""
        return self.ratio if self.baseline is not None else self.ours

    @property
    def marks(self) -> tuple[float, float] | None:
        """The least to reach, and the aim."""
        return MARKS.get(self.work, {}).get(self.size)


@dataclass(frozen=True, kw_only=True)
class Record:
    """All rows of a run, and what they depend on."""

    machine: dict[str, Any]
    corpus: str
    settings: list[str]
    rows: list[Row]

    def save(self, path: Path) -> None:
        """Write JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False) + "\n")

    def over(self, earlier: "Record") -> "Record":
        """Return this record with the rows of an earlier one that were not measured again.

        Raises:
            ValueError: they are of different machines, versions, corpora or settings.
        """
        for name in ("cpu", "torch"):
            if self.machine[name] != earlier.machine[name]:
                raise ValueError(
                    f"the earlier record is of {name} {earlier.machine[name]}, not of {self.machine[name]}"
                )
        if (self.corpus, self.settings) != (earlier.corpus, earlier.settings):
            raise ValueError(f"the earlier record is of {earlier.corpus}, {earlier.settings[0]}; remove it")
        rows = {row.key: row for row in earlier.rows} | {row.key: row for row in self.rows}
        return dataclasses.replace(self, rows=list(rows.values()))

    @classmethod
    def load(cls, path: Path) -> "Record":
        """Read what `save` wrote."""
        values = json.loads(path.read_text())
        return cls(**values | {"rows": [Row(**row) for row in values["rows"]]})


def measured(
    work: str, size: str, model: str, unit: str, samples: dict[str, list[float]], *, ours: str, baseline: str = "baseline",
    note: str = "",
) -> Row:  # fmt: skip
    """Return the row of the medians of two contenders' samples."""
    kept = {"baseline": samples[baseline], "ours": samples[ours]}
    return Row(
        work=work, size=size, model=model, unit=unit, note=note,
        baseline=median(kept["baseline"]), ours=median(kept["ours"]), samples=kept,
    )  # fmt: skip


HEADER = ("work", "baseline", "ours", "ratio", "mark", "aim")


def cells(row: Row) -> list[str]:
    """Return a row as text: its name and unit, both figures, ratio, mark and aim."""
    sign = "≤ " if row.work in SMALLER_IS_BETTER else ""
    marks = [f"{sign}{number:g}" for number in row.marks] if row.marks else ["", ""]
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    ours = "n/a" if row.ours is None else figure(row.ours)
    return [f"{row.key}, {row.unit}", figure(row.baseline), ours, ratio, *marks]


def figure(number: float | None) -> str:
    """Return three digits or all of a large number's; nothing for nothing."""
    if number is None:
        return ""
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def lines(rows: Sequence[Row]) -> Iterable[str]:
    """Give the table, 80 columns wide, and the notes under it."""
    for texts in (HEADER, *map(cells, rows)):
        yield "{:41}{:>9}{:>9}{:>7}{:>7}{:>7}".format(*texts)
    notes = list(dict.fromkeys(f"{row.key}: {row.note}" for row in rows if row.note))
    yield from [""] * bool(notes) + notes
