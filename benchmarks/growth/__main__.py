"""`python -m benchmarks.growth [run|plot]`: measure the points that are not in the record yet; draw and tabulate."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from benchmarks.growth import plot
from benchmarks.growth.grid import AXES, Point, grid
from benchmarks.process import run_module

RECORD = Path(__file__).parent / "record.jsonl"


def main() -> None:
    """Run, then plot, unless one of them is asked for."""
    options = _options()
    if options.what != "plot":
        run(options.record, options.axes.split(","), largest=options.largest)
    if options.what != "run":
        plot.main(read(options.record), loads(options.record))


def run(record: Path, axes: list[str], *, largest: bool) -> None:
    """Append a line for each point that has none."""
    known = {point for point, _ in read(record)}
    for point in grid(largest=largest):
        if point in known or point.axis not in axes:
            continue
        found = measure(point)
        print(point.axis, point.value, found, flush=True)
        with record.open("a") as file:
            file.write(
                json.dumps({"point": json.loads(point.key), "load": os.getloadavg()[0], "found": found})
                + "\n"
            )


def measure(point: Point) -> dict[str, float]:
    """Measure one point in processes of its own."""
    launcher = ()
    if point.processes > 1:
        launcher = ("torch.distributed.run", "--standalone", "--nproc-per-node", str(point.processes), "-m")
    printed = run_module("benchmarks.growth.measure", point.key, threads=point.threads, launcher=launcher)
    return json.loads(printed.strip().splitlines()[-1])


def read(record: Path) -> list[tuple[Point, dict[str, float]]]:
    """Return the points measured so far, and what they cost."""
    return [(Point(**row["point"]), row["found"]) for row in _rows(record)]


def loads(record: Path) -> list[float]:
    """Return the load of the machine after each measurement."""
    return [row["load"] for row in _rows(record)]


def _rows(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("run", "plot", "all"), default="all")
    parser.add_argument("--axes", default=",".join(AXES), help=f"some of {','.join(AXES)}")
    parser.add_argument("--largest", action="store_true", help="a corpus of ten million lines too")
    parser.add_argument("--record", type=Path, default=RECORD, help="a line of JSON a point")
    return parser.parse_args()


if __name__ == "__main__":
    main()
