"""The language model a VAE is compared with."""

import math

import pytest
import torch
from tiny import ENGLISH, tiny_config, train_tiny

from textvae.codec.files import load_codec
from textvae.config.presets import language_model
from textvae.errors import ConfigError, RunError
from textvae.evaluation.likelihood import likelihoods
from textvae.training.language_model import train_language_model
from textvae.training.preparation import prepare
from textvae.training.run import resumed_config


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("language-model")
    run = train_tiny(root / "vae")
    codec = load_codec(run / "model")
    return root, run, codec


def train(trained, texts=ENGLISH):
    root, run, codec = trained
    return train_language_model(
        texts, root / "lm", resumed_config(run), codec.tokenizer, device="cpu", cache_dir=root / "cache"
    )


def test_it_has_the_decoder_and_the_tokenizer_of_the_vae_and_no_latent(trained):
    model, vae = train(trained), trained[2]
    assert model.tokenizer.fingerprint == vae.tokenizer.fingerprint
    assert model.model.decoder.cell.hidden_size == vae.model.decoder.cell.hidden_size
    assert model.model.decoder.cell.input_size == vae.model.decoder.cell.input_size - vae.latent_dim
    terms = likelihoods(model, model.store(ENGLISH[:5]), num_samples=3)
    assert torch.allclose(terms.iw_nll, terms.distortion)
    assert float(terms.rate.abs().max()) == 0


@pytest.mark.slow
def test_it_is_trained_once(trained):
    first = train(trained)
    record = (trained[0] / "lm" / "metrics.jsonl").read_bytes()
    again = train(trained)
    assert (trained[0] / "lm" / "metrics.jsonl").read_bytes() == record
    assert torch.equal(first.model.decoder.embedding.weight, again.model.decoder.embedding.weight)


def test_another_corpus_is_refused(trained):
    train(trained)
    with pytest.raises(RunError, match="another corpus"):
        train(trained, ENGLISH[:100])


def test_it_learns(trained):
    model = train(trained)
    terms = likelihoods(model, model.store(ENGLISH), num_samples=1)
    assert float(terms.distortion.mean()) < 10 * math.log(model.tokenizer.vocab_size) / 2


def test_settings_of_a_language_model():
    cures = {"word_dropout": 0.3, "noise_drop": 0.1, "noise_shuffle": 3.0, "aggressive": True}
    config = language_model(tiny_config(training=cures))
    assert not config.model.has_latent
    assert config.training == tiny_config(training=dict.fromkeys(cures, 0) | {"aggressive": False}).training
    assert config.objective.beta == "constant"
    assert config.objective.target_rate is None
    assert language_model(config) == config


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [("objective", "mmd", 1.0), ("training", "aggressive", True)],
)
def test_settings_of_z_are_refused_without_z(section, name, value):
    config = language_model(tiny_config())
    with pytest.raises(ConfigError, match=rf"there is no z for {section}\.{name}"):
        config.updated({section: {name: value}})


def test_the_default_target_is_no_setting_of_a_model_without_z(tmp_path):
    config = tiny_config(model={"encoder": "none", "injection": "none"}, objective={"target_rate": None})
    assert prepare(ENGLISH, config, cache_dir=tmp_path).config.objective.beta == "constant"
