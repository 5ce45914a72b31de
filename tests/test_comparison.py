"""Evaluations side by side: what is compared, what is refused, and the pages that show it."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest
from tiny import CHINESE, ENGLISH
from untrained import untrained

import textvae
from textvae.cli.compare import mark
from textvae.errors import ConfigError
from textvae.evaluation import html
from textvae.evaluation.comparison import compare
from textvae.evaluation.pages import Examples, comparison_page, evaluation_page, examples
from textvae.evaluation.plan import Plan
from textvae.evaluation.report import evaluate

VOID = {"meta", "img"}


def measured(codec, texts=ENGLISH[:12], **options):
    return evaluate(codec, texts, **{"num_samples": 2, "num_prior": 8, "num_pairs": 3} | options)


@pytest.fixture(scope="module")
def codec():
    return untrained()


@pytest.fixture(scope="module")
def found(codec):
    return measured(codec)


class Page(HTMLParser):
    """A page, checked: every tag is closed in order, nothing is asked of anywhere, nothing is executed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert name not in ("href", "onclick", "onerror")
            assert name != "src" or value.startswith("data:image/png;base64,")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


# Comparison


def test_a_model_equals_itself(found):
    same = compare({"A": found, "B": found})
    for row in same.rows.values():
        assert row.obstacle is None
        assert row.best is None
        assert row.differences["B"].value == 0
        assert row.differences["B"].interval in (None, (0, 0))
    assert list(same.rows) == list(found.measures)
    assert textvae.compare is compare


@pytest.mark.parametrize(("share", "shown"), [(-1e-7, "="), (-1e-4, "B"), (0.0, "=")])
def test_what_rounding_changes_is_equal(found, share, shown):
    """A model and its export differ in the last digits, always to one side: the interval leaves out 0."""
    key = "distortion"
    name, part = next((name, part) for name, part in found.parts.items() if key in part.measures)
    tally = part.tallies[key]
    columns = tally.columns.copy()
    columns[:, 0] *= 1 + share
    moved = dataclasses.replace(tally, columns=columns)
    other = dataclasses.replace(
        part, measures=part.measures | {key: moved.value}, tallies=part.tallies | {key: moved}
    )
    theirs = dataclasses.replace(found, parts=found.parts | {name: other})
    row = compare({"A": found, "B": theirs}).rows[key]
    assert row.differences["B"].is_decided == bool(share)
    assert mark(row) == shown
    assert row.to_json()["tie"] == (shown == "=")


def test_the_better_one_is_told_by_the_definitions_direction_and_the_interval(found):
    other = compare({"A": found, "B": measured(untrained(seed=5))})
    for key, row in other.rows.items():
        ours, theirs = row.values.values()
        if row.definition.better == "neither" or ours == theirs:
            assert row.best is None
        else:
            assert row.best == ("A" if (ours > theirs) == (row.definition.better == "higher") else "B")
        difference = row.differences["B"]
        assert difference.value == pytest.approx(theirs - ours)
        if difference.interval:
            assert difference.interval[0] <= difference.value <= difference.interval[1], key
            if row.best:
                assert row.is_decided == difference.is_decided
        else:
            assert row.is_decided is None
    assert other.rows["iw_nll"].differences["B"].interval
    assert json.loads(json.dumps(other.to_json(), allow_nan=False)) == other.to_json()


@pytest.mark.parametrize(
    ("options", "key", "obstacle"),
    [
        ({"num_samples": 3}, "iw_nll", "K = 2, 3"),
        ({"num_samples": 3}, "ppl_token", "K = 2, 3"),
        ({"num_prior": 9}, "self_bleu_4", "N = 8, 9"),
        ({"num_pairs": 2}, "interpolation_step", "P = 3, 2"),
        ({"seed": 1}, "interpolation_step", "other pairs of texts"),
        ({"texts": ENGLISH[1:13]}, "distortion", "other texts"),
        ({"texts": ENGLISH[1:13]}, "reconstruction_bleu", "other texts"),
        ({"num_prior": 0}, "distinct_1", "not measured everywhere"),
    ],
)
def test_numbers_whose_settings_differ_are_shown_and_not_compared(codec, found, options, key, obstacle):
    row = compare({"A": found, "B": measured(codec, **options)}).rows[key]
    assert row.obstacle == obstacle
    assert (row.best, row.differences) == (None, {})
    assert row.values["A"] is not None
    assert mark(row) == "–"


def test_other_settings_of_one_measure_leave_the_others(codec, found):
    rows = compare({"A": found, "B": measured(codec, num_samples=3, num_prior=9)}).rows
    assert rows["distortion"].obstacle is None
    assert rows["reconstruction_bleu"].obstacle is None


