"""Chinese attributes of random texts: python -m benchmarks.steer.chinese reviews|lines RUN CORPUS.

reviews: CORPUS is `zh_online_shopping_10cats` (category, sentiment, text), the run was trained on its reviews of 4 to 40 characters without
labels. 400 labelled training reviews for sentiment, 1,000 for the ten categories; 200 texts over their twenty combinations. The judges, classifiers
of n-grams trained on the training reviews, neither steer nor rank; beside them stands how often they are right on real test reviews.

lines: CORPUS is `zh_poetry_jueju` (dynasty, form, author, title, poem), the run any that was trained on its poems. 1,000 labelled poems for lines of
five or seven characters; 100 poems of each. Right is a poem of which every line is as long as asked.

Method and strength are chosen with one seed, by the attribute that fares worst, and measured with another. Results go to
benchmarks/steer/results.
"""

import argparse
import csv
import gzip
import itertools
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.steer.sentiment import RESULTS
from textvae import TextVAE
from textvae.control.editing.composing import TRIES
from textvae.control.editing.moves import METHODS
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.tasks.classifier import LabelJudge

LENGTHS = range(4, 41)
SENTIMENTS = {"0": "negative", "1": "positive"}
NUM_TEXTS, PER_VALUE = 200, {"category": 1000, "sentiment": 400, "line": 1000}
Judge = Callable[[Sequence[str]], list[str | None]]


@dataclass(frozen=True)
class Trial:
    """What is to be steered.

    Attributes:
        labelled: texts with labels, by attribute.
        values: that are asked for, by attribute.
        judges: by attribute.
        real: how often each judge is right on real texts.
    """

    labelled: Mapping[str, list[tuple[str, str]]]
    values: Mapping[str, tuple[str, ...]]
    judges: Mapping[str, Judge]
    real: Mapping[str, float]


def read(path: Path) -> list[list[str]]:
    """Return the rows of a table without a header."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def reviews(corpus: Path) -> Trial:
    """Return sentiment and category of short reviews."""
    train, test = (
        [(c, SENTIMENTS[s], text) for c, s, text in read(corpus / f"{part}.tsv.gz") if len(text) in LENGTHS]
        for part in ("train", "test")
    )
    order = np.random.default_rng(0).permutation(len(train))
    labelled, judges, real, values = {}, {}, {}, {}
    for place, name in enumerate(("category", "sentiment")):
        pairs = [(row[2], row[place]) for row in train]
        judge = LabelJudge.train(*zip(*pairs, strict=True))
        labelled[name] = [pairs[i] for i in order[: PER_VALUE[name]]]
        judges[name] = judge.judge
        values[name] = tuple(sorted({label for _, label in pairs}))
        said = judge.judge([row[2] for row in test])
        real[name] = float(np.mean([one == row[place] for one, row in zip(said, test, strict=True)]))
    return Trial(labelled, values, judges, real)


def lines(corpus: Path) -> Trial:
    """Return the length of a poem's lines."""
    poems = [row[4] for row in read(corpus / "train.tsv.gz")]
    order = np.random.default_rng(0).permutation(len(poems))
    known = [(poems[i], length) for i in order[: 2 * PER_VALUE["line"]] if (length := line_length(poems[i]))]
    tests = [row[4] for row in read(corpus / "test.tsv.gz")]
    return Trial(
        {"line": known[: PER_VALUE["line"]]},
        {"line": ("five", "seven")},
        {"line": lambda texts: [line_length(text) for text in texts]},
        {"line": float(np.mean([line_length(text) is not None for text in tests]))},
    )


def line_length(poem: str) -> str | None:
    """Return five or seven where all lines of a poem are so long; else None."""
    found = {len(line) for line in re.split(r"[，。！？；]", poem) if line}
    return {5: "five", 7: "seven"}.get(found.pop()) if len(found) == 1 else None


def measured(vae: TextVAE, trial: Trial, method: str, strength: float, seed: int) -> dict[str, Any]:
    """Return how many random texts are judged as asked, in each attribute, and some of them."""
    start, texts = time.perf_counter(), []
    wanted = [
        dict(zip(trial.values, values, strict=True)) for values in itertools.product(*trial.values.values())
    ]
    for number, values in enumerate(wanted):
        count, own = NUM_TEXTS // len(wanted), len(wanted) * seed + number
        found = vae.compose(count, set=values, method=method, strength=strength, seed=own)
        texts += [(values, text) for text in found]
    seconds = time.perf_counter() - start
    row: dict[str, Any] = {"method": method, "strength": strength, "seconds": seconds}
    for name, judge in trial.judges.items():
        said = judge([text for _, text in texts])
        right = np.array([one == values[name] for one, (values, _) in zip(said, texts, strict=True)], float)
        tally = Tally.mean(right)
        row[name] = {
            "rate": tally.value,
            "interval": tally.interval,
            "share of real": tally.value / trial.real[name],
        }
    return row | {"texts": [[*values.values(), text] for values, text in texts[::10]]}


def main() -> None:
    """Fit, draw, judge, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("reviews", "lines"))
    parser.add_argument("run")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["projection", "mean-difference"])
    parser.add_argument("--strengths", nargs="+", type=float, default=[1.0, 1.5])
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    vae = TextVAE.from_pretrained(asked.run, device="cpu")
    trial = {"reviews": reviews, "lines": lines}[asked.what](asked.corpus)
    scores = {}
    for name, pairs in trial.labelled.items():
        attribute = vae.fit_attribute(*zip(*pairs, strict=True), name=name)
        vae.attributes.keep(attribute, overwrite=True)
        scores[name] = {
            "labels": len(pairs),
            "cross-validated accuracy": attribute.score,
            "judge on real": trial.real[name],
        }
    print(json.dumps(scores), flush=True)
    rows = []
    for method, strength in itertools.product(asked.methods, asked.strengths):
        rows.append(measured(vae, trial, method, strength, seed=0))
        print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    best = max(rows, key=lambda row: min(row[name]["share of real"] for name in trial.values))
    chosen = measured(vae, trial, best["method"], best["strength"], seed=1)
    print(json.dumps(chosen, ensure_ascii=False), flush=True)
    found = {
        "what": asked.what,
        "texts": NUM_TEXTS,
        "tries": TRIES,
        "attributes": scores,
        "rows": rows,
        "chosen": chosen,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"chinese-{asked.what}.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
