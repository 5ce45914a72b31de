"""`TextVAE`: what its methods give for what people hand them."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch
from conditioned import conditional
from tiny import CHINESE, ENGLISH, SETTINGS, train_tiny
from untrained import untrained

from textvae import TextVAE
from textvae.codec import codec_files
from textvae.config import DecodingConfig, RunConfig, read_settings
from textvae.config.conditions import Columns
from textvae.decoding.noise import row_normals, row_uniforms
from textvae.errors import (
    AttributeValueError,
    ConditionError,
    ConfigError,
    CorruptRunError,
    DataError,
    LatentError,
    RunExistsError,
    RunNotFoundError,
)
from textvae.storage.atomic import write_folder

SHORT = SETTINGS | {"training": SETTINGS["training"] | {"epochs": 1}}
FEW = ENGLISH[:60]
PLAIN, GREEDY = DecodingConfig(), DecodingConfig(temperature=0)


@pytest.fixture(scope="module", autouse=True)
def _no_drawing():
    """Drawing the curves takes longer than such a training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.training.trainer.draw_curves", lambda run: None)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory, _no_drawing):
    return train_tiny(tmp_path_factory.mktemp("vae") / "run", training={"epochs": 2})


@pytest.fixture(scope="module")
def vae(run) -> TextVAE:
    return TextVAE.from_pretrained(run, device="cpu")


def train(data, folder, **options) -> TextVAE:
    settings = options.pop("settings", SHORT)
    return TextVAE.train(
        data, folder, settings=settings, device="cpu", cache_dir=folder.parent / "cache", **options
    )


# Training


def as_path(folder):
    (folder / "facts.txt").write_text("\n".join(FEW), encoding="utf-8")
    return folder / "facts.txt"


@pytest.mark.parametrize(
    "data",
    [
        lambda folder: CHINESE[:60],
        lambda folder: pd.DataFrame({"text": FEW, "label": range(60)}),
        lambda folder: str(as_path(folder)),
        lambda folder: {"train": FEW[:50], "validation": FEW[50:]},
    ],
    ids=["list", "frame", "path", "splits"],
)
def test_it_trains_on_what_people_have(tmp_path, data):
    vae = train(data(tmp_path), tmp_path / "run")
    assert vae.encode(["the sea", "大海"]).shape == (2, 4)
    facts = vae.metadata["data"]
    assert facts["train"]["texts"] + facts["valid"]["texts"] == 60
    assert TextVAE.from_pretrained(tmp_path / "run", device="cpu").sample(2, seed=1) == vae.sample(2, seed=1)


