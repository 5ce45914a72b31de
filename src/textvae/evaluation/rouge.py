"""ROUGE-1, -2 and -L: what a text shares with a reference, in words, pairs of words, and words in their order."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from textvae.data.units import Split, units
from textvae.evaluation.texts import ngrams


def rouge_words(text: str, split: Split = units) -> list[str]:
    """Split into lower-case words without punctuation; letters of scripts without spaces are words.

    >>> rouge_words("The B-52s: don't 我爱 Python。")
    ['the', 'b', '52s', 'don', 't', '我', '爱', 'python']
    """
    return split("".join(char if _is_word_part(char) else " " for char in text.lower()))


def rouge_n(words: Sequence[str], reference: Sequence[str], n: int) -> float:
    """Return the F-measure of shared runs of n words, repeats counted in both, 0 to 1.

    2PR / (P + R), with what is shared over the text's own (P) and over the reference's (R). Lin 2004, W04-1013, section
    2, with beta = 1. On ASCII as the package rouge-score without stemming; it drops all other letters.
    """
    ours, theirs = Counter(ngrams(words, n)), Counter(ngrams(reference, n))
    return _f_measure((ours & theirs).total(), ours.total(), theirs.total())


def rouge_l(words: Sequence[str], reference: Sequence[str]) -> float:
    """Return the F-measure of the longest common subsequence, 0 to 1; section 3, and otherwise as `rouge_n`."""
    return _f_measure(common_subsequence(words, reference), len(words), len(reference))


def common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    Bit-parallel: a row of the table is one integer, a 0 where the length grows, and a unit of `b` takes it to the next
    row in four operations. Hyyrö 2004, "Bit-parallel LCS-length computation revisited".

    >>> common_subsequence("the cat sat here".split(), "cat the sat".split())
    2
    """
    places: dict[str, int] = {}
    for i, unit in enumerate(a):
        places[unit] = places.get(unit, 0) | 1 << i
    full = row = (1 << len(a)) - 1
    for unit in b:
        matches = row & places.get(unit, 0)
        row = (row + matches | row - matches) & full
    return len(a) - row.bit_count()


def _f_measure(shared: int, ours: int, theirs: int) -> float:
    return 2 * shared / (ours + theirs) if shared else 0.0


@lru_cache(maxsize=1 << 16)
def _is_word_part(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"  # letters, marks, numbers
