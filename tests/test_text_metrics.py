"""Measures over texts against sacrebleu, small sums by hand, and the registry of their definitions."""

import json
import random

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from textvae.data.units import CHINESE_WORDS, chinese_words, units
from textvae.errors import ConfigError, DataError
from textvae.evaluation.bleu import bleu_columns, bleu_tokenizer, chrf_columns, self_bleu, self_bleus
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definitions import DEFINITIONS, FAMILIES, as_records, define, render
from textvae.evaluation.tasks.families import TASK_FAMILIES
from textvae.evaluation.texts import copy_rate, distinct_n, exact_matches, unknown_words

ENGLISH = ["the cat sat on the mat .", "a dog ran in the park .", "the cat ran on the mat ."]
CHINESE = ["今天天气很好。", "老师鼓励我学习。", "今天老师很好。"]


def corpus_bleu(decodes, inputs):
    return Tally("bleu", bleu_columns(decodes, inputs, bleu_tokenizer(inputs))).value


def random_texts(number, vocabulary, low, high, seed=0):
    rng = random.Random(seed)
    return [" ".join(rng.choices(vocabulary, k=rng.randint(low, high))) for _ in range(number)]


# ---------------------------------------------------------------- BLEU


@pytest.mark.parametrize(("texts", "tokenizer"), [(ENGLISH, "13a"), (CHINESE, "zh")])
def test_corpus_bleu_is_100_only_when_equal(texts, tokenizer):
    assert corpus_bleu(texts, texts) == pytest.approx(100)
    assert bleu_tokenizer(texts) == tokenizer
    assert 0 < corpus_bleu([texts[2], *texts[1:]], texts) < 100


PAIRS = [
    (random_texts(40, "abcdefgh", 0, 9), random_texts(40, "abcdefgh", 1, 9, seed=5)),
    (random_texts(40, ["the", "cat", "sat."], 4, 9), random_texts(40, ["the", "cat", "sat."], 4, 9, seed=5)),
    (["今天天气很好。", "他们学习"], ["今天天气不好。", "老师鼓励我学习。"]),
    (["a b c d", "x"], ["a c e g", "y"]),  # orders without a match
    (["a b", "c"], ["a b", "c"]),  # no 4-gram at all
    (["", ""], ["a", "b"]),
]


@pytest.mark.parametrize(("decodes", "inputs"), PAIRS)
def test_corpus_scores_are_those_of_sacrebleu(decodes, inputs):
    bleu = BLEU(tokenize=bleu_tokenizer(inputs), force=True).corpus_score(decodes, [inputs]).score
    assert corpus_bleu(decodes, inputs) == pytest.approx(bleu, abs=1e-9)
    chrf = CHRF().corpus_score(decodes, [inputs]).score
    assert Tally("chrf", chrf_columns(decodes, inputs)).value == pytest.approx(chrf, abs=1e-9)


def test_chinese_can_be_scored_by_words():
    columns = bleu_columns(["老师鼓励我学习。"], ["老师鼓励你学习。"], CHINESE_WORDS)
    assert columns[0, -2] == len(chinese_words("老师鼓励我学习。")) == 5
    assert columns[0, 0] == 4  # all words but one
    assert chinese_words("I like 学习 a lot") == ["I", "like", "学习", "a", "lot"]


def test_corpus_bleu_is_over_words_and_over_the_corpus():
    # Unigrams 6 of 6, bigrams 4 of 4, trigrams 2 of 2; 4-grams: none. One list of references, not one a character.
    score = corpus_bleu(["a b c d e", "f g h i x"], ["a b c d e", "f g h i j"])
    assert score == pytest.approx(100 * (9 / 10 * 7 / 8 * 5 / 6 * 3 / 4) ** 0.25)


def test_the_tokenizer_follows_the_scripts():
    assert bleu_tokenizer(["こんにちは世界"]) == "char"
    assert bleu_tokenizer(["สวัสดีชาวโลก"]) == "char"
    assert bleu_tokenizer(["我喜欢用 Python 写程序"]) == "zh"
    assert bleu_tokenizer(["the word 好 means good"]) == "13a"
    assert bleu_tokenizer([]) == "13a"


@pytest.mark.parametrize(
    ("decodes", "inputs", "message"),
    [
        ("a b", ["a b"], "decodes is one string, 'a b'"),
        (["a"], "a", "inputs is one string"),
        (["a"], [], "1 decodes for 0"),
        ([], [], "0 decodes"),
    ],
)
def test_a_raw_string_or_unequal_lists_are_refused(decodes, inputs, message):
    for measure in (lambda a, b: bleu_columns(a, b, "13a"), chrf_columns, exact_matches):
        with pytest.raises(DataError, match=message):
            measure(decodes, inputs)


def test_exact_match_is_to_the_character():
    found = exact_matches(["好。", "good", "Good", "a "], ["好。", "good", "good", "a"])
    assert found == [True, True, False, False]


