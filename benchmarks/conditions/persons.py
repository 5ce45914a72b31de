"""Poets that a model knows, and poets that it meets: python -m benchmarks.conditions.persons.

Quatrains of `zh_poetry_jueju`. Poets are ordered by how many poems of theirs the training part holds. The first 20 are *known*, the next 20
*new*: the model is trained on up to 400 poems of each known poet and of 80 further ones, and on none of the new. Each new poet is
fitted to 20 poems (`fit_person`). Then the model writes poems as each poet, and a judge, trained on up to 400 real poems of each of
the 20, names the author; beside it, its rate on 40 other real poems of each. Chance is .05. The guidance is chosen on poems with another
seed than those that count. The judge of the new poets sees poems that the model never saw, but for the 20. Results go to
benchmarks/conditions/results.
"""

import argparse
import csv
import dataclasses
import gzip
import json
from collections import defaultdict
from typing import Any

import numpy as np
import torch

from benchmarks.conditions.captions import RUNS
from benchmarks.conditions.kept import keep
from benchmarks.speed.machine import describe
from benchmarks.tables.measure import CORPORA
from textvae import TextVAE
from textvae.config.presets import preset
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.tasks.classifier import LabelJudge
from textvae.tasks.recipes import recipe
from textvae.training.baseline import seconds_trained

NUM_POETS, NUM_FURTHER, MOST_POEMS, NUM_REAL, NUM_FITTED, NUM_WRITTEN = 20, 80, 400, 40, 20, 40
GUIDANCES = (1.0, 2.0, 3.0, 4.0, 6.0)
MARKS = {"known": 0.6, "new": 0.4}
Poems = dict[str, list[str]]


def poems_by_author() -> Poems:
    """Return all training poems by author, in a random order, the author with most first."""
    found: dict[str, list[str]] = defaultdict(list)
    with gzip.open(CORPORA / "zh_poetry_jueju" / "train.tsv.gz", "rt", encoding="utf-8") as file:
        for _, _, author, _, poem in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[author].append(poem)
    rng = np.random.default_rng(0)
    several = {author: list(dict.fromkeys(poems)) for author, poems in found.items()}
    order = sorted(several, key=lambda author: (-len(several[author]), author))
    return {author: [several[author][i] for i in rng.permutation(len(several[author]))] for author in order}


def train(poems: Poems, poets: list[str], asked: argparse.Namespace) -> TextVAE:
    """Train on poets' poems but for those kept for the judge."""
    table = RUNS / "persons.tsv"
    table.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{poet}\t{poem}" for poet in poets for poem in poems[poet][NUM_REAL : NUM_REAL + MOST_POEMS]]
    table.write_text("author\ttext\n" + "\n".join(rows) + "\n", encoding="utf-8")
    settings = {
        "data": {"labels": "author", "text": "text"},
        "model": {"embed_dim": 192, "encoder_dim": 128, "decoder_dim": 320, "condition_dim": 96},
        "training": {"epochs": asked.epochs, "patience": 0, "threads": asked.threads, "batch_tokens": 700},
    }
    config = preset("sampling").updated(recipe("persona", settings["data"]), settings)
    return TextVAE.train(table, RUNS / "persons", config=config, resume=(RUNS / "persons").exists())


def recognised(vae: TextVAE, judge: LabelJudge, authors: dict[str, Any], guidance: float, seed: int) -> Any:
    """Return whether each poem written as an author is judged as the author's, (authors, poems), and some poems."""
    decoding = dataclasses.replace(vae.codec.decoding, guidance=guidance)
    right, shown = [], {}
    for number, (name, author) in enumerate(authors.items()):
        conditions = {"author": author}
        written = vae.sample(NUM_WRITTEN, conditions=conditions, decoding=decoding, seed=1000 * seed + number)
        right.append([said == name for said in judge.judge(written)])
        shown[name] = written[:3]
    return np.array(right), shown


def measured(vae: TextVAE, poems: Poems, authors: dict[str, Any], mark: float) -> dict[str, Any]:
    """Return the judge's rates on real and written poems."""
    real = {name: poems[name][:NUM_REAL] for name in authors}
    taught = [(poem, name) for name in authors for poem in poems[name][NUM_REAL:][: MOST_POEMS + NUM_FITTED]]
    judge = LabelJudge.train([poem for poem, _ in taught], [name for _, name in taught])
    on_real = [said == name for name, several in real.items() for said in judge.judge(several)]
    tried = {guidance: recognised(vae, judge, authors, guidance, seed=1)[0].mean() for guidance in GUIDANCES}
    best = max(tried, key=lambda guidance: tried[guidance])
    right, shown = recognised(vae, judge, authors, best, seed=2)
    tally = Tally.mean(right.ravel().astype(float))
    return {
        "rate_on_real": float(np.mean(on_real)),
        "rate": tally.value,
        "interval": tally.interval,
        "ratio": tally.value / float(np.mean(on_real)),
        "mark": mark,
        "guidance": best,
        "tried": {str(guidance): float(rate) for guidance, rate in tried.items()},
        "by_author": dict(zip(authors, right.mean(axis=1).tolist(), strict=True)),
        "poems": shown,
    }


def main() -> None:
    """Train, fit, measure and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    poems = poems_by_author()
    order = list(poems)
    known, new = order[:NUM_POETS], order[NUM_POETS : 2 * NUM_POETS]
    further = order[2 * NUM_POETS : 2 * NUM_POETS + NUM_FURTHER]
    vae = train(poems, known + further, asked)
    found = {"known": measured(vae, poems, {name: name for name in known}, MARKS["known"])}
    print(json.dumps(found["known"], ensure_ascii=False), flush=True)
    persons = {
        name: vae.fit_person(
            poems[name][NUM_REAL : NUM_REAL + NUM_FITTED], name=f"new-{number}", label="author"
        )
        for number, name in enumerate(new)
    }
    found["new"] = measured(vae, poems, persons, MARKS["new"])
    result = {
        "poems_a_poet": MOST_POEMS, "poets_trained_on": len(known + further), "epochs": asked.epochs,
        "seconds": round(seconds_trained(RUNS / "persons") or 0), "num_new_texts": NUM_FITTED,
        "gains": {name: person.gain for name, person in persons.items()}, **found,
        "machine": {key: value for key, value in describe().items() if key != "load"},
    }  # fmt: skip
    keep("persons", result)


if __name__ == "__main__":
    main()
