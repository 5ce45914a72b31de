"""Frozen parts: the same bits after training, whoever might have touched them."""

import json
import shutil

import pytest
import torch
from tiny import ENGLISH, tiny_config
from untrained import untrained

from textvae.config import RunConfig
from textvae.config.training import PARTS
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.storage.tensors import load_tensors
from textvae.training.checkpoints import checkpoints
from textvae.training.freezing import Freezing, part_of
from textvae.training.origin import open_origin
from textvae.training.progress import Silent
from textvae.training.run import resumed_config, train_run

FLAT = {"epochs": 2, "samples": 0, "ema": 0.9, "weight_decay": 0.5, "keep_checkpoints": 100}


@pytest.fixture(autouse=True)
def _no_pictures(monkeypatch):
    monkeypatch.setattr("textvae.training.trainer.draw_curves", lambda run: None)


def train(folder, freeze, *, model=(), **training):
    config = tiny_config(model=dict(model), training={**FLAT, "freeze": freeze, **training})
    return train_run(ENGLISH, folder, config, device="cpu", cache_dir=folder.parent / "cache")


def changed(run, first=0, file="model.safetensors") -> set[str]:
    """Return the parts of which any tensor, token counts aside, has other bits than in the first checkpoint."""
    before, after = (load_tensors(checkpoints(run)[index] / file) for index in (first, -1))
    names = [name for name in after if not name.endswith("log_frequencies")]
    return {part_of(name) for name in names if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize(
    ("freeze", "model"),
    [
        (["encoder", "embeddings"], {"tie_embeddings": False}),
        (["posterior"], {"posterior": "batch_norm"}),
        (["decoder", "output"], {"tie_embeddings": False}),
        (["prior"], {"prior": "mixture", "prior_components": 3}),
    ],
)
def test_frozen_parts_keep_their_bits_and_the_others_do_not(tmp_path, freeze, model):
    run = train(tmp_path / "run", freeze, model=model)
    trained = set(PARTS) - set(freeze) - {"condition"} - ({"prior"} if "prior" not in model else set())
    assert changed(run) == trained
    first, last = (load_tensors(checkpoints(run)[index] / "average.safetensors") for index in (0, -1))
    assert {part_of(name) for name in last if not torch.equal(first[name], last[name])} == trained
    weights = list(VAEModel(resumed_config(run).model).parameters())
    moments = load_tensors(checkpoints(run)[-1] / "optimizer.safetensors")
    assert len({name.partition(".")[0] for name in moments}) < len(weights)


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.messages = []

    def on_message(self, text):
        self.messages.append(text)


def test_frozen_random_weights_are_told(tmp_path):
    heard = Heard()
    config = tiny_config(training={**FLAT, "freeze": ["encoder"]})
    run = train_run(ENGLISH, tmp_path / "run", config, device="cpu", observer=heard)
    assert any("frozen with random weights" in text and "encoder" in text for text in heard.messages)
    heard.messages.clear()
    train_run(ENGLISH, tmp_path / "next", config, device="cpu", observer=heard, origin=open_origin(run))
    assert not any("frozen with random weights" in text for text in heard.messages)


def test_a_tied_tensor_is_frozen_with_either_part():
    model = untrained().model
    config = tiny_config(training={"freeze": "output"}).training
    freezing = Freezing(model, config)
    assert freezing.apply(0.0)
    assert "decoder.embedding.weight" in freezing.names
    assert not model.decoder.embedding.weight.requires_grad
    assert model.embedding.weight.requires_grad
    shared = untrained(share_embeddings=True).model
    all_but = tiny_config(training={"freeze": "encoder,posterior,decoder,output"}).training
    with pytest.raises(ConfigError, match="freezes every weight, for parts share some"):
        Freezing(shared, all_but)


def test_every_weight_is_in_a_part_that_can_be_named():
    for model in (
        untrained(prior="vamp").model,
        untrained(encoder="transformer", decoder="transformer").model,
    ):
        assert {part_of(name) for name, _ in model.named_parameters()} <= set(PARTS)


@pytest.mark.slow
def test_unfreezing_begins_at_its_share_and_resumes_to_the_same_bits(tmp_path):
    settings = {"unfreeze_after": 0.5, "checkpoint_every": 1}
    run = train(tmp_path / "run", ["encoder"], **settings)
    folders = checkpoints(run)
    parts = [load_tensors(folder / "model.safetensors")["encoder.ahead.0.weight_ih_l0"] for folder in folders]
    epochs = [json.loads((folder / "state.json").read_bytes())["epoch"] for folder in folders]
    half = epochs.index(1)
    assert all(torch.equal(part, parts[0]) for part in parts[: half + 1])
    assert not torch.equal(parts[half + 1], parts[0])
    for stop in (half - 1, half + 1):
        copied = shutil.copytree(run, tmp_path / f"copy{stop}")
        for folder in checkpoints(copied)[stop + 1 :]:
            shutil.rmtree(folder)
        train_run(
            ENGLISH, copied, resumed_config(copied), resume=True, device="cpu", cache_dir=tmp_path / "cache"
        )
        for file in ("model.safetensors", "optimizer.safetensors", "average.safetensors"):
            ours, theirs = checkpoints(copied)[-1] / file, checkpoints(run)[-1] / file
            assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"freeze": ["encodr"]}}, "training.freeze is 'encodr'; did you mean encoder?"),
        ({"training": {"freeze": 3}}, "training.freeze is 3; it must be a list of words"),
        ({"training": {"freeze": ["prior"]}}, "training.freeze names prior, and this model has no weights there; its parts"),
        (
            {"model": {"encoder": "none", "injection": "none"}, "training": {"freeze": "encoder"}},
            "names encoder, and this model has no weights there; its parts: decoder, embeddings, output",
        ),
        (
            {"training": {"freeze": "encoder,posterior,decoder,embeddings,output"}},
            "training.freeze names every part of the model; leave one",
        ),
        ({"training": {"freeze": ["condition"]}}, "names condition, and this model has no weights there"),
        ({"training": {"unfreeze_after": 0.3}}, "training.unfreeze_after is 0.3 and training.freeze is empty"),
        ({"training": {"freeze": "encoder", "aggressive": True}}, "both say which parts are trained"),
        (
            {"training": {"freeze": "encoder"}, "objective": {"pretraining_epochs": 2}},
            "objective.pretraining_epochs is 2 with training.freeze encoder",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_frozen_is_said(sections, message):
    with pytest.raises(ConfigError) as caught:
        RunConfig().updated(sections)
    assert message in str(caught.value)


def test_lists_of_parts_survive_the_settings_file(tmp_path):
    config = RunConfig().updated({"training": {"freeze": "encoder, output"}})
    assert config.training.freeze == ("encoder", "output")
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    assert resumed_config(tmp_path) == config
    assert RunConfig().with_assignments(["training.freeze=[encoder, output]"]) == config
