"""Measures over lists of texts: what is equal, distinct, copied or unknown. Shares are fractions of 1."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from textvae.data.units import Split, units
from textvae.errors import DataError

TERMINAL_PUNCTUATION = ".!?…。！？．｡"
_WORD = re.compile(r"\w+")


def exact_matches(decodes: Sequence[str], inputs: Sequence[str]) -> list[bool]:
    """Return which decodes equal their input character for character.

    Raises:
        DataError: a string where a list belongs, no text, or lists of different lengths.
    """
    check_pairs(decodes, inputs)
    return [a == b for a, b in zip(decodes, inputs, strict=True)]


def distinct_n(texts: Sequence[str], n: int, split: Split = units) -> float:
    """Return distinct n-grams of units / all n-grams of units, over the whole set; 0 if it has none.

    Li et al. 2016, arXiv:1510.03055, section 5. It falls as the set grows: compare sets of one size.

    Raises:
        DataError: a string where a list belongs.
    """
    check_list("texts", texts)
    grams = Counter(gram for text in texts for gram in ngrams(split(text), n))
    return len(grams) / grams.total() if grams else 0.0


def ngrams(row: Sequence[str], n: int) -> Iterable[tuple[str, ...]]:
    """Return the runs of n units, in order."""
    return zip(*(row[start:] for start in range(n)), strict=False)


def copy_rate(samples: Sequence[str], training: Iterable[str]) -> float:
    """Return the share of samples that are a training text, see `copies`.

    Raises:
        DataError: a string where a list belongs, or no sample.
    """
    found = copies(samples, training)
    if not found:
        raise DataError("the copy rate needs at least one sample; got none")
    return sum(found) / len(found)


def copies(samples: Sequence[str], training: Iterable[str]) -> list[bool]:
    """Return which samples are a training text: the same after `comparable`. `training` is read once and not kept.

    Raises:
        DataError: a string where a list belongs.
    """
    check_list("samples", samples)
    check_list("training", training)
    wanted = [comparable(sample) for sample in samples]
    missing = set(wanted)
    for text in training:
        missing.discard(comparable(text))
    return [text not in missing for text in wanted]


def comparable(text: str) -> str:
    """Return `text` casefolded, white space runs as one space, without terminal punctuation.

    >>> comparable("  The  CAT sat . ") == comparable("the cat sat")
    True
    """
    return " ".join(text.casefold().split()).rstrip(TERMINAL_PUNCTUATION + " ")


def unknown_words(samples: Iterable[str], training: Iterable[str]) -> dict[str, int]:
    r"""Count the words of `samples` that the training texts do not have, most frequent first.

    A word is a casefolded run of \w in a unit: for scripts without spaces that is one letter.

    Raises:
        DataError: a string where a list belongs.
    """
    check_list("samples", samples)
    check_list("training", training)
    counts = Counter(word for sample in samples for word in _words(sample))
    for text in training:
        for word in _words(text):
            counts.pop(word, None)
    return dict(counts.most_common())


def _words(text: str) -> list[str]:
    return [word for unit in units(text.casefold()) for word in _WORD.findall(unit)]


def check_pairs(decodes: Sequence[str], inputs: Sequence[str]) -> None:
    """Refuse what is not one decode for each input."""
    check_list("decodes", decodes)
    check_list("inputs", inputs)
    if len(decodes) != len(inputs) or not len(inputs):
        raise DataError(
            f"{len(decodes)} decodes for {len(inputs)} inputs; one for each, and at least one, is needed"
        )


def check_list(name: str, texts: Iterable[object]) -> None:
    """Refuse a bare string: it would be scored character by character."""
    if isinstance(texts, str):
        raise DataError(f"{name} is one string, {texts[:40]!r}; a list of texts is needed")
