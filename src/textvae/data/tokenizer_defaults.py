"""Which tokenizer a corpus gets when nobody says."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice

from textvae.data.scripts import is_spaceless, script_counts

SAMPLE_TEXTS = 5000
MIN_SUBWORD_VOCAB, MIN_SPACELESS_VOCAB, MAX_SUBWORD_VOCAB = 1000, 4000, 16_000
_REFERENCE_VOCAB, _REFERENCE_CHARS = 4000, 600_000


def mostly_spaceless(texts: Iterable[str]) -> bool:
    """Return whether the first texts are in scripts that put no spaces between words."""
    counts: Counter[str] = Counter()
    for text in islice(texts, SAMPLE_TEXTS):
        counts.update(script_counts(text))
    return is_spaceless(counts)


def default_kind(texts: Iterable[str]) -> str:
    """Return char for scripts without spaces, unigram for the others."""
    return "char" if mostly_spaceless(texts) else "unigram"


def default_vocab_size(kind: str, num_chars: int, *, spaceless: bool = False) -> int | None:
    """Return V for a corpus of `num_chars` characters; None (all there are) for words and characters.

    Subword vocabularies grow with the square root of the corpus, from 4,000 at 600,000 characters. In scripts
    without spaces the characters alone fill thousands of pieces, and each says about as much as three letters.

    >>> default_vocab_size("unigram", 600_000), default_vocab_size("unigram", 10**9)
    (4000, 16000)
    """
    if kind in ("word", "char"):
        return None
    smallest = MIN_SPACELESS_VOCAB if spaceless else MIN_SUBWORD_VOCAB
    size = _REFERENCE_VOCAB * (num_chars * (3 if spaceless else 1) / _REFERENCE_CHARS) ** 0.5
    return int(min(max(size, smallest), MAX_SUBWORD_VOCAB) // 100 * 100)
