"""ROUGE against the package rouge-score, sentence BLEU of many pairs against sacrebleu, and sums by hand."""

import random

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from textvae.data.units import CHINESE_WORDS, chinese_words
from textvae.evaluation.bleu import multi_bleu_columns, multi_chrf_columns, signatures
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.rouge import common_subsequence, rouge_l, rouge_n, rouge_words
from textvae.evaluation.sentence_bleu import Grams, grams_of, pairwise_bleu, sentence_bleus

WORDS = ["The", "cat", "sat", "on", "cat's", "mat.", "B-52", "x_y", "...", "Mat", "a"]
HANZI = [*"今天气很好老师我，。", " Python "]


def random_texts(num, vocabulary=WORDS, seed=0, joint=" ", low=0, high=12):
    rng = random.Random(seed)
    return [joint.join(rng.choices(vocabulary, k=rng.randint(low, high))) for _ in range(num)]


# ---------------------------------------------------------------- ROUGE


def test_rouge_on_english_is_that_of_rouge_score():
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    for text, reference in zip(random_texts(150), random_texts(150, seed=1), strict=True):
        theirs = scorer.score(reference, text)
        a, b = rouge_words(text), rouge_words(reference)
        ours = {"rouge1": rouge_n(a, b, 1), "rouge2": rouge_n(a, b, 2), "rougeL": rouge_l(a, b)}
        assert ours == pytest.approx({kind: score.fmeasure for kind, score in theirs.items()})


def test_rouge_of_chinese_counts_characters_and_keeps_latin_words_whole():
    a, b = rouge_words("我喜欢用 Python 写诗。"), rouge_words("我喜欢Python！")
    assert a == ["我", "喜", "欢", "用", "python", "写", "诗"]
    assert b == ["我", "喜", "欢", "python"]
    assert rouge_n(a, b, 1) == pytest.approx(2 * 4 / (7 + 4))
    assert rouge_n(a, b, 2) == pytest.approx(2 * 2 / (6 + 3))
    assert rouge_l(a, b) == pytest.approx(2 * 4 / (7 + 4))
    assert rouge_words("我喜欢苹果。", chinese_words) == ["我", "喜欢", "苹果"]


def test_words_keep_accents_and_marks():
    assert rouge_words("Naïve हिन्दी, e\u0301tude") == ["naïve", "हिन्दी", "e\u0301tude"]


def test_identical_texts_score_one_and_empty_ones_nothing():
    words = rouge_words("the cat sat")
    assert rouge_n(words, words, 1) == rouge_n(words, words, 2) == rouge_l(words, words) == 1
    assert rouge_n([], words, 1) == rouge_l([], words) == rouge_l([], []) == rouge_n(["a"], ["a"], 2) == 0


def test_common_subsequence_is_that_of_the_table():
    rng = random.Random(3)
    for _ in range(60):
        a, b = rng.choices("abc", k=rng.randint(0, 90)), rng.choices("abc", k=rng.randint(0, 90))
        table = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                table[i + 1, j + 1] = table[i, j] + 1 if x == y else max(table[i, j + 1], table[i + 1, j])
        assert common_subsequence(a, b) == common_subsequence(b, a) == table[-1, -1]


# ---------------------------------------------------------------- BLEU with several references


@pytest.mark.parametrize(("vocabulary", "joint", "tokenizer"), [(WORDS, " ", "13a"), (HANZI, "", "zh")])
def test_sentence_bleu_is_that_of_sacrebleu(vocabulary, joint, tokenizer):
    texts = random_texts(12, vocabulary, joint=joint)
    references = random_texts(9, vocabulary, seed=1, joint=joint, low=1)
    bleu = BLEU(tokenize=tokenizer, effective_order=True)
    ours = grams_of(texts, tokenizer), grams_of(references, tokenizer)
    single = [[bleu.sentence_score(a, [b]).score for b in references] for a in texts]
    assert sentence_bleus(*ours) == pytest.approx(np.array(single), abs=1e-9)
    merged = sentence_bleus(ours[0], [Grams.merged(ours[1])])[:, 0]
    assert merged == pytest.approx(
        np.array([bleu.sentence_score(a, references).score for a in texts]), abs=1e-9
    )


def test_pairwise_bleu_leaves_out_a_text_against_itself():
    grams = grams_of(["a b c d", "a b c d", "x y z w"], "13a")
    assert pairwise_bleu(grams) == pytest.approx(100 * 2 / 6)
    assert pairwise_bleu(grams_of(["我 喜欢", "我喜欢"], CHINESE_WORDS)) == pytest.approx(100)


@pytest.mark.parametrize("numbers", [(3,), (1, 3)])
def test_corpus_scores_with_several_references_are_those_of_sacrebleu(numbers):
    texts = random_texts(30)
    references = [
        random_texts(numbers[i % len(numbers)], seed=i + 1, low=1, high=14) for i in range(len(texts))
    ]
    streams = [[row[i] if i < len(row) else None for row in references] for i in range(3)]
    bleu, chrf = BLEU(force=True), CHRF()
    columns = multi_bleu_columns(texts, references, "13a")
    assert Tally("bleu", columns).value == pytest.approx(bleu.corpus_score(texts, streams).score, abs=1e-9)
    columns = multi_chrf_columns(texts, references)
    assert Tally("chrf", columns).value == pytest.approx(chrf.corpus_score(texts, streams).score, abs=1e-9)
    assert signatures(references, "13a") == (str(bleu.get_signature()), str(chrf.get_signature()))
