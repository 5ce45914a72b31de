"""Settings: names, types, ranges, precedence, and the YAML file as a view of them."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.config import (
    DataConfig,
    DecodingConfig,
    ModelConfig,
    ObjectiveConfig,
    RunConfig,
    TrainingConfig,
    parse_assignments,
    read_settings,
)
from textvae.config.fields import check_choice, check_range, nearest
from textvae.config.presets import (
    PRESETS,
    default_batch_tokens,
    default_epochs,
    default_target_rate,
    preset,
    resolved,
)
from textvae.errors import ConfigError

SECTIONS = [DataConfig, ModelConfig, ObjectiveConfig, TrainingConfig, DecodingConfig]


def refused(action, *arguments, **named):
    """Return the message of the `ConfigError` that `action` raises."""
    with pytest.raises(ConfigError) as caught:
        action(*arguments, **named)
    message = str(caught.value)
    assert message
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"modell": {}}, "unknown section 'modell' in the settings; did you mean model?"),
        ({"model": {"latent_dims": 3}}, "unknown setting model.latent_dims; did you mean latent_dim?"),
        (
            {"training": {"lerning_rate": 1}},
            "unknown setting training.lerning_rate; did you mean learning_rate?",
        ),
        ({"model": 5}, "section 'model' is 5; a mapping of settings is needed"),
        ({"model": {"latent_dim": "many"}}, "model.latent_dim is 'many'; it must be a whole number"),
        ({"model": {"latent_dim": 3.5}}, "model.latent_dim is 3.5; it must be a whole number"),
        ({"model": {"latent_dim": True}}, "model.latent_dim is True; it must be a whole number"),
        ({"model": {"latent_dim": None}}, "model.latent_dim is None; it must be a whole number"),
        ({"model": {"encoder": 3}}, "model.encoder is 3; it must be text"),
        ({"model": {"tie_embeddings": 1}}, "model.tie_embeddings is 1; it must be true or false"),
        ({"training": {"threads": "two"}}, "training.threads is 'two'; it must be a whole number or null"),
        ({"training": {"learning_rate": "fast"}}, "training.learning_rate is 'fast'; it must be a number"),
        ({"training": {"learning_rate": []}}, "training.learning_rate is []; it must be a number"),
        ({"training": {"learning_rate": "nan"}}, "training.learning_rate is nan; a finite number is needed"),
        ({"training": {"learning_rate": 0}}, "training.learning_rate is 0.0; it must be greater than 0"),
        ({"data": {"text": 1.5}}, "data.text is 1.5; it must be text or a whole number or null"),
        ({"data": {"tokenizer": "wrod"}}, "data.tokenizer is 'wrod'; did you mean word?"),
        ({"model": {"dropout": 1}}, "model.dropout is 1.0; it must be at most 0.95"),
        ({"model": {"latent_dim": 0}}, "model.latent_dim is 0; it must be at least 1"),
        ({"model": {"vocab_size": 4}}, "model.vocab_size is 4; it must be at least 5"),
        (
            {"model": {"encoder": "transformer", "encoder_dim": 10, "num_heads": 4}},
            "model.encoder_dim is 10; it must be a multiple of num_heads (4)",
        ),
        (
            {"objective": {"free_bits": "sentence"}},
            "objective.free_bits is 'sentence' with free_nats 0.0; set both or neither",
        ),
        (
            {"objective": {"free_bits": "sentence", "free_nats": 8, "target_rate": 8}},
            "objective.target_rate is 8 nats and free_nats 8: below the floor no weight moves the rate; set a target above it, or "
            "objective.beta constant",
        ),
        (
            {"objective": {"pretraining_epochs": 3}, "training": {"epochs": 3}},
            "objective.pretraining_epochs is 3 of 3 epochs in all; leave some to the objective itself, or set more training.epochs",
        ),
        (
            {"model": {"encoder": "none", "injection": "none", "share_embeddings": True}},
            "model.share_embeddings is true and model.encoder 'none': there is no encoder to share with; leave it out",
        ),
        (
            {"model": {"copy": True}, "data": {"labels": "stars"}},
            "model.copy is true and there is no source to copy from; give one with --source",
        ),
        (
            {"decoding": {"num_beams": 4}},
            "decoding.num_beams is 4 with temperature 0.65; beam search is deterministic: set temperature 0",
        ),
        (
            {"decoding": {"min_length": 5, "max_length": 4}},
            "decoding.min_length is 5; it must be at most max_length (4)",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(settings, message):
    assert refused(RunConfig().updated, settings) == message


@pytest.mark.parametrize("key", [1, None, True, 2.5])
def test_names_that_are_no_text_are_refused_too(key):
    assert "unknown section" in refused(RunConfig().updated, {key: {}})
    assert "unknown setting" in refused(RunConfig().updated, {"model": {key: 1}})


@pytest.mark.parametrize("beta", ["constant", "linear", "logistic", "cyclical"])
@pytest.mark.parametrize(("name", "value"), [("target_rate", 10.0), ("faithful", 0.9)])
def test_beta_has_one_owner(beta, name, value):
    message = refused(ObjectiveConfig, beta=beta, **{name: value})
    assert message == (
        f"objective.beta is {beta!r} and objective.{name} is {value}; "
        f"beta has one owner: set {name} to null, or beta to target"
    )
    assert ObjectiveConfig(beta="target", **{name: value}).beta == "target"


def test_a_rate_is_asked_for_or_found():
    message = refused(ObjectiveConfig, target_rate=10.0, faithful=0.9)
    assert message == (
        "objective.faithful is 0.9 and objective.target_rate 10; faithful finds the rate that it takes: set one of them to null"
    )


@pytest.mark.parametrize("section", SECTIONS)
def test_python_and_yaml_are_checked_alike(section):
    """Each field refuses a value of no type it has, also where the class is built directly."""
    for field in dataclasses.fields(section):
        assert f".{field.name} is" in refused(section, **{field.name: object})


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_cannot_be_changed_in_place(section):
    config = section()
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(config, dataclasses.fields(config)[0].name, 1)


def test_numbers_become_plain_python_numbers():
    config = ModelConfig(latent_dim=np.int64(8), dropout=np.float32(0.5))
    assert (type(config.latent_dim), type(config.dropout)) == (int, float)
    assert type(ObjectiveConfig(target_rate=10).target_rate) is float
    assert type(DataConfig(text=2).text) is int


@pytest.mark.parametrize("text", ["2e-3", "2E-3", "0.002", ".002", "2.0e-3", "'2e-3'"])
def test_every_way_to_write_a_number_is_one(text):
    config = RunConfig().with_assignments([f"training.learning_rate={text}", "training.max_time=1e3"])
    assert (config.training.learning_rate, config.training.max_time) == (0.002, 1000.0)


def test_words_fitting_text_fields_stay_text():
    config = RunConfig().with_assignments(["data.text=1e3", "data.encoding='8859'"])
    assert (config.data.text, config.data.encoding) == ("1e3", "8859")


def test_assignments():
    texts = ["model.latent_dim=64", "model.encoder=gru", "objective.target_rate=null", "data.text='a=b'"]
    assert parse_assignments([*texts, "model.latent_dim=65"]) == {
        "model": {"latent_dim": 65, "encoder": "gru"},
        "objective": {"target_rate": None},
        "data": {"text": "a=b"},
    }


@pytest.mark.parametrize(
    "text", ["latent_dim=3", "model.latent_dim", "model.=3", "", "=", "a.b=[", "a.b=2026-13-45", "a.b=!x"]
)
def test_assignments_that_cannot_be_read(text):
    assert refused(parse_assignments, [text]).startswith(f"--set {text!r} cannot be read; ")


def test_later_layers_win_and_leave_the_rest(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("model:\n  latent_dim: 20\n  encoder_dim: 30\ntraining:\n", encoding="utf-8")
    config = preset("editing").updated(
        read_settings(path), parse_assignments(["model.encoder_dim=40", "training.seed=7"])
    )
    assert (config.model.latent_dim, config.model.encoder_dim, config.training.seed) == (20, 40, 7)
    assert config.objective.faithful == PRESETS["editing"]["objective"]["faithful"]  # the preset's
    assert config.model.embed_dim == ModelConfig().embed_dim  # the default


def test_settings_that_belong_together_may_come_from_different_layers():
    config = RunConfig().updated({"decoding": {"num_beams": 4}}, {"decoding": {"temperature": 0}})
    assert (config.decoding.num_beams, config.decoding.temperature) == (4, 0.0)


def test_updated_changes_no_original():
    before = RunConfig()
    assert before.updated({"model": {"latent_dim": 5}}) != before
    assert before == RunConfig()


FLOATS = st.floats(1e-12, 0.9)


@given(
    rate=st.none() | st.floats(1e-3, 1e3),
    learning_rate=FLOATS,
    dropout=FLOATS,
    text=st.none()
    | st.integers(0, 9)
    | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Z"])),
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=15, deadline=None)
def test_yaml_round_trip(rate, learning_rate, dropout, text, seed):
    config = RunConfig().updated(
        {
            "objective": {"target_rate": rate},
            "model": {"dropout": dropout},
            "training": {"learning_rate": learning_rate, "seed": seed},
            "data": {"text": text},
        }
    )
    assert RunConfig().updated(yaml.safe_load(config.to_yaml())) == config


@pytest.mark.parametrize("name", PRESETS)
def test_saved_settings_are_complete_and_read_back(name, tmp_path):
    config = preset(name).updated({"data": {"text": "评论"}, "objective": {"beta_max": 0.9}})
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert RunConfig().updated(read_settings(path)) == config
    assert "评论" in path.read_text(encoding="utf-8")
    assert list(read_settings(path)) == ["data", "model", "objective", "training", "decoding"]


def test_empty_files_and_byte_order_marks(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_bytes(b"# nothing\n")
    assert read_settings(path) == {}
    path.write_bytes(b"\xef\xbb\xbfmodel: {latent_dim: 3}\r\n")
    assert read_settings(path) == {"model": {"latent_dim": 3}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"- a\n- b\n", "holds list; a mapping"),
        (b"false", "holds bool; a mapping"),
        (b"model: [\n", "is not a YAML file of settings"),
        (b"a: 2026-13-45", "is not a YAML file of settings"),
        (b"\xff\xfe\x00\x01", "is not a YAML file of settings"),
        (b"a: !!python/object:os.system {}", "is not a YAML file of settings"),
    ],
)
def test_files_that_are_no_settings(content, words, tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_bytes(content)
    message = refused(read_settings, path)
    assert message.startswith(str(path))
    assert words in message


def test_a_missing_file(tmp_path):
    assert "no settings file at" in refused(read_settings, tmp_path / "none.yaml")


def test_checks():
    check_range("x", None, 1)
    check_range("x", 1, 1, 1)
    check_choice("x", "a", iter("abc"))
    for value in (float("nan"), float("inf"), True, "1"):
        assert refused(check_range, "x", value) == f"x is {value!r}; a finite number is needed"
    assert refused(check_range, "x", 0, above=0) == "x is 0; it must be greater than 0"
    assert refused(check_choice, "x", "gamma", ["alpha", "beta"]) == "x is 'gamma'; known: alpha, beta"
    assert nearest("bet", {"alpha", "beta"}) == "did you mean beta?"


# presets and what the corpus decides

CORPUS = {"vocab_size": 4000, "max_length": 40, "num_tokens": 140_000, "num_texts": 10_000}


def test_presets():
    assert preset("sampling") == RunConfig()
    assert preset("editing").objective.faithful is not None
    assert refused(preset, "editting") == "purpose (--for) is 'editting'; did you mean editing?"


@pytest.mark.parametrize("name", PRESETS)
def test_resolved_leaves_nothing_open(name):
    config = resolved(preset(name), **CORPUS)
    assert (config.model.vocab_size, config.model.max_length, config.data.max_length) == (4000, 40, 40)
    sampling = default_target_rate(15.0)  # 14 tokens and </s>
    assert config.objective.target_rate == {"sampling": sampling, "editing": None, "steering": 15.0}[name]
    assert config.training.epochs == default_epochs(150_000)
    assert resolved(config, **CORPUS) == config


def test_resolved_keeps_what_was_asked_for():
    asked = RunConfig().updated({"objective": {"target_rate": 3}, "training": {"epochs": 2}})
    config = resolved(asked, **CORPUS)
    assert (config.objective.target_rate, config.training.epochs) == (3.0, 2)


def test_resolved_gives_a_schedule_no_target():
    config = resolved(RunConfig().updated({"objective": {"beta": "linear"}}), **CORPUS)
    assert config.objective.target_rate is None


def test_time_not_epochs_ends_a_run_with_a_time_limit():
    config = resolved(RunConfig().updated({"training": {"max_time": 60}}), **CORPUS)
    assert config.training.epochs > 100 * default_epochs(150_000)


def test_corpus_defaults_rise_with_length_and_fall_with_size():
    lengths = [1, 5, 12, 20, 40, 100, 1000]
    rates = [default_target_rate(length) for length in lengths]
    assert rates == sorted(rates)
    assert rates[0] > 0
    epochs = [default_epochs(size) for size in (0, 1000, 10**6, 10**9)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[-1] >= 1


def test_a_small_corpus_gets_small_batches_so_that_it_gets_updates():
    sizes = [default_batch_tokens(tokens, default_epochs(tokens)) for tokens in (100, 20_000, 50_000, 10**7)]
    assert sizes == [200, 266, 666, 1000]
    assert default_batch_tokens(20_000, 10) == 200
    assert resolved(RunConfig(), **CORPUS).training.batch_tokens == 1000
    asked = RunConfig().updated({"training": {"batch_tokens": 70}})
    assert resolved(asked, **CORPUS).training.batch_tokens == 70


def test_settings_need_no_torch():
    code = "import sys, textvae.config, textvae.config.presets; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_target_found_in_the_corpus_is_checked_like_one_that_was_set():
    """Short texts: the target of their length lies below the floor."""
    settings = RunConfig().updated({"objective": {"free_bits": "sentence", "free_nats": 8}})
    with pytest.raises(ConfigError, match="target_rate is 5 nats and free_nats 8"):
        resolved(settings, **CORPUS | {"num_tokens": 300, "num_texts": 100})
