"""Sentence BLEU-4 of many pairs of texts: n-grams are counted once a text."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from textvae.data.units import CHINESE_WORDS, chinese_words
from textvae.evaluation.bootstrap import ORDERS
from textvae.evaluation.texts import ngrams

SMOOTHING = "sacrebleu's exp smoothing and effective order"
"""An order without a match counts half a match, the next one a quarter; orders longer than the text are left out."""


@dataclass(frozen=True)
class Grams:
    """The n-grams of a text, or of several references of one text, n = 1 to 4.

    Attributes:
        counts: how often each occurs; in several texts, in the one that has it most.
        lengths: tokens of each text.
    """

    counts: Counter[tuple[str, ...]]
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, tokens: Sequence[str]) -> "Grams":
        """Count the n-grams of one text."""
        counts = Counter(gram for n in range(1, ORDERS + 1) for gram in ngrams(tokens, n))
        return cls(counts, (len(tokens),))

    @classmethod
    def merged(cls, several: Iterable["Grams"]) -> "Grams":
        """Return references as one."""
        counts: Counter[tuple[str, ...]] = Counter()
        lengths: tuple[int, ...] = ()
        for one in several:
            counts |= one.counts
            lengths += one.lengths
        return cls(counts, lengths)


def grams_of(texts: Iterable[str], tokenizer: str) -> list[Grams]:
    """Count n-grams of the tokens that sacrebleu's `tokenizer` makes of texts, or of words that rjieba finds."""
    if tokenizer == CHINESE_WORDS:
        return [Grams.of(chinese_words(text)) for text in texts]
    tokenize = BLEU(tokenize=tokenizer).tokenizer
    return [Grams.of(tokenize(text.rstrip()).split()) for text in texts]


def sentence_bleus(texts: Sequence[Grams], references: Sequence[Grams]) -> np.ndarray:
    """Return the sentence BLEU-4 of each text against each reference, (A, B), 0 to 100, as sacrebleu's."""
    rows = [_row(one, other) for one in texts for other in references]
    return _scores(np.array(rows, dtype=float).reshape(len(texts), len(references), 2 * ORDERS + 2))


def pairwise_bleu(texts: Sequence[Grams]) -> float:
    """Return the mean sentence BLEU-4 of the texts, two at least, each against each other one, 0 to 100."""
    scores = sentence_bleus(texts, texts)
    return float((scores.sum() - np.trace(scores)) / (len(texts) * (len(texts) - 1)))


def _row(one: Grams, other: Grams) -> list[int]:
    """Return matches and n-grams of each order, length, and the closest reference length, the smaller of two."""
    matches, [length] = [0] * ORDERS, one.lengths
    for gram in one.counts.keys() & other.counts.keys():
        matches[len(gram) - 1] += min(one.counts[gram], other.counts[gram])
    closest = min(other.lengths, key=lambda known: (abs(known - length), known))
    return [*matches, *(max(0, length - n) for n in range(ORDERS)), length, closest]


def _scores(columns: np.ndarray) -> np.ndarray:
    """Return BLEU from (..., 10) columns as `bleu_columns` has them."""
    matches, totals = columns[..., :ORDERS], columns[..., ORDERS : 2 * ORDERS]
    length, reference = columns[..., -2], columns[..., -1]
    there = totals > 0
    misses = np.cumsum((matches == 0) & there, axis=-1)
    smoothed = np.where(matches == 0, 0.5**misses, matches) / np.maximum(totals, 1)
    log_precision = np.log(np.where(there, smoothed, 1.0)).sum(axis=-1) / np.maximum(there.sum(axis=-1), 1)
    brevity = np.minimum(0.0, 1 - reference / np.maximum(length, 1))
    return np.where(matches.any(axis=-1), 100 * np.exp(log_precision + brevity), 0.0)