def test_settings_purpose_and_target_rate_reach_the_run(tmp_path):
    train(FEW, tmp_path / "a", target_rate=2, purpose="editing")
    config = RunConfig().updated(read_settings(tmp_path / "a" / "config.yaml"))
    assert (config.objective.target_rate, config.objective.faithful) == (2, None)  # a stated rate is held
    assert "position" in config.model.injection  # the preset's
    assert (config.model.latent_dim, config.training.epochs) == (4, 1)
    given = RunConfig().updated(SHORT, {"training": {"word_dropout": 0.25}})
    train(FEW, tmp_path / "b", config=given, settings={"model": {"latent_dim": 3}})
    config = RunConfig().updated(read_settings(tmp_path / "b" / "config.yaml"))
    assert (config.training.word_dropout, config.model.latent_dim) == (0.25, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_rate": -1}, r"objective\.target_rate is -1\.0; it must be greater than 0"),
        ({"target_rate": 3, "settings": {"objective": {"beta": "linear"}}}, "beta has one owner"),
        ({"purpose": "sampeling"}, r"purpose \(--for\) is 'sampeling'; did you mean sampling"),
        (
            {"settings": {"model": {"latent_dims": 4}}},
            r"unknown setting model\.latent_dims; did you mean latent_dim",
        ),
    ],
)
def test_settings_that_cannot_be(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        train(FEW, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_run_is_resumed_under_its_own_settings(tmp_path):
    run = tmp_path / "run"
    with pytest.raises(RunNotFoundError, match="holds no run to resume"):
        train(FEW, run, resume=True, settings=None)
    train(FEW, run)
    with pytest.raises(RunExistsError, match="holds a run already; use --resume, --overwrite"):
        train(FEW, run)
    resumed = train(FEW, run, resume=True, settings={"training": {"epochs": 2}})
    assert resumed.latent_dim == 4  # not the preset's
    last = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()][-1]
    assert last["epoch"] == 2
    assert train(FEW, run, overwrite=True).metadata["epoch"] == 1


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (lambda vae: vae.sample(2.5), ConfigError, r"n is 2\.5; a whole number is needed"),
        (lambda vae: vae.sample(2, seed="a"), ConfigError, "seed is 'a'; a whole number from 0"),
        (lambda vae: vae.sample(2, seed=-1), ConfigError, "seed is -1; a whole number from 0"),
        (lambda vae: vae.sample(None), ConfigError, "n is None; a whole number is needed"),
        (lambda vae: vae.sample(2, prefix=5), ConfigError, "prefix is 5; a string is needed"),
        (lambda vae: vae.search("length:3", budget=20.5), ConfigError, r"budget is 20\.5; a whole number"),
        (lambda vae: vae.score(["a"], num_samples=1.5), ConfigError, r"num_samples is 1\.5; a whole number"),
        (lambda vae: vae.generate_each("x"), ConditionError, "conditions are 'x'; give them by name"),
        (lambda vae: vae.sample(2, decoding={"top_k": 3}), ConfigError, "give a DecodingConfig, as"),
        (
            lambda vae: vae.sample(2, conditions="good"),
            ConditionError,
            "conditions are 'good'; give them by name",
        ),
        (lambda vae: vae.neighbors(["a"], ["b"], k=1.5), ConfigError, r"k is 1\.5; a whole number"),
        (lambda vae: vae.infill(["a ___"]), DataError, r"\(list\); every text must be a string"),
        (lambda vae: vae.edit("a", set="good"), AttributeValueError, "set is 'good'; give values by name"),
        (lambda vae: TextVAE.from_pretrained(5), RunNotFoundError, "a run is 5; give the path of its folder"),
        (
            lambda vae: TextVAE.train(["a", "b"], "x", settings="y"),
            ConfigError,
            "settings are 'y'; give sections",
        ),
    ],
)
def test_arguments_of_a_wrong_kind_are_named(vae, asked, error, message):
    with pytest.raises(error, match=message):
        asked(vae)


# Latents and texts


def test_latents_are_float32_rows(vae):
    z = vae.encode(ENGLISH[:5])
    assert (z.shape, z.dtype, vae.latent_dim) == ((5, 4), np.float32, 4)
    posterior = vae.posterior(ENGLISH[:5])
    np.testing.assert_array_equal(z, posterior.loc.numpy())
    assert vae.encode([]).shape == (0, 4)
    drawn = vae.encode(ENGLISH[:5], sample=True, seed=3)
    np.testing.assert_array_equal(drawn, vae.encode(ENGLISH[:5], sample=True, seed=3))
    assert not np.array_equal(drawn, z)
    untrained_vae = TextVAE(untrained())
    assert untrained_vae.encode(["a"]).dtype == np.float32  # its model is of float64


def test_latents_may_come_as_any_array(vae):
    z = vae.encode(ENGLISH[:3])
    expected = vae.decode(z, decoding=GREEDY)
    assert expected == vae.reconstruct(ENGLISH[:3])
    for same in (z.tolist(), list(z), torch.from_numpy(z), torch.from_numpy(z).double().requires_grad_()):
        assert vae.decode(same, decoding=GREEDY) == expected
    assert len(vae.decode(torch.zeros(2, 4, dtype=torch.bfloat16))) == 2
    before = z.copy()
    vae.decode(z)
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (np.zeros(4), r"z has shape \(4,\); this model needs \(N, 4\)"),
        (np.zeros((1, 5)), r"z has shape \(1, 5\); this model needs \(N, 4\)"),
        ([[0, 0, 0, float("nan")]], "z holds NaN or Inf"),
        ([["a", "b", "c", "d"]], "z cannot be read as an array of numbers"),
        ([[1, 2], [3]], "z cannot be read as an array of numbers"),
        (None, r"z has shape \(\)|z cannot be read"),
        ([[1e300, 0, 0, 0]], "is not finite|NaN or Inf"),
    ],
)
def test_latents_that_are_none(vae, z, message):
    with pytest.raises(LatentError, match=message):
        vae.decode(z)


