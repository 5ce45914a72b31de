"""Captions of images and sounds: python -m benchmarks.conditions.captions fashion|digits.

Each class is named by sentences of five templates, drawn for each row, so that z has something to say: which sentence. The set's own test
rows are captioned once. A caption is right if it is one of the templates with the right class word in it, so that a sentence that
breaks off or names two classes is wrong. The first answer is greedy from the mean of p(z); "templates" counts how many of the five
appear among ten answers, each greedy from a z of its own. Results go to benchmarks/conditions/results.
"""

import argparse
import dataclasses
import resource
from pathlib import Path

import numpy as np
import torch

from benchmarks.conditions.kept import keep
from benchmarks.conditions.sets import SETS, Captioned
from benchmarks.process import ROOT
from benchmarks.speed.machine import describe
from benchmarks.tables.measure import CORPORA
from textvae import TextVAE
from textvae.config.presets import preset
from textvae.evaluation.bootstrap import Tally
from textvae.tasks.measuring import answer_all
from textvae.tasks.recipes import recipe

RUNS = ROOT / "runs" / "conditions"
NUM_ANSWERS = 10


def settings(folder: Path, epochs: int, threads: int) -> dict[str, dict]:
    """Return the settings of a small captioner."""
    return {
        "data": {"feature": str(folder / "{split}.npy"), "valid": str(folder / "valid.txt")},
        "model": {
            "latent_dim": 8, "embed_dim": 48, "encoder_dim": 48, "source_dim": 96, "decoder_dim": 96, "condition_dim": 48,
        },
        "objective": {"target_rate": 1.5},
        "training": {"epochs": epochs, "patience": 0, "seed": 0, "threads": threads, "batch_tokens": 200},
    }  # fmt: skip


def main() -> None:
    """Train, caption the test rows, and keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    captioned, folder = SETS[asked.set](CORPORA), RUNS / f"{asked.set}-data"
    captioned.write(folder, seed=0)
    laid = settings(folder, asked.epochs, asked.threads)
    config = preset("sampling").updated(recipe("caption", laid["data"]), laid)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    vae = TextVAE.train(folder / "train.txt", RUNS / asked.set, config=config, overwrite=True)
    seconds = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
    found = {
        "set": asked.set, "settings": laid["model"] | laid["objective"] | laid["training"], "cpu_seconds": round(seconds),
        "train": len(captioned.train.words), "test": len(captioned.test.words), **measured(vae, captioned),
        "machine": {key: value for key, value in describe().items() if key != "load"},
    }  # fmt: skip
    keep(f"captions-{asked.set}", found)


def measured(vae: TextVAE, captioned: Captioned) -> dict[str, object]:
    """Return how often the class is named, of which classes, and how much z varies the sentence."""
    test = captioned.test
    given = vae.codec.conditions({"feature": test.features}, len(test.words))
    assert given is not None
    answers = answer_all(vae.codec, given, NUM_ANSWERS)
    said = [captioned.word_of(several[0]) for several in answers]
    right = np.array([word == true for word, true in zip(said, test.words, strict=True)])
    every = np.array([
        np.mean([captioned.word_of(text) == true for text in several])
        for several, true in zip(answers, test.words, strict=True)
    ])  # fmt: skip
    forms = [{captioned.template_of(text) for text in several} - {None} for several in answers]
    tally = Tally.mean(right.astype(float))
    classes = sorted(set(test.words))
    return {
        "right_word": tally.value,
        "interval": tally.interval,
        "right_word_of_all_answers": float(every.mean()),
        "templates_of_ten_answers": float(np.mean([len(several) for several in forms])),
        "by_class": {word: float(right[[true == word for true in test.words]].mean()) for word in classes},
        "answers": {word: answers[test.words.index(word)] for word in classes},
        "decoding": dataclasses.asdict(vae.codec.decoding),
    }


if __name__ == "__main__":
    main()
