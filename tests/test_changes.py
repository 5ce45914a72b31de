"""What changed between two texts, and how much of texts comes back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.control.changes import changes, kept_share
from textvae.control.fidelity import Fidelity, fidelity

texts = st.lists(
    st.sampled_from(
        ["the", "food", "was", " ", "  ", "\n", ".", "don't", "我", "喜欢", "iPhone", "3.5", "é"]
    ),
    max_size=12,
).map("".join)


def parts(before, after):
    return [(span.kind, span.text) for span in changes(before, after)]


@given(before=texts, after=texts)
@settings(max_examples=200)
def test_all_but_the_removed_is_the_text_afterwards(before, after):
    spans = changes(before, after)
    assert "".join(span.text for span in spans if span.kind != "removed") == after
    without_spaces = "".join(span.text for span in spans if span.kind != "added")
    assert "".join(without_spaces.split()) == "".join(before.split())
    assert all(span.text for span in spans)


@given(text=texts)
def test_nothing_changed(text):
    assert all(span.kind == "kept" for span in changes(text, text))
    assert kept_share(text, text) == 1


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "the food was cold .",
            "the food was really good .",
            [("kept", "the food was "), ("removed", "cold"), ("added", "really good"), ("kept", " .")],
        ),
        ("not good", "good", [("removed", "not"), ("kept", "good")]),
        ("I know.", "I don't know.", [("kept", "I "), ("added", "don't"), ("kept", " know.")]),
        ("3.5 stars", "4.5 stars", [("removed", "3.5"), ("added", "4.5"), ("kept", " stars")]),
        ("我喜欢酒店。", "我不喜欢酒店。", [("kept", "我"), ("added", "不"), ("kept", "喜欢酒店。")]),
        (
            "用 iPhone 很好",
            "用 Nokia 很好",
            [("kept", "用 "), ("removed", "iPhone"), ("added", "Nokia"), ("kept", " 很好")],
        ),
        ("a  b", "a b", [("kept", "a b")]),
        ("", "new", [("added", "new")]),
        ("old", "", [("removed", "old")]),
    ],
)
def test_words_change_and_letters_of_scripts_without_spaces(before, after, expected):
    assert parts(before, after) == expected


def test_shares_of_words():
    assert kept_share("a b c d", "a b x d") == 0.75
    assert kept_share("我喜欢", "他喜欢") == pytest.approx(2 / 3)
    assert kept_share("a", "b") == 0
    assert kept_share("", " ") == 1


def test_a_lossy_model_is_named_with_the_remedy():
    good = Fidelity.between(["a b c d e", "x"], ["a b c d e", "x"])
    assert (good.share, good.is_lossy, good.warning) == (1, False, None)
    one, two = Fidelity.between(["a b"], ["a c"]), Fidelity.between(["a b", "a b"], ["a c", "d e"])
    assert one.warning is not None
    assert two.warning is not None
    assert one.warning.startswith("this model is lossy: 50% of this text's words come back from z")
    assert two.warning.startswith("this model is lossy: 25% of these texts' words come back from z")
    assert "train with --for editing" in one.warning


def test_fidelity_is_of_greedy_reconstructions_of_means():
    from tiny import ENGLISH
    from untrained import untrained

    codec = untrained()
    expected = Fidelity.between(ENGLISH[:4], codec.reconstruct(ENGLISH[:4]))
    assert fidelity(codec, ENGLISH[:4]) == expected
