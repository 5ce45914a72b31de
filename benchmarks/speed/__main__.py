"""`python -m benchmarks.speed`: ours beside the baseline, as a table and as a record."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import torch

from benchmarks.speed import decoding, evaluation, memory, shares, startup, training
from benchmarks.speed.corpus import read_corpus
from benchmarks.speed.machine import describe
from benchmarks.speed.ours import BATCH_TOKENS
from benchmarks.speed.record import Record, Row, lines
from benchmarks.speed.scope import Scope

WORKS: dict[str, Callable[[Scope], Iterator[Row]]] = {
    "training": training.rows,
    "evaluation": evaluation.rows,
    "decoding": decoding.rows,
    "memory": memory.rows,
    "startup": startup.rows,
}

SETTINGS = [
    "one thread; CPU seconds, but wall seconds of whole commands",
    "tok/s: real targets, `</s>` counted, no padding",
    "S: embedding 256, hidden 256, z 32; L: 512, 1024, 32; untied; encoder in two directions",
    f"ours: Stepper on buckets of {BATCH_TOKENS} targets, AdamW, clipping; z enters state and input",
    "ours, off because the baseline has none: dropouts, word dropout, average of weights, tying",
    "`training defaults`: the same with all of them on, at their defaults",
    "baseline: random batches of 32 padded texts, full logits, Adam",
]


def main() -> None:
    """Measure, print, record."""
    options = _options()
    torch.set_num_threads(1)
    start = time.monotonic()
    rounds = options.rounds or (3 if options.short else 7)
    scope = Scope(
        corpus=read_corpus(options.data), short=options.short, rounds=rounds, sizes=tuple(options.sizes)
    )
    rows = []
    for row in chain.from_iterable(WORKS[name](scope) for name in options.only):
        print(".", end="", file=sys.stderr, flush=True)
        rows.append(row)
    record = Record(machine=describe(), corpus=scope.corpus.name, settings=settings(scope), rows=rows)
    _print(record, time.monotonic() - start)
    if options.json:
        record = record.over(Record.load(options.json)) if options.json.exists() else record
        record.save(options.json)


def settings(scope: Scope) -> list[str]:
    """Return what a figure depends on besides machine and corpus."""
    form = "short" if scope.short else "long"
    return [f"{form} form: medians of {scope.rounds} interleaved rounds, after one uncounted", *SETTINGS]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less work and 3 rounds: under ten minutes")
    parser.add_argument("--rounds", type=int, help="interleaved runs a figure is the median of (7)")
    parser.add_argument("--only", type=_works, default=list(WORKS), help=f"some of {','.join(WORKS)}")
    parser.add_argument("--sizes", choices=("S", "L", "SL"), default="SL", help="the models (SL)")
    parser.add_argument("--data", type=Path, help="a text a line; default: PTB where it is, else synthetic")
    parser.add_argument("--json", type=Path, help="write the record; rows of an earlier one there are kept")
    return parser.parse_args()


def _works(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in WORKS]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(WORKS)}")
    return names


def _print(record: Record, seconds: float) -> None:
    facts = record.machine
    print(f"\n{facts['cpu']}, {facts['cores']} cores, {facts['instructions']}, load {facts['load']}")
    print(f"torch {facts['torch']}, Python {facts['python']}, {facts['date']}, {seconds:.0f} s")
    print(record.corpus, *record.settings, "", *lines(record.rows), sep="\n")
    print("", *shares.lines(record), sep="\n")


if __name__ == "__main__":
    main()
