"""Corpora made of nothing: the lengths of the Penn Treebank's sentences, word frequencies of Zipf and Mandelbrot."""

from collections.abc import Iterator

import numpy as np

QUANTILES = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
LENGTHS = (1, 6, 9, 12, 15, 18, 20, 23, 26, 29, 34, 39, 49, 82)
"""Words of a PTB training sentence at each quantile; their mean is 21.1."""

EXPONENT, SHIFT = 1.05, 1.0
"""p(rank) ~ (rank + SHIFT) ** -EXPONENT: .012 nats from PTB's word frequencies."""

SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprst" for vowel in "aeiou"]
CHUNK = 10_000


def lengths_like_ptb(num: int, random: np.random.Generator) -> np.ndarray:
    """Return (num,) lengths in words."""
    return np.rint(np.interp(random.random(num), QUANTILES, LENGTHS)).astype(np.int64)


def ranks_like_ptb(num: int, num_words: int, random: np.random.Generator) -> np.ndarray:
    """Return (num,) ranks of words, 0 the most frequent."""
    cumulated = np.cumsum((np.arange(1, num_words + 1) + SHIFT) ** -EXPONENT)
    return np.searchsorted(cumulated, random.random(num) * cumulated[-1], side="right")


def word(rank: int) -> str:
    """Return a word that can be pronounced, another one for each rank: "ba", "be", …

    >>> word(0), word(59), word(60)
    ('ba', 'tu', 'baba')
    """
    spelt, rest = "", rank + 1
    while rest:
        rest, digit = divmod(rest - 1, len(SYLLABLES))
        spelt = SYLLABLES[digit] + spelt
    return spelt


def synthetic_texts(num: int, num_words: int, seed: int = 0) -> Iterator[str]:
    """Give `num` texts of a vocabulary of `num_words`; memory does not grow with their number."""
    random = np.random.default_rng(seed)
    words = np.array([word(rank) for rank in range(num_words)])
    for start in range(0, num, CHUNK):
        lengths = lengths_like_ptb(min(CHUNK, num - start), random)
        ends = np.cumsum(lengths)
        drawn = words[ranks_like_ptb(int(ends[-1]), num_words, random)]
        yield from (" ".join(line) for line in np.split(drawn, ends[:-1]))