def naive_self_bleu(texts, n):
    bleu = BLEU(tokenize="none", effective_order=True, max_ngram_order=n, smooth_method="exp")
    rows = [" ".join(units(text)) for text in texts]
    scores = [bleu.sentence_score(row, rows[:i] + rows[i + 1 :]).score for i, row in enumerate(rows)]
    return sum(scores) / len(scores)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "texts",
    [
        random_texts(60, "abcdefgh", 1, 9),
        random_texts(40, ["the", "cat", "sat", "on"], 0, 6, seed=1),  # empty texts, many repeats and ties
        random_texts(40, [f"w{i}" for i in range(400)], 5, 30, seed=2),
        [text.replace(" ", "") for text in random_texts(40, "今天气很好老师我", 2, 12, seed=3)],
        ["a a a a", "a a", "b"],
        ["", ""],
        ["x y", "p q"],
    ],
    ids=["letters", "ties", "sparse", "chinese", "clipped", "empty", "disjoint"],
)
def test_self_bleu_equals_sacrebleu(texts, n):
    assert self_bleu(texts, n) == pytest.approx(naive_self_bleu(texts, n), abs=1e-9)


def test_several_orders_at_once_are_those_orders():
    texts = random_texts(30, "abcdefgh", 1, 9)
    assert self_bleus(texts, (2, 5)) == {2: self_bleu(texts, 2), 5: self_bleu(texts, 5)}


def test_self_bleu_ends_of_the_scale():
    assert self_bleu(["a b c d e"] * 3) == pytest.approx(100)
    assert self_bleu(["a b c d", "e f g h"]) == 0
    with pytest.raises(DataError, match="at least 2 are needed, got 1"):
        self_bleu(["a"])


# ---------------------------------------------------------------- units, distinct, copies


def test_units_are_words_or_letters_of_scripts_without_spaces():
    assert units("It's a  <unk> cat.\n") == ["It's", "a", "<unk>", "cat."]
    assert units("今天很好。") == ["今", "天", "很", "好", "。"]
    assert units("用 Python3 写，naïve café") == ["用", "Python3", "写", "，naïve", "café"]
    assert units("한국어 문장") == ["한국어", "문장"]
    assert units("𠀀𠀁") == ["𠀀", "𠀁"]
    assert units("  ") == []


def test_distinct_n_is_over_the_whole_set():
    assert distinct_n(["a b a", "a b"], 1) == 2 / 5
    assert distinct_n(["a b a", "a b"], 2) == 2 / 3
    assert distinct_n(["好好", "好"], 1) == 1 / 3
    assert distinct_n(["a", ""], 2) == 0
    with pytest.raises(DataError, match="one string"):
        distinct_n("a b", 1)


def test_copies_are_found_through_case_space_and_final_punctuation():
    training = (text for text in ["The cat sat.", "今天很好。", "A b"])  # read once
    samples = ["the  CAT sat", "今天很好！", "the cat", "a b c"]
    assert copy_rate(samples, training) == 0.5
    assert copy_rate(["x", "x", "y", "z"], ["X."]) == 0.5  # each sample counts
    assert copy_rate(["the, cat"], ["the cat"]) == 0
    for samples, training in [([], ["a"]), (["a"], "a"), ("a", ["a"])]:
        with pytest.raises(DataError):
            copy_rate(samples, training)


def test_unknown_words_are_counted_most_frequent_first():
    found = unknown_words(["A tehrimp, Cat tehrimp!", "龘 dog"], iter(["the cat is a dog"]))
    assert list(found.items()) == [("tehrimp", 2), ("龘", 1)]
    assert unknown_words(["今天好"], ["好天", "今"]) == {}


# ---------------------------------------------------------------- definitions


def test_every_measure_is_defined_once_and_as_json():
    families = [*FAMILIES, *TASK_FAMILIES]
    assert len(DEFINITIONS) == sum(len(family.definitions) for family in families)
    records = as_records()
    assert json.loads(json.dumps(records)) == records
    assert [record["key"] for record in records] == list(DEFINITIONS)
    for definition in DEFINITIONS.values():
        assert definition.better in ("higher", "lower", "neither")
        assert definition.text.endswith(".")
        assert all(symbol in definition.text + definition.unit for symbol in definition.settings)
        assert definition.base is None or definition.base in DEFINITIONS


@pytest.mark.parametrize(
    "key", ["distortion", "neg_elbo", "iw_nll", "ppl_word", "ppl_token", "bits_per_byte"]
)
def test_likelihoods_state_whether_the_end_is_counted(key):
    assert "`</s>`" in define(key).text


def test_perplexities_are_based_on_the_importance_weighted_bound():
    assert {key for key, definition in DEFINITIONS.items() if definition.base == "iw_nll"} == {
        "ppl_word",
        "ppl_token",
        "bits_per_byte",
    }


def test_rendered_lines_state_direction_and_settings():
    (line,) = render(["iw_nll"], {"K": 500, "N": 3370, "tokenizer": "13a"})
    assert line.startswith("IW-NLL (iw_nll; nats a sentence, lower is better): ")
    assert line.endswith("[K=500, N=3,370]")
    assert all("\n" not in line for line in render())
    assert "better" not in render(["rate"])[0]
    with pytest.raises(ConfigError, match="unknown measure 'self_blue_4'; did you mean self_bleu_4"):
        render(["self_blue_4"])
