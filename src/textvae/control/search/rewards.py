"""Ready rewards: how far texts are from having what was asked for; 0 is met, and anything less is below 0."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from textvae.codec import Codec
from textvae.control.search.presence import presence
from textvae.data.conditions import Conditions
from textvae.data.units import stands_in, units
from textvae.errors import ConfigError

NEAREST = 0.01
"""Nats that a word which is not there is from being said, at least: nothing but the word itself meets `Likely`."""


@dataclass(frozen=True)
class Contains:
    """Minus the share of the words that a text lacks.

    A word may be several with spaces between. Upper and lower case are the same; in scripts without spaces a word is found anywhere.
    """

    words: tuple[str, ...]

    @classmethod
    def read(cls, argument: str) -> "Contains":
        """Read words with commas between, as "coffee,tea"."""
        words = tuple(word.strip() for word in re.split("[,，、]", argument) if word.strip())
        if not words:
            raise ConfigError(
                f"contains:{argument} names no word; write contains:coffee or contains:coffee,tea"
            )
        return cls(words)

    def __call__(self, texts: Sequence[str]) -> list[float]:
        """Return -1 to 0 for each text."""
        return [-sum(not has_word(text, word) for word in self.words) / len(self.words) for text in texts]


@dataclass(frozen=True)
class Lacks:
    """Minus the share of the words that a text has."""

    words: tuple[str, ...]

    @classmethod
    def read(cls, argument: str) -> "Lacks":
        """Read words with commas between."""
        return cls(Contains.read(argument).words)

    def __call__(self, texts: Sequence[str]) -> list[float]:
        """Return -1 to 0 for each text."""
        return [-sum(has_word(text, word) for word in self.words) / len(self.words) for text in texts]


@dataclass(frozen=True)
class Length:
    """Minus the words, in scripts without spaces letters, that a text has too many or too few, as a share of those wanted."""

    low: int
    high: int

    @classmethod
    def read(cls, argument: str) -> "Length":
        """Read a number, or a range, as "10-14"."""
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", argument.strip())
        low = int(found[1]) if found else 0
        high = int(found[2] or low) if found else 0
        if not 1 <= low <= high:
            raise ConfigError(f"length:{argument} cannot be read; write length:12 or length:10-14")
        return cls(low, high)

    def __call__(self, texts: Sequence[str]) -> list[float]:
        """Return at most 0 for each text."""
        lengths = np.array([len(units(text)) for text in texts])
        excess = np.maximum(lengths - self.high, 0) + np.maximum(self.low - lengths, 0)
        return (-excess / self.low).tolist()


@dataclass(frozen=True)
class Likely:
    """As `Contains`, but a text without the word is scored by how near the decoder came to saying it.

    -1 + 1 / (1 + d), where d is how many nats less likely the word was than the likeliest tokens in its place, at the best place
    (`presence`): a slope that `Contains` lacks, for about a quarter more time. Asked is the model under the search's condition, without
    guidance. One word; the model must be one with weights.
    """

    word: str

    @classmethod
    def read(cls, argument: str) -> "Likely":
        """Read a word."""
        if not argument.strip():
            raise ConfigError("likely: names no word; write likely:coffee")
        return cls(argument.strip())

    def __call__(
        self, texts: Sequence[str], *, z: Tensor, codec: Codec, conditions: Conditions | None = None
    ) -> list[float]:
        """Return -1 to 0 for each text, the greedy decode of its z, (N, D), under its condition."""
        missing = [row for row, text in enumerate(texts) if not has_word(text, self.word)]
        scores = np.zeros(len(texts))
        if missing:
            given = None if conditions is None else conditions.rows(np.array(missing))
            short = -presence(codec, [texts[row] for row in missing], self.word, z[missing], given)
            scores[missing] = -1 + 1 / (1 + np.maximum(short, NEAREST))
        return scores.tolist()


READY = {"contains": Contains.read, "lacks": Lacks.read, "length": Length.read, "likely": Likely.read}
"""How each ready reward reads what stands behind its colon."""


def has_word(text: str, word: str) -> bool:
    """Return whether a text has a word: as a whole where spaces part words, else anywhere.

    >>> has_word("Coffee, please", "coffee"), has_word("a teapot", "tea"), has_word("我喜欢咖啡", "咖啡")
    (True, False, True)
    """
    return stands_in(word.casefold(), text.casefold())
