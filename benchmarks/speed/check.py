"""`python -m benchmarks.speed.check RECORD`: has a ratio fallen below the recorded one? Exits 1 where one has.

By hand, not in CI: a shared machine is too noisy to judge a change.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.marks import SMALLER_IS_BETTER
from benchmarks.speed.record import Record, Row

RECORDED = Path(__file__).parent / "recorded.json"
TOLERANCE = 0.25
"""A ratio may be this part worse than the recorded one: rounds of a quiet machine differ by 5 to 20 %."""


def main(arguments: list[str] | None = None) -> int:
    """Print what fell; return 1 if anything did."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.check", description=__doc__)
    parser.add_argument("record", type=Path, help="of a fresh run: python -m benchmarks.speed --short --json")
    parser.add_argument("--recorded", type=Path, default=RECORDED)
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"({TOLERANCE})")
    options = parser.parse_args(arguments)
    fresh, recorded = Record.load(options.record), Record.load(options.recorded)
    then, now = (" with ".join(r.machine[k] for k in ("cpu", "instructions")) for r in (recorded, fresh))
    if then != now:
        print(f"recorded on {then}, run on {now}: ratios may differ")
    fallen = list(fallen_rows(fresh, recorded, options.tolerance))
    print(*fallen or ["no ratio has fallen"], sep="\n")
    return 1 if fallen else 0


def fallen_rows(fresh: Record, recorded: Record, tolerance: float) -> Iterator[str]:
    """Give a line for each ratio that is worse than recorded by more than the tolerance, or is not there any more.

    Rows that the fresh run did not cover, or had nothing to compare with, are passed over.
    """
    before = {row.key: row for row in recorded.rows}
    for row in fresh.rows:
        then, now = before[row.key].ratio if row.key in before else None, row.ratio
        if then is None or row.baseline is None:
            continue
        if now is None:
            yield f"{row.key}: {then:.2f} recorded, now {row.note or 'no figure'}"
        elif worsening(row, then, now) > tolerance:
            yield f"{row.key}: {then:.2f} recorded, now {now:.2f}"


def worsening(row: Row, then: float, now: float) -> float:
    """Return which part of the gain is gone: 0.25 where a gain fell from 4 to 3, or a share rose from .3 to .4."""
    return 1 - (then / now if row.work in SMALLER_IS_BETTER else now / then)


if __name__ == "__main__":
    raise SystemExit(main())
