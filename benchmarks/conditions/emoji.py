"""Captions of emoji that were not seen in training: python -m benchmarks.conditions.emoji [en|zh].

1,911 pictures of 32 x 32 pixels in three colours, each with one caption of a few words, no two alike; the model reads a picture as 32 rows.
So few pictures can't teach what every new one shows: what counts are the examples. The figure beside them is the share of held-out emoji
whose caption, or one of its tags, has a word (in Chinese a character) of the answer, and the same for the answers shuffled among the emoji:
chance. Results go to benchmarks/conditions/results.
"""

import argparse
import gzip
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.conditions.captions import RUNS, settings
from benchmarks.conditions.kept import keep
from benchmarks.tables.measure import CORPORA
from textvae import TextVAE
from textvae.config.presets import preset
from textvae.evaluation.bootstrap import Tally
from textvae.tasks.measuring import answer_all
from textvae.tasks.recipes import recipe

HELD_OUT = 20
"""Every 20th emoji is held out."""
NUM_ANSWERS, NUM_SHUFFLES = 5, 100
SMALL_WORDS = {"and", "with", "of", "on", "in", "the", "a"}


def words(text: str, language: str) -> set[str]:
    """Return the words of an English text, or the characters of a Chinese one."""
    found = re.findall(r"\w", text) if language == "zh" else re.findall(r"\w+", text.lower())
    return set(found) - SMALL_WORDS


def hits(answers: Iterable[str], described: list[set[str]], language: str) -> np.ndarray:
    """Return for each answer whether it has a word of what describes the emoji."""
    return np.array(
        [bool(words(answer, language) & known) for answer, known in zip(answers, described, strict=True)]
    )


@dataclass(frozen=True)
class Emoji:
    """All emoji of the corpus.

    Attributes:
        rows: what is known of each.
        pictures: (N, 32, 96).
        is_held: whether it is held out, (N,).
    """

    rows: list[dict]
    pictures: np.ndarray
    is_held: np.ndarray

    @classmethod
    def read(cls) -> "Emoji":
        """Read the corpus."""
        corpus = CORPORA / "emoji_image_caption"
        with gzip.open(corpus / "captions.jsonl.gz", "rt", encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        pictures = np.load(corpus / "emoji_rgb32.npz", allow_pickle=False)["images"]
        is_held = np.arange(len(rows)) % HELD_OUT == 0
        return cls(rows, pictures.reshape(len(rows), 32, 96).astype(np.float32), is_held)

    def write(self, folder: Path, language: str) -> None:
        """Write train and valid as texts and .npy."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, chosen in (("train", ~self.is_held), ("valid", self.is_held)):
            captions = [self.rows[row][f"caption_{language}"] for row in np.flatnonzero(chosen)]
            (folder / f"{name}.txt").write_text("\n".join(captions) + "\n", encoding="utf-8")
            np.save(folder / f"{name}.npy", self.pictures[chosen])


def measured(vae: TextVAE, emoji: Emoji, language: str) -> dict[str, object]:
    """Return the answers to the emoji held out, and how many have a word right."""
    held = [row for row, is_held in zip(emoji.rows, emoji.is_held, strict=True) if is_held]
    given = vae.codec.conditions({"feature": emoji.pictures[emoji.is_held]}, len(held))
    assert given is not None
    answers = answer_all(vae.codec, given, NUM_ANSWERS)
    first = np.array([several[0] for several in answers])
    described = [
        words(" ".join([row[f"caption_{language}"], *row[f"tags_{language}"]]), language) for row in held
    ]
    tally = Tally.mean(hits(first, described, language).astype(float))
    rng = np.random.default_rng(0)
    shuffled = [hits(rng.permutation(first), described, language).mean() for _ in range(NUM_SHUFFLES)]
    return {
        "held_out": len(held), "a_word_right": tally.value, "interval": tally.interval, "shuffled": float(np.mean(shuffled)),
        "examples": [
            {"emoji": row["emoji"], "caption": row[f"caption_{language}"], "answers": several}
            for row, several in zip(held, answers, strict=True)
        ],
    }  # fmt: skip


def main() -> None:
    """Train, caption the emoji held out, and keep what came."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("language", nargs="?", choices=("en", "zh"), default="en")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    emoji, folder = Emoji.read(), RUNS / f"emoji-{asked.language}-data"
    emoji.write(folder, asked.language)
    laid = settings(folder, asked.epochs, asked.threads)
    config = preset("sampling").updated(recipe("caption", laid["data"]), laid)
    vae = TextVAE.train(folder / "train.txt", RUNS / f"emoji-{asked.language}", config=config, overwrite=True)
    found = {
        "language": asked.language, "train": int((~emoji.is_held).sum()), "epochs": asked.epochs,
        **measured(vae, emoji, asked.language),
    }  # fmt: skip
    keep(f"emoji-{asked.language}", found)


if __name__ == "__main__":
    main()