METHODS = ("encode", "posterior", "reconstruct", "score")


@pytest.mark.parametrize("method", METHODS)
def test_one_string_is_not_a_list_of_texts(vae, method):
    with pytest.raises(
        DataError, match=r"a list of texts is needed, not one string \('the sea'\); put it in brackets"
    ):
        getattr(vae, method)("the sea")
    with pytest.raises(DataError, match=r"a text is 7 \(int\); every text must be a string"):
        getattr(vae, method)(["a", 7])


def test_two_texts_are_needed_to_interpolate(vae):
    with pytest.raises(DataError, match=r"a text is \['a'\] \(list\); every text must be a string"):
        vae.interpolate(["a"], "b")


# Seeds


def draws(vae):
    z = row_normals(0, range(4), 4).numpy()
    return {
        "sample": lambda **seed: vae.sample(4, decoding=PLAIN, **seed),
        "decode": lambda **seed: vae.decode(z, decoding=PLAIN, **seed),
        "reconstruct": lambda **seed: vae.reconstruct(ENGLISH[:4], decoding=PLAIN, **seed),
        "interpolate": lambda **seed: vae.interpolate(*ENGLISH[:2], decoding=PLAIN, **seed),
        "encode": lambda **seed: vae.encode(ENGLISH[:4], sample=True, **seed).tolist(),
    }


@pytest.mark.parametrize("name", ["sample", "decode", "reconstruct", "interpolate", "encode"])
def test_the_same_seed_draws_the_same_and_no_seed_draws_anew(vae, name):
    draw = draws(vae)[name]
    assert draw(seed=7) == draw(seed=7) != draw(seed=8)
    state = torch.get_rng_state()
    assert draw() != draw()
    assert torch.equal(torch.get_rng_state(), state)  # the user's generator is left alone
    with pytest.raises(ConfigError, match="seed is -1"):
        draw(seed=-1)


def test_latents_and_tokens_of_one_seed_are_unrelated():
    num = 20_000
    latents = torch.special.ndtr(row_normals(5, range(200), 100)).flatten()
    tokens = row_uniforms(5, range(200), 100).flatten()
    correlation = float(torch.corrcoef(torch.stack([latents, tokens]))[0, 1])
    assert abs(correlation) < 4 / num**0.5
    assert not set(latents.tolist()) & set(tokens.tolist())


def test_sampling_is_decoding_latents_of_the_prior(vae):
    z = row_normals(6, range(5), 4).float()
    assert vae.sample(5, decoding=PLAIN, seed=6) == vae.decode(z, decoding=PLAIN, seed=6)
    assert vae.sample(5, seed=6)[:2] == vae.sample(2, seed=6)
    assert vae.sample(0) == []
    assert len(vae.sample()) == 1
    assert all(text.startswith("the cat") for text in vae.sample(3, prefix="the cat"))
    with pytest.raises(ConfigError, match="n is -1; it must be at least 0"):
        vae.sample(-1)


# Paths, neighbours, measures


@pytest.mark.parametrize("method", ["slerp", "lerp"])
def test_a_path_begins_and_ends_with_the_reconstructions(vae, method):
    a, b = ENGLISH[0], ENGLISH[100]
    found = vae.interpolate(a, b, steps=5, method=method)
    assert len(found) == 5
    assert [found[0], found[-1]] == vae.reconstruct([a, b])


