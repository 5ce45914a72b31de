"""Attributes of latents."""

from collections import Counter

import numpy as np
import pytest
import torch

from textvae.control.attributes.attribute import ARRAYS, Attribute
from textvae.control.attributes.fitting import fit_attribute
from textvae.control.attributes.kept import Attributes
from textvae.errors import (
    AttributeNotFittedError,
    AttributeValueError,
    ConfigError,
    CorruptRunError,
    DataError,
    RunNotFoundError,
)
from textvae.storage.arrays import packed

DIM = 6


def latents(num=400, seed=0):
    return np.random.default_rng(seed).normal(size=(num, DIM))


def labelled(num=400, sharpness=3.0, seed=0):
    """Latents whose first dimension says with some doubt whether a text is good or bad."""
    z = latents(num, seed)
    chance = 1 / (1 + np.exp(-sharpness * z[:, 0]))
    drawn = np.random.default_rng(seed + 1).random(num) < chance
    return z, ["good" if one else "bad" for one in drawn]


def fitted(**others):
    z, labels = labelled()
    return fit_attribute(z, labels, name="mood", model="m", **others)


def test_the_weights_are_those_that_made_the_labels():
    mood = fit_attribute(*labelled(20_000), name="mood", model="m")
    direction = mood.weight[mood.place("good")] - mood.weight[mood.place("bad")]
    assert direction[0] == pytest.approx(3.0, rel=0.1)
    assert np.abs(direction[1:]).max() < 0.15


def test_probabilities_are_calibrated_and_sum_to_one():
    mood = fit_attribute(*labelled(20_000), name="mood", model="m")
    z, labels = labelled(20_000, seed=7)
    probs = mood.log_probs(torch.from_numpy(z)).exp()
    torch.testing.assert_close(probs.sum(1), torch.ones(len(z), dtype=probs.dtype))
    good = probs[:, mood.place("good")].numpy()
    sure = (good > 0.7) & (good < 0.9)
    share = np.mean([labels[row] == "good" for row in np.flatnonzero(sure)])
    assert share == pytest.approx(good[sure].mean(), abs=0.03)
    assert mood.calibration_error < 0.03


def test_the_score_is_of_texts_that_the_weights_did_not_see():
    rng = np.random.default_rng(0)
    noise = fit_attribute(rng.normal(size=(60, 200)), ["a", "b"] * 30, name="nothing", model="m")
    assert abs(noise.score - 0.5) < 0.25
    assert "hardly tells nothing" in noise.warnings()[0]
    assert fitted().warnings() == ()


def test_more_than_two_categories():
    z = latents(900)
    labels = ["abc"[place] for place in z[:, :3].argmax(1)]
    letter = fit_attribute(z, labels, name="letter", model="m")
    assert letter.score > 0.9
    others = latents(200, seed=5)
    expected = ["abc"[place] for place in others[:, :3].argmax(1)]
    assert (
        np.mean([a == b for a, b in zip(letter.read(torch.from_numpy(others)), expected, strict=True)]) > 0.9
    )


def test_a_number_is_read_with_its_deviation():
    z = latents(2000)
    numbers = 2 * z[:, 1] + 10 + 0.5 * np.random.default_rng(1).normal(size=len(z))
    length = fit_attribute(z, [f"{number:.3f}" for number in numbers], name="length", model="m")
    assert length.kind == "numeric"
    assert length.deviation == pytest.approx(0.5, rel=0.05)
    assert length.score == pytest.approx(4 / 4.25, abs=0.01)
    point = torch.zeros(1, DIM, dtype=torch.float64)
    assert length.read(point)[0] == pytest.approx(10, abs=0.05)
    grid = torch.linspace(5, 15, 2001, dtype=torch.float64)
    density = torch.tensor([length.log_prob(point, float(value)).exp().item() for value in grid])
    assert torch.trapezoid(density, grid).item() == pytest.approx(1, abs=1e-4)


