"""BLEU and chrF: what each text adds to a corpus score, and self-BLEU."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import zip_longest

import numpy as np
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from textvae.data.scripts import SPACELESS, is_spaceless, script_counts
from textvae.data.units import CHINESE_WORDS, Split, chinese_words, units
from textvae.errors import DataError
from textvae.evaluation.bootstrap import FORMULAS
from textvae.evaluation.texts import check_list, check_pairs

CHRF_ORDER = 6


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


def bleu_columns(decodes: Sequence[str], inputs: Sequence[str], tokenizer: str) -> np.ndarray:
    """Return what each pair adds to the sums of corpus BLEU-4, one reference each, (N, 10).

    4 matches, 4 counts of n-grams, length, reference length; by sacrebleu, or after `chinese_words`.

    Raises:
        DataError: a string where a list belongs, no text, or lists of different lengths.
    """
    check_pairs(decodes, inputs)
    return multi_bleu_columns(decodes, [[text] for text in inputs], tokenizer)


def multi_bleu_columns(
    texts: Sequence[str], references: Sequence[Sequence[str]], tokenizer: str
) -> np.ndarray:
    """Return the columns of `bleu_columns`, (N, 10), for texts with one or more references each.

    Matches are clipped by the reference that has the n-gram most; the reference length is the closest one.
    """
    if tokenizer == CHINESE_WORDS:
        texts = list(map(_spaced, texts))
        references = [list(map(_spaced, several)) for several in references]
    bleu = BLEU(tokenize=_sacrebleu_tokenizer(tokenizer), effective_order=True)
    scores = (bleu.sentence_score(a, several) for a, several in zip(texts, references, strict=True))
    return np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in scores], dtype=float)


def chrf_columns(decodes: Sequence[str], inputs: Sequence[str]) -> np.ndarray:
    """Return what each pair adds to the sums of corpus chrF2 (Popović 2015, with sacrebleu's settings), (N, 18).

    For each order 1..6 of characters, white space left out: n-grams of the decode, of the input, and matches.

    Raises:
        DataError: a string where a list belongs, no text, or lists of different lengths.
    """
    check_pairs(decodes, inputs)
    return multi_chrf_columns(decodes, [[text] for text in inputs])


def multi_chrf_columns(texts: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the columns of `chrf_columns`, (N, 18), each text with the reference that it fits best."""
    rows = []
    for text, several in zip(texts, references, strict=True):
        against = np.array([_chrf_row(text, reference) for reference in several], dtype=float)
        rows.append(against[FORMULAS["chrf"](against).argmax()])
    return np.array(rows)


def signatures(references: Sequence[Sequence[str]], tokenizer: str) -> tuple[str, str]:
    """Return sacrebleu's signatures of BLEU and chrF with these references: what others need for the same numbers."""
    some = {len(several): several for several in references}.values()  # where their numbers vary, it says so
    streams = list(zip_longest(*some))
    metrics = BLEU(tokenize=_sacrebleu_tokenizer(tokenizer), references=streams), CHRF(references=streams)
    bleu, chrf = (str(metric.get_signature()) for metric in metrics)
    return bleu, chrf


def _sacrebleu_tokenizer(tokenizer: str) -> str:
    return "none" if tokenizer == CHINESE_WORDS else tokenizer


def _spaced(text: str) -> str:
    return " ".join(chinese_words(text))


def _chrf_row(decode: str, text: str) -> list[int]:
    a, b = "".join(decode.split()), "".join(text.split())
    row: list[int] = []
    for order in range(1, CHRF_ORDER + 1):
        ours, theirs = _characters(a, order), _characters(b, order)
        row += [ours.total() if theirs else 0, theirs.total(), (ours & theirs).total()]
    return row


def _characters(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))


def self_bleu(texts: Sequence[str], n: int = 4, split: Split = units) -> float:
    """Return the mean over texts of sentence BLEU-n of each against all the others; see `self_bleus`."""
    return self_bleus(texts, [n], split)[n]


def self_bleus(texts: Sequence[str], orders: Sequence[int], split: Split = units) -> dict[int, float]:
    """Return self-BLEU-n for each n of `orders`; lower is more diverse.

    Over units; sacrebleu's "exp" smoothing, effective order (orders longer than the text are left out), and the
    closest reference length. Exact, in O(n-grams log n-grams): how often an n-gram occurs in the text of the
    others that has it most follows from its two largest counts.

    Zhu et al. 2018, arXiv:1802.01886, section 2.3. Deviation: their smoothing is NLTK's.

    Raises:
        DataError: a string where a list belongs, or fewer than two texts.
    """
    check_list("texts", texts)
    if len(texts) < 2:
        raise DataError(
            f"self-BLEU compares each text with the others: at least 2 are needed, got {len(texts)}"
        )
    rows = [split(text) for text in texts]
    correct, total = _matches_with_others(rows, max(orders))  # (N, n) each
    return {n: _mean_bleu([len(row) for row in rows], correct[:, :n], total[:, :n]) for n in orders}


def _mean_bleu(lengths: list[int], correct: np.ndarray, total: np.ndarray) -> float:
    closest, n = _closest_other_lengths(lengths), correct.shape[1]
    scores = [
        BLEU.compute_bleu(c, t, length, closest[length], "exp", effective_order=True, max_ngram_order=n).score
        for c, t, length in zip(correct.tolist(), total.tolist(), lengths, strict=True)
    ]
    return sum(scores) / len(scores)


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
