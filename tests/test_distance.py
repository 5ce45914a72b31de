"""Edit distances, the nearest of many texts, paths, and sentences."""

import random

import pytest

from textvae.data.units import units
from textvae.evaluation.coherence import places, sentences
from textvae.evaluation.distance import Nearest, edit_distance
from textvae.evaluation.smoothness import STEPS, drawn_pairs, steps_of


def plain_distance(a, b):
    """Levenshtein's recursion, row by row."""
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1] / max(len(a), len(b), 1)


def random_texts(num, seed, alphabet="abcdef", longest=12):
    rng = random.Random(seed)
    return [" ".join(rng.choices(alphabet, k=rng.randint(0, longest))) for _ in range(num)]


def test_edit_distance_is_levenshteins():
    for a, b in zip(random_texts(80, 1), random_texts(80, 2), strict=True):
        assert edit_distance(a.split(), b.split()) == plain_distance(a.split(), b.split())
    assert edit_distance([], []) == 0
    assert edit_distance([], ["a"]) == 1
    assert edit_distance(units("今天很好"), units("今天不好")) == 0.25


def test_the_nearest_text_is_found_exactly():
    known = random_texts(700, 3)
    nearest = Nearest(known)
    for text in random_texts(30, 4, alphabet="abcdefxyz"):
        assert nearest.distance(text) == min(plain_distance(text.split(), one.split()) for one in known)
    far = Nearest([text.replace("a", "q") for text in known])
    assert far.distance("zz yy") == min(plain_distance(["zz", "yy"], one.split()) for one in known)


def test_copies_are_at_distance_0_and_strangers_at_1():
    nearest = Nearest(["the cat sat .", "a dog ran ."])
    assert nearest.distance("the cat  sat .") == 0
    assert nearest.distance("the cat ran .") == 0.25
    assert nearest.distance("nothing of it") == 1
    assert Nearest([]).distance("a") == 1
    assert Nearest(["", "a"]).distance("") == 0


def test_smoothness_is_0_between_identical_ends_and_even_on_an_even_path():
    assert steps_of(["a b"] * 4) == (0, 0, 0)
    mean, largest, ends = steps_of(["a a a a", "b a a a", "b b a a", "b b b a", "b b b b"])
    assert (mean / ends, largest / ends) == (0.25, 0.25)
    mean, largest, ends = steps_of(["a", "a", "a", "b", "b"])
    assert (mean / ends, largest / ends) == (0.25, 1)  # the whole way in one step
    assert steps_of(["好天", "好人"])[2] == 0.5


def test_pairs_are_of_different_texts_each_in_one_pair():
    pairs = drawn_pairs(21, 50, seed=1)
    assert pairs.shape == (10, 2)
    assert len(set(pairs.ravel().tolist())) == 20
    assert drawn_pairs(21, 4, seed=1).tolist() == pairs[:4, :].tolist()
    assert STEPS >= 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("3.5 of e.g.this", ["3.5 of e.g.this"]),
        ("He said “No.”  And left…\nSo.", ["He said “No.”  ", "And left…\n", "So."]),
        ("今天好。“是吗？”他问。完", ["今天好。", "“是吗？”", "他问。", "完"]),
        ("", []),
        ("no end", ["no end"]),
    ],
)
def test_sentences_in_english_and_chinese(text, expected):
    assert sentences(text) == expected
    assert "".join(expected) == text


def test_places_lie_between_sentences_of_one_text():
    texts = ["A b. C d. E f.", "alone.", "今天好。明天呢？"]
    found = places(texts, seed=3)
    assert len(found.before) == 2
    for before, after in zip(found.before, found.after, strict=True):
        assert any(text.startswith(before + after) for text in texts)
        assert after.strip()
    assert places(texts, seed=3) == found
