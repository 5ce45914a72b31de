"""Three attributes at once: python -m benchmarks.steer.composition RUN CORPUS.

Sentiment, length and tense of random texts, 150 in all, over the eight combinations. 1,000 training texts of CORPUS (label, text) are labelled for
each attribute: sentiment by its column, length (short: up to 7 words, long: from 11; others have no label) and tense (past: was, were, had, did or
went; present: is, are, has, do or does, and none of the former; else neither, a third value that is labelled and never asked for) by rule. Judges:
a classifier of n-grams trained on 50,000 texts for sentiment, the rules themselves for the others. Method and strength are
chosen with one seed, by the attribute that fares worst, and measured with another. Results go to benchmarks/steer/results.
"""

import argparse
import itertools
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.steer.sentiment import RESULTS, table
from textvae import TextVAE
from textvae.control.editing.composing import TRIES
from textvae.control.editing.moves import METHODS
from textvae.evaluation.tasks.classifier import LabelJudge

PAST, PRESENT = {"was", "were", "had", "did", "went"}, {"is", "are", "has", "do", "does"}
NUM_LABELS, NUM_TEXTS = 1000, 150
VALUES = {"sentiment": ("positive", "negative"), "length": ("short", "long"), "tense": ("past", "present")}


def main() -> None:
    """Fit, draw, judge, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["projection", "mean-difference"])
    parser.add_argument("--strengths", nargs="+", type=float, default=[1.0, 1.5])
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    vae = TextVAE.from_pretrained(asked.run, device="cpu")
    train = table(asked.corpus / "train.tsv.gz")
    judge = LabelJudge.train([text for _, text, _ in train], [label for label, _, _ in train])
    fit(vae, train)
    rows = []
    for method, strength in itertools.product(asked.methods, asked.strengths):
        rows.append(measured(vae, judge, method, strength, seed=0))
        print(json.dumps(rows[-1], ensure_ascii=False), flush=True)
    best = max(rows, key=lambda row: min(row[name] for name in VALUES))
    chosen = measured(vae, judge, best["method"], best["strength"], seed=1)
    print(json.dumps(chosen, ensure_ascii=False), flush=True)
    RESULTS.mkdir(exist_ok=True)
    found = {
        "labels": NUM_LABELS, "texts": NUM_TEXTS, "tries": TRIES, "threads": asked.threads, "rows": rows, "chosen": chosen,
    }  # fmt: skip
    (RESULTS / "composition.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def fit(vae: TextVAE, train: list[tuple[str, str, str]]) -> None:
    """Fit the three attributes, each to as many labelled texts."""
    order = np.random.default_rng(0).permutation(len(train))
    said = {text: label for label, text, _ in train}
    rules = {"sentiment": said.get, "length": length, "tense": tense}
    for name, rule in rules.items():
        labelled = [text for i in order[:4000] if rule(text := train[i][1])][:NUM_LABELS]
        vae.attributes.keep(vae.fit_attribute(labelled, rule, name=name), overwrite=True)


def measured(vae: TextVAE, judge: LabelJudge, method: str, strength: float, seed: int) -> dict[str, Any]:
    """Return how many of the texts are judged as asked, in each attribute, and some texts."""
    start, texts = time.perf_counter(), []
    wanted = [dict(zip(VALUES, values, strict=True)) for values in itertools.product(*VALUES.values())]
    for number, values in enumerate(wanted):
        count = len(range(number, NUM_TEXTS, len(wanted)))
        own = len(wanted) * seed + number
        found = vae.compose(count, set=values, method=method, strength=strength, seed=own)
        texts += [(values, text) for text in found]
    seconds, right = time.perf_counter() - start, Counter()
    moods = judge.judge([text for _, text in texts])
    for (values, text), mood in zip(texts, moods, strict=True):
        right["sentiment"] += mood == values["sentiment"]
        right["length"] += length(text) == values["length"]
        right["tense"] += tense(text) == values["tense"]
    return {
        "method": method, "strength": strength, "seconds": seconds, **{name: right[name] / len(texts) for name in VALUES},
        "texts": [[*values.values(), text] for values, text in texts[::12]],
    }  # fmt: skip


def length(text: str) -> str | None:
    """Return short, long, or None between them."""
    words = len(text.split())
    return "short" if words <= 7 else "long" if words >= 11 else None


def tense(text: str) -> str:
    """Return past, present, or neither where no rule applies."""
    words = set(text.lower().split())
    return "past" if words & PAST else "present" if words & PRESENT else "neither"


if __name__ == "__main__":
    main()
