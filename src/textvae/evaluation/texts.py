"""Measures over lists of texts: reconstruction, diversity, memorisation.

A *unit* is a word between white space, or one letter of a script that puts no space between words (Chinese,
Japanese, Thai ...), see `units`. Shares are fractions of 1, BLEU runs from 0 to 100.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from sacrebleu.metrics.bleu import BLEU

from textvae.data.scripts import SPACELESS, is_spaceless, script_counts
from textvae.errors import DataError

TERMINAL_PUNCTUATION = ".!?…。！？．｡"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class BleuScore:
    """A corpus BLEU-4 with what is needed to compare it.

    Attributes:
        score: 0 to 100.
        tokenizer: sacrebleu's name: 13a, zh or char.
        num_texts: pairs scored.
        signature: sacrebleu's own.
    """

    score: float
    tokenizer: str
    num_texts: int
    signature: str


def reconstruction_bleu(decodes: Sequence[str], inputs: Sequence[str]) -> BleuScore:
    """Return the corpus BLEU-4 of `decodes` against `inputs`, one reference each (sacrebleu).

    Raises:
        DataError: a string where a list belongs, no text, or lists of different lengths.
    """
    _check_pairs(decodes, inputs)
    tokenizer = bleu_tokenizer(inputs)
    bleu = BLEU(tokenize=tokenizer, force=True)
    result = bleu.corpus_score(list(decodes), [list(inputs)])
    return BleuScore(result.score, tokenizer, len(inputs), str(bleu.get_signature()))


def bleu_tokenizer(texts: Iterable[str]) -> str:
    """Name sacrebleu's tokenizer for `texts`: 13a; zh where Han dominates; char for other spaceless scripts.

    >>> bleu_tokenizer(["你好，世界。"]), bleu_tokenizer(["hello world"]), bleu_tokenizer(["こんにちは"])
    ('zh', '13a', 'char')
    """
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(script_counts(text))
    if not is_spaceless(counts):
        return "13a"
    return "zh" if 2 * counts["han"] > sum(counts[script] for script in SPACELESS) else "char"


def exact_match(decodes: Sequence[str], inputs: Sequence[str]) -> float:
    """Return the share of decodes that equal their input character for character.

    Raises:
        DataError: a string where a list belongs, no text, or lists of different lengths.
    """
    _check_pairs(decodes, inputs)
    return sum(a == b for a, b in zip(decodes, inputs, strict=True)) / len(inputs)


def units(text: str) -> list[str]:
    """Split at white space, and around every letter of a script without spaces.

    >>> units("I like 苹果 pie.")
    ['I', 'like', '苹', '果', 'pie.']
    """
    if text.isascii():
        return text.split()
    return "".join(f" {char} " if _is_spaceless_letter(char) else char for char in text).split()


def distinct_n(texts: Sequence[str], n: int) -> float:
    """Return distinct n-grams of units / all n-grams of units, over the whole set; 0 if it has none.

    Li et al. 2016, arXiv:1510.03055, section 5. It falls as the set grows: compare sets of one size.

    Raises:
        DataError: a string where a list belongs.
    """
    _check_list("texts", texts)
    grams = Counter(gram for text in texts for gram in _ngrams(units(text), n))
    return len(grams) / grams.total() if grams else 0.0


def self_bleu(texts: Sequence[str], n: int = 4) -> float:
    """Return the mean over texts of sentence BLEU-n of each against all the others; lower is more diverse.

    Over units; sacrebleu's "exp" smoothing, effective order (orders longer than the text are left out), and the
    closest reference length. Exact, in O(n-grams log n-grams): how often an n-gram occurs in the text of the
    others that has it most follows from its two largest counts.

    Zhu et al. 2018, arXiv:1802.01886, section 2.3. Deviation: their smoothing is NLTK's.

    Raises:
        DataError: a string where a list belongs, or fewer than two texts.
    """
    _check_list("texts", texts)
    if len(texts) < 2:
        raise DataError(
            f"self-BLEU compares each text with the others: at least 2 are needed, got {len(texts)}"
        )
    rows = [units(text) for text in texts]
    lengths = [len(row) for row in rows]
    closest = _closest_other_lengths(lengths)
    correct, total = _matches_with_others(rows, n)  # (N, n) each
    scores = [
        BLEU.compute_bleu(c, t, length, closest[length], "exp", effective_order=True, max_ngram_order=n).score
        for c, t, length in zip(correct.tolist(), total.tolist(), lengths, strict=True)
    ]
    return sum(scores) / len(scores)


def copy_rate(samples: Sequence[str], training: Iterable[str]) -> float:
    """Return the share of samples that are a training text: the same after `comparable`.

    `training` is read once and not kept.

    Raises:
        DataError: a string where a list belongs, or no sample.
    """
    _check_list("samples", samples)
    _check_list("training", training)
    if not samples:
        raise DataError("the copy rate needs at least one sample; got none")
    wanted = [comparable(sample) for sample in samples]
    missing = set(wanted)
    for text in training:
        missing.discard(comparable(text))
    return sum(text not in missing for text in wanted) / len(wanted)


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
    _check_list("samples", samples)
    _check_list("training", training)
    counts = Counter(word for sample in samples for word in _words(sample))
    for text in training:
        for word in _words(text):
            counts.pop(word, None)
    return dict(counts.most_common())


def _matches_with_others(rows: list[list[str]], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return for each text and order 1..n the n-grams found in the others, clipped, and all; (N, n) int64."""
    owner = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    _, gram = np.unique(np.array([unit for row in rows for unit in row], dtype=object), return_inverse=True)
    correct, total = np.zeros((2, len(rows), n), dtype=np.int64)
    for order in range(n):
        if not len(gram):
            break
        total[:, order] = np.bincount(owner, minlength=len(rows))
        correct[:, order] = _clipped_by_others(gram, owner, len(rows))
        # An (n+1)-gram is two n-grams one unit apart in one text.
        inside = owner[:-1] == owner[1:]
        pairs = gram[:-1] * (gram.max() + 1) + gram[1:]
        _, gram = np.unique(pairs[inside], return_inverse=True)
        owner = owner[:-1][inside]
    return correct, total