def test_neighbours_come_from_the_corpus_and_a_text_is_its_own(vae, tmp_path):
    found = vae.neighbors(ENGLISH[10:12], ENGLISH, k=3)
    assert [row[0].text for row in found] == ENGLISH[10:12]
    assert [row[0].index for row in found] == [10, 11]
    for row in found:
        assert [one.distance for one in row] == sorted(one.distance for one in row)
        assert all(ENGLISH[one.index] == one.text for one in row)
    (tmp_path / "corpus.txt").write_text("\n".join(ENGLISH))
    assert [
        [one.text for one in row] for row in vae.neighbors(ENGLISH[10:12], tmp_path / "corpus.txt", k=3)
    ] == [[one.text for one in row] for row in found]
    assert vae.neighbors([ENGLISH[3]], ENGLISH, k=1, metric="euclidean")[0][0].index == 3
    with pytest.raises(DataError, match="the corpus has 0 texts"):
        vae.neighbors(["a"], [])


def test_scores_are_the_bound_that_evaluate_reports(vae, tmp_path):
    texts = ENGLISH[:20]
    scores = vae.score(texts, num_samples=6)
    assert scores.shape == (20,)
    assert (scores < 0).all()
    np.testing.assert_array_equal(scores, vae.score(texts, num_samples=6, seed=0))
    found = vae.evaluate(texts, num_samples=6, num_prior=10, training=ENGLISH)
    assert -scores.mean() == pytest.approx(found.measures["iw_nll"], rel=1e-12)
    assert "copy_rate" in found.measures
    (tmp_path / "held.txt").write_text("\n".join(texts))
    assert vae.evaluate(tmp_path / "held.txt", num_samples=6, num_prior=10, training=ENGLISH) == found
    scrambled = vae.score([" ".join(reversed(text.split())) for text in texts], num_samples=6)
    assert scrambled.mean() < scores.mean()  # it learned something
    with pytest.raises(DataError, match="no texts to evaluate on"):
        vae.evaluate([])
    assert vae.score([]).shape == (0,)


# Files


def test_a_saved_model_is_the_run_s(vae, tmp_path):
    vae.save(tmp_path / "copy")
    loaded = TextVAE.from_pretrained(str(tmp_path / "copy"), device="cpu")
    assert loaded.metadata == vae.metadata
    assert {"epoch", "step", "held_out", "data"} <= set(loaded.metadata)
    np.testing.assert_array_equal(loaded.encode(ENGLISH), vae.encode(ENGLISH))
    assert loaded.sample(5, seed=2) == vae.sample(5, seed=2)
    np.testing.assert_array_equal(loaded.score(FEW[:5], num_samples=2), vae.score(FEW[:5], num_samples=2))
    TextVAE(untrained()).save(tmp_path / "copy")  # replaced whole
    assert TextVAE.from_pretrained(tmp_path / "copy", device="cpu").latent_dim == 3


def test_saving_spares_what_is_not_a_saved_model(vae, run, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    for folder in (tmp_path / "mine", run):
        with pytest.raises(RunExistsError, match="exists and cannot be replaced"):
            vae.save(folder)
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(RunNotFoundError, match="does not exist"):
        TextVAE.from_pretrained(tmp_path / "nothing")
    write_folder(tmp_path / "model", codec_files(untrained()), metadata={})
    (tmp_path / "model" / "model.safetensors").write_bytes(b"")
    with pytest.raises(CorruptRunError, match=r"model\.safetensors is damaged: it has 0 bytes"):
        TextVAE.from_pretrained(tmp_path / "model")


def test_training_texts_are_read_as_the_model_takes_them(monkeypatch):
    """Those of a completion are endings: whole texts would never be copied."""
    codec, given = conditional(labels=False), {}
    codec.schema = dataclasses.replace(codec.schema, columns=Columns(pairs="completion"))
    monkeypatch.setattr("textvae.vae.measuring.evaluate", lambda _, texts, **options: given.update(options))
    TextVAE(codec).evaluate(ENGLISH[:9], training=ENGLISH)
    assert len(given["training_texts"]) == len(ENGLISH)
    for ending, text in zip(given["training_texts"], ENGLISH, strict=True):
        assert text.endswith(ending)
        assert ending != text