def test_perplexity_a_token_of_another_tokenizer_is_refused_and_a_word_is_not(found):
    rows = compare({"A": found, "B": measured(untrained(kind="char", max_length=40))}).rows
    assert rows["ppl_token"].obstacle in ("another tokenizer", "the models cut texts at other lengths")
    longer = measured(untrained(max_length=40))
    rows = compare({"A": longer, "B": measured(untrained(kind="char", max_length=60))}).rows
    assert rows["ppl_token"].obstacle == "another tokenizer"
    assert rows["ppl_word"].obstacle is None
    assert rows["bits_per_byte"].differences["B"].interval is not None


def test_texts_that_are_cut_or_hold_unknown_words_are_another_task(found):
    texts = [*ENGLISH[:11], "zeppelins like the sea."]
    bpe, word = (measured(untrained(kind=kind, max_length=40), texts) for kind in ("bpe", "word"))
    assert (
        compare({"A": bpe, "B": word}).rows["ppl_word"].obstacle
        == "other words are unknown to the tokenizers"
    )
    cut = compare({"A": found, "B": measured(untrained(max_length=40))}).rows
    assert cut["iw_nll"].obstacle == "the models cut texts at other lengths"


def test_other_decoding_settings_and_dimensions(codec, found):
    import dataclasses

    other = untrained(latent_dim=5)
    other.decoding = dataclasses.replace(other.decoding, temperature=0.5)
    rows = compare({"A": found, "B": measured(other)}).rows
    assert rows["self_bleu_2"].obstacle == "other decoding settings"
    assert rows["active_units"].obstacle is None
    assert rows["aggregate_mmd"].obstacle == "D = 3, 5"


def test_one_evaluation_is_not_compared(found):
    with pytest.raises(ConfigError, match="1 evaluation to compare; two at least"):
        compare({"A": found})


# Pages


def test_the_report_is_one_valid_page_that_asks_nobody(codec, found):
    shown = examples(codec, ENGLISH[:12], num=3)
    assert len(shown.originals) == len(shown.reconstructions) == 3
    page = evaluation_page(found, shown, title="runs/x", curves=b"\x89PNG")
    read = Page(page)
    assert read.seen.count("img") == 3
    for key in found.measures:
        assert found.definition(key).name in read.text
    assert ENGLISH[0] in read.text
    assert "because a report was asked for" in read.text
    assert not re.search(r"https?://|<script|@import", page)


def test_every_text_is_escaped(found):
    evil = "<script>alert(1)</script>\" onload='x' & 今天"
    shown = Examples(originals=[evil], reconstructions=[evil], path=[evil])
    page = evaluation_page(found, shown, title=evil)
    assert "script" not in Page(page).seen
    assert Page(page).text.count(evil) == 5  # both titles too
    for piece in (
        html.table([evil], [[evil]]),
        html.texts([evil]),
        html.picture(b"", evil),
        html.folded(evil, [evil]),
    ):
        assert "<script" not in piece


def test_the_page_of_a_comparison(found):
    other = compare({"A": found, "B": measured(untrained(seed=5), num_samples=3)})
    read = Page(comparison_page(other, title="A one, B two"))
    assert "not comparable: K = 2, 3" in read.text
    assert "IW-NLL (iw_nll" in read.text


def test_chinese_by_characters_or_words():
    codec = untrained(CHINESE, "char", max_length=20)
    chars, words = (
        measured(codec, CHINESE[:12], chinese_words=by_words, training_texts=CHINESE)
        for by_words in (False, True)
    )
    assert chars.settings_of("reconstruction_bleu")["tokenizer"] == "zh"
    assert words.settings_of("reconstruction_bleu")["tokenizer"] == "words (Chinese by rjieba)"
    assert words.measures["ppl_word"] == chars.measures["ppl_word"]  # letters, whatever the units
    rows = compare({"A": chars, "B": words}).rows
    assert rows["reconstruction_bleu"].obstacle == "BLEU's tokenizers differ"
    assert rows["distinct_1"].obstacle == rows["nearest_distance"].obstacle == "other units"
    assert rows["iw_nll"].obstacle is None
    assert any("most of the texts measured are training texts" in note for note in chars.notes)
    assert CHINESE[0] in Page(evaluation_page(chars, examples(codec, CHINESE[:4]), title="中文")).text


# The plan


def test_the_time_left_follows_from_what_the_stages_before_took():
    now, lines = [0.0], []
    stages = Plan([("a", 10.0), ("b", 30.0), ("c", 5.0)], lines.append, now=lambda: now[0])
    for _ in stages:
        now[0] += 20.0
    assert lines == ["1/3 a", "2/3 b: about 1:10 left in all", "3/3 c: about 0:05 left in all"]
