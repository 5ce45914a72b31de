"""Images and sounds with their classes, and short sentences of several templates that name the class."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

VALID_SHARE = 0.05


@dataclass(frozen=True)
class Part:
    """Rows of a set: features, (N, S, F), and the words that name each row's class."""

    features: np.ndarray
    words: list[str]


@dataclass(frozen=True)
class Captioned:
    """A set of features with class words, and the sentences that say them.

    Attributes:
        train, test: its parts; the test part is the corpus's own.
        templates: sentences with {} where the word goes.
    """

    train: Part
    test: Part
    templates: tuple[str, ...]

    def write(self, folder: Path, seed: int) -> None:
        """Write train and valid as texts and .npy, a template drawn for each row."""
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(self.train.words))
        held = int(len(order) * VALID_SHARE)
        for name, rows in (("valid", order[:held]), ("train", order[held:])):
            drawn = rng.integers(len(self.templates), size=len(rows))
            texts = [
                self.templates[which].format(self.train.words[row])
                for which, row in zip(drawn, rows, strict=True)
            ]
            (folder / f"{name}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
            np.save(folder / f"{name}.npy", self.train.features[rows])

    def word_of(self, text: str) -> str | None:
        """Return the class word of a text that is one of the templates; None of any other text."""
        words = sorted(set(self.train.words))
        return next((word for word in words for form in self.templates if form.format(word) == text), None)

    def template_of(self, text: str) -> int | None:
        """Return which template a text is; None if it is none."""
        words = set(self.train.words)
        for number, form in enumerate(self.templates):
            if any(form.format(word) == text for word in words):
                return number
        return None


def fashion(corpora: Path) -> Captioned:
    """Return Fashion-MNIST's subset: 28 rows of 28 pixels an image."""
    found = np.load(corpora / "fashion_mnist_subset" / "fashion_12k.npz", allow_pickle=False)
    words = [
        "a t-shirt",
        "a pair of trousers",
        "a pullover",
        "a dress",
        "a coat",
        "a sandal",
        "a shirt",
        "a sneaker",
        "a bag",
        "an ankle boot",
    ]
    return Captioned(
        Part(found["train_x"].astype(np.float32), [words[i] for i in found["train_y"]]),
        Part(found["test_x"].astype(np.float32), [words[i] for i in found["test_y"]]),
        (
            "This is {}.",
            "The picture shows {} on a dark ground.",
            "One sees {} from the front.",
            "Here is {} from the catalogue.",
            "Somebody took a photo of {}.",
        ),
    )


def digits(corpora: Path) -> Captioned:
    """Return spoken digits: 64 frames of 40 log-mel bands a recording, sentences in Chinese."""
    found = np.load(corpora / "spoken_digits_logmel" / "fsdd_logmel40_u8.npz", allow_pickle=False)
    words, test = "零一二三四五六七八九", found["is_test"]

    def part(chosen: np.ndarray) -> Part:
        return Part(
            found["logmel"][chosen].astype(np.float32), [words[digit] for digit in found["digit"][chosen]]
        )

    return Captioned(
        part(~test),
        part(test),
        (
            "他说的是{}。",
            "录音里有人念了{}。",
            "这个数字是{}。",
            "我听见的是{}，没错。",
            "声音不大，说的好像是{}。",
        ),
    )


SETS: dict[str, Callable[[Path], Captioned]] = {"fashion": fashion, "digits": digits}
