"""Train and measure rows.

    python -m benchmarks.tables                       every row that has no result yet
    python -m benchmarks.tables ptb ptb-decoders/gru  tables, or single rows

Corpora lie in $TEXTVAE_CORPORA (default: ../shared/data beside the project), runs in runs/tables. What was begun goes on;
a result whose row has not changed is kept. `python -m benchmarks.tables.document` then writes `docs/benchmarks.md`.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.tables.measure import RESULTS, result_path, run_row
from benchmarks.tables.row import HERE, Row, read_row, row_files


def chosen(names: list[str]) -> list[Row]:
    """Return the rows of tables or single rows; all, of no name."""
    if not names:
        return [read_row(path) for path in row_files()]
    rows = []
    for name in names:
        single = HERE / f"{name}.yaml"
        rows += [read_row(path) for path in ([single] if single.exists() else row_files(name))]
    return rows


def is_done(row: Row) -> bool:
    """Whether there is a result of the row as it is now."""
    path = result_path(row)
    return path.exists() and row.made(json.loads(path.read_text(encoding="utf-8")))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", help="tables or table/row; none: all")
    parser.add_argument("--list", action="store_true", help="only say what is done and what is not")
    parser.add_argument("--measure-again", action="store_true", help="measure trained rows anew")
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for row in chosen(options.rows):
        done = is_done(row)
        if options.list or (done and not options.measure_again):
            print(f"{row.table}/{row.name}: {'done' if done else 'not done'}")
            continue
        print(f"{row.table}/{row.name}: {row.title}", file=sys.stderr)
        path: Path = run_row(row)
        print(path)


if __name__ == "__main__":
    main()