def test_texts_without_a_label_are_left_out():
    z, labels = labelled()
    some = [label if row % 2 else None for row, label in enumerate(labels)]
    mood = fit_attribute(z, some, name="mood", model="m")
    alone = fit_attribute(z[1::2], labels[1::2], name="mood", model="m")
    assert mood.num_texts == 200
    np.testing.assert_array_equal(mood.weight, alone.weight)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 400, "all labels of mood are 'a'"),
        (["a"] * 399 + ["b"], "in a single text"),
        ([str(row) + "x" for row in range(400)], "400 values"),
        (["a"] * 4 + ["b"] * 4 + [None] * 392, "8 texts have a label"),
    ],
)
def test_labels_that_teach_nothing(labels, message):
    with pytest.raises(DataError, match=message):
        fit_attribute(latents(), labels, name="mood", model="m")


def test_words_are_no_numbers():
    z, labels = labelled()
    with pytest.raises(DataError, match="no number"):
        fit_attribute(z, labels, name="mood", model="m", kind="numeric")


@pytest.mark.parametrize("word", ["nan", "inf"])
def test_what_is_not_finite_is_no_number(word):
    labels = [*map(str, range(399)), word]
    with pytest.raises(DataError, match=f"is '{word}', no number"):
        fit_attribute(latents(), labels, name="mood", model="m")


def test_a_name_that_is_a_path():
    z, labels = labelled()
    with pytest.raises(ConfigError, match="an attribute cannot be named"):
        fit_attribute(z, labels, name="../mood", model="m")


def test_unknown_values_are_named_with_the_known_ones():
    with pytest.raises(AttributeValueError, match=r"it can be (good, bad|bad, good)"):
        fitted().check("splendid")


def test_kept_and_read_back(tmp_path):
    mood = fitted()
    kept = Attributes.of(tmp_path)
    kept.keep(mood)
    again = kept["mood"]
    assert isinstance(again, Attribute)
    assert again.record() == mood.record()
    np.testing.assert_array_equal(again.weight, mood.weight)
    with pytest.raises(AttributeNotFittedError, match="already"):
        kept.keep(mood)
    kept.delete("mood")
    with pytest.raises(AttributeNotFittedError, match="textvae attribute fit"):
        kept["mood"]


def test_one_kept_before_counts_were_is_read(tmp_path):
    kept, mood = Attributes(tmp_path), fitted()
    assert dict(zip(mood.values, mood.counts, strict=True)) == Counter(labelled()[1])
    kept.keep(mood)
    assert kept["mood"].counts == mood.counts
    before = {name: value for name, value in mood.record().items() if name != "counts"}
    [path] = tmp_path.iterdir()
    path.write_bytes(packed({name: getattr(mood, name) for name in ARRAYS}, before))
    assert kept["mood"].counts == ()


def test_latents_that_are_all_the_same_say_nothing():
    for labels in (["a", "b"] * 20, range(40)):
        with pytest.raises(
            DataError, match="z is the same for all 40 texts with a label of mood; give different texts"
        ):
            fit_attribute(np.ones((40, DIM)), labels, name="mood", model="m")


def test_a_damaged_file_is_not_read(tmp_path):
    kept = Attributes.of(tmp_path)
    kept.keep(fitted())
    path = tmp_path / "attributes" / "mood.safetensors"
    path.write_bytes(path.read_bytes()[:-8] + b"01234567")
    with pytest.raises(CorruptRunError):
        kept["mood"]


def test_a_saved_model_has_no_place_for_them(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(RunNotFoundError):
        Attributes.of(tmp_path)


@pytest.mark.parametrize("num_values", [2, 3, 7])
def test_of_several_values_it_comes_back_as_it_was(num_values, tmp_path):
    z = latents()
    labels = [f"kind {int(number)}" for number in np.digitize(z[:, 0], np.linspace(-1, 1, num_values - 1))]
    mood = fit_attribute(z, labels, name="mood", model="m")
    kept = Attributes.of(tmp_path)
    kept.keep(mood)
    for one in ("weight", "bias", "means", "covariance"):
        np.testing.assert_array_equal(getattr(kept["mood"], one), getattr(mood, one))
    assert kept["mood"].values == mood.values