def _clipped_by_others(gram: np.ndarray, owner: np.ndarray, num_texts: int) -> np.ndarray:
    """Return for each text sum_g min(its count of g, the largest count of g in another text), (N,)."""
    keys, counts = np.unique(gram * num_texts + owner, return_counts=True)
    of_gram, of_text = np.divmod(keys, num_texts)
    by_count = np.lexsort((-counts, of_gram))  # each n-gram's texts, largest count first
    first = np.searchsorted(of_gram, np.arange(of_gram.max() + 1))
    num_holders = np.bincount(of_gram)
    ranked = np.append(counts[by_count], 0)
    largest, second = ranked[first], np.where(num_holders > 1, ranked[first + 1], 0)
    others = np.where(counts == largest[of_gram], second[of_gram], largest[of_gram])
    return np.bincount(of_text, weights=np.minimum(counts, others), minlength=num_texts).astype(np.int64)


def _closest_other_lengths(lengths: list[int]) -> dict[int, int]:
    """Map each length to the closest length of another text, the smaller of two equally close."""
    counts = Counter(lengths)
    known = sorted(counts)
    closest = {}
    for index, length in enumerate(known):
        near = known[max(index - 1, 0) : index] + known[index + 1 : index + 2]
        closest[length] = length if counts[length] > 1 else min(near, key=lambda other: abs(other - length))
    return closest


def _ngrams(row: list[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(row[start:] for start in range(n)), strict=False)


def _words(text: str) -> list[str]:
    return [word for unit in units(text.casefold()) for word in _WORD.findall(unit)]


@lru_cache(maxsize=1 << 16)
def _is_spaceless_letter(char: str) -> bool:
    return any(script in SPACELESS for script in script_counts(char))


def _check_pairs(decodes: Sequence[str], inputs: Sequence[str]) -> None:
    _check_list("decodes", decodes)
    _check_list("inputs", inputs)
    if len(decodes) != len(inputs) or not len(inputs):
        raise DataError(
            f"{len(decodes)} decodes for {len(inputs)} inputs; one for each, and at least one, is needed"
        )


def _check_list(name: str, texts: Iterable[str]) -> None:
    """Refuse a bare string: it would be scored character by character."""
    if isinstance(texts, str):
        raise DataError(f"{name} is one string, {texts[:40]!r}; a list of texts is needed")
