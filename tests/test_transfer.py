"""A run that begins from another's weights: what it takes, what it may change, and that nothing is lost on the way."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import CHINESE, ENGLISH, tiny_config
from typer.testing import CliRunner

from textvae import TextVAE
from textvae.cli.main import app
from textvae.codec import load_codec
from textvae.codec.location import model_folder
from textvae.config.presets import TRANSFER
from textvae.config.transfer import inherited
from textvae.data.store import TokenStore
from textvae.data.tokenizer_extension import misspelt
from textvae.diagnostics.remedies import Remedies
from textvae.errors import ConfigError, CorruptRunError, RunError, RunNotFoundError
from textvae.evaluation.diagnosis import History
from textvae.models.modeling import shift
from textvae.models.output import TRUSTED
from textvae.storage.manifest import read_manifest
from textvae.training.checkpoints import FIRST, checkpoints
from textvae.training.examination import Examination
from textvae.training.folder import check_folder
from textvae.training.initial import initial_model
from textvae.training.origin import open_origin
from textvae.training.preparation import prepare, target_counts
from textvae.training.progress import Silent
from textvae.training.records import read_metrics
from textvae.training.run import resumed_config, train_run
from textvae.training.trainer import Trainer

REVIEWS = [
    f"{subject} {verb} {what}."
    for subject in ("the film", "the old man", "a dog", "my sister")
    for verb in ("bores", "likes", "moves")
    for what in ("us", "the sea", "its audience", "every critic ☃")
]
POEMS = [text.replace("大海", "月亮").replace("小猫", "诗人") for text in CHINESE]


class Heard(Silent):
    def __init__(self):
        self.said = []

    def on_message(self, text):
        self.said.append(text)


@pytest.fixture(scope="module", autouse=True)
def _no_pictures():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("textvae.training.trainer.draw_curves", lambda run: None)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("transfer")


def train(folder: Path, texts=ENGLISH, init_from: Path | None = None, *, resume: bool = False, **sections):
    """Train a tiny run, from another or from nothing; return what it said."""
    heard, origin = Heard(), open_origin(init_from) if init_from else None
    if resume:
        config = resumed_config(folder)
    else:
        config = tiny_config(**sections) if origin is None else begun(origin, sections)
    train_run(
        texts, folder, config, resume=resume, overwrite=not resume, device="cpu", observer=heard,
        cache_dir=folder.parent / "cache", origin=origin,
    )  # fmt: skip
    return heard.said


def begun(origin, sections):
    layer = inherited(origin.codec.model.config, origin.codec.tokenizer.normalize)
    settings = tiny_config()
    plain = {
        "objective": {"target_rate": 3.0},
        "training": {"epochs": 1, "batch_tokens": 200, "samples": 0, "threads": 1},
    }
    return dataclasses.replace(settings).updated(layer, plain, sections)


@pytest.fixture(scope="module")
def source(home):
    train(home / "source", training={"epochs": 2, "samples": 0})
    return home / "source"


@pytest.fixture(scope="module")
def chinese(home):
    train(home / "chinese", CHINESE, training={"epochs": 2, "samples": 0})
    return home / "chinese"


@pytest.fixture(scope="module")
def reviews(home, source):
    """A run that began from `source`, and what it said."""
    return home / "reviews", train(home / "reviews", REVIEWS, init_from=source)


def held(folder: Path) -> list[dict]:
    return [record for record in read_metrics(folder) if record["kind"] == "held_out"]


def test_before_any_update_it_has_the_numbers_of_the_other_run(source, tmp_path):
    train(tmp_path / "run", init_from=source)
    first, before = held(tmp_path / "run")[0], min(held(source), key=lambda record: record["neg_elbo"])
    assert (first["step"], first["epoch"], first["best"]) == (0, 0, True)
    for name in ("distortion", "rate", "z_shuffle_gain", "active_units", "num_targets"):
        assert first[name] == before[name]


def test_where_training_only_harms_the_initial_weights_stay_the_best(source, tmp_path):
    train(tmp_path / "run", init_from=source, training={"learning_rate": 5.0, "warmup": 0.0})
    ours, theirs = load_codec(model_folder(tmp_path / "run")), load_codec(model_folder(source))
    assert read_manifest(model_folder(tmp_path / "run")).metadata["epoch"] == 0
    for name, tensor in theirs.model.state_dict().items():
        assert torch.equal(ours.model.state_dict()[name], tensor), name


def test_frequencies_describe_the_new_corpus_and_the_bias_stays_or_is_shifted(source, tmp_path):
    prepared, model = initial(tmp_path / "run", REVIEWS, source, training={"shift_bias": False})
    ours, theirs = model.decoder.output, load_codec(model_folder(source)).model.decoder.output
    counts = target_counts(prepared.train, prepared.tokenizer.vocab_size) + 0.01
    torch.testing.assert_close(ours.log_frequencies, (counts / counts.sum()).log().float())
    assert not torch.equal(ours.log_frequencies, theirs.log_frequencies)
    assert torch.equal(ours.linear.bias, theirs.linear.bias)
    frozen = initial(tmp_path / "run", REVIEWS, source, training={"freeze": "output"})[1].decoder.output
    assert torch.equal(frozen.linear.bias, theirs.linear.bias)
    shifted = initial(tmp_path / "run", REVIEWS, source)[1].decoder.output
    n, k = float((counts - 0.01).sum()), TRUSTED
    q = theirs.log_frequencies.double().exp()
    mean = (n * ours.log_frequencies.double().exp() + k * q) / (n + k)  # of frequencies, under the prior
    expected = theirs.linear.bias + (mean / q).log()
    torch.testing.assert_close(shifted.linear.bias.double(), expected, rtol=1e-4, atol=1e-5)


def test_the_tokenizer_is_kept_and_what_it_misspells_is_told(source, reviews):
    run, said = reviews
    ours, theirs = (load_codec(folder / "model").tokenizer for folder in (run, source))
    assert ours.files() == theirs.files()
    assert any("are spelt in bytes; --extend-vocabulary" in text for text in said)
    store = TokenStore.from_texts(["a ☃", "the cat", "☃☃"], ours)
    bad = misspelt(store, ours)
    assert (bad.texts, bad.num_texts, bad.tokens) == (2, 3, 9)
    assert open_origin(source).advice(store.rows(np.array([1])), ours) == ()


@pytest.mark.parametrize(("kind", "texts", "more"), [("word", REVIEWS, "critic"), ("char", POEMS, "月")])
def test_an_extended_vocabulary_changes_old_texts_by_the_normaliser_only(home, tmp_path, kind, texts, more):
    old = ENGLISH if kind == "word" else CHINESE
    train(home / kind, old, data={"tokenizer": kind}, training={"epochs": 1, "samples": 0})
    sections = {"data": {"extend_vocabulary": True}, "training": {"shift_bias": False}}
    prepared, ours = initial(tmp_path / "run", texts, home / kind, **sections)
    theirs = load_codec(home / kind / "model")
    size, num_old = prepared.tokenizer.vocab_size, theirs.tokenizer.vocab_size
    pieces = [prepared.tokenizer.piece(index) for index in range(num_old, size)]
    assert more in pieces
    rows = theirs.tokenizer.encode(old[:5])
    assert [row.tolist() for row in prepared.tokenizer.encode(old[:5])] == [row.tolist() for row in rows]
    store = TokenStore.from_rows(rows)
    for _, tokens, lengths in theirs.batches(store):
        z = theirs.model.posterior(tokens, lengths).loc
        assert torch.equal(ours.posterior(tokens, lengths).loc, z)
        logits = [model.decoder.output(model.decoder(shift(tokens), z)) for model in (theirs.model, ours)]
        torch.testing.assert_close(logits[1][..., :num_old], logits[0], rtol=1e-5, atol=1e-5)
        assert logits[1].shape[-1] == size


def initial(folder, texts, init_from, **sections):
    """Return the prepared data and the model of a run before its first update."""
    origin = open_origin(init_from)
    config = begun(origin, sections)
    prepared = prepare(texts, config, origin=origin, cache_dir=folder.parent / "cache")
    return prepared, initial_model(prepared, origin).eval().requires_grad_(False)


def test_new_rows_begin_as_the_mean_of_what_spelt_them(chinese, tmp_path):
    prepared, model = initial(tmp_path / "run", POEMS, chinese, data={"extend_vocabulary": True})
    theirs = load_codec(chinese / "model").model
    first, tokenizer = theirs.config.vocab_size, prepared.tokenizer
    assert tokenizer.vocab_size > first
    for index in range(first, tokenizer.vocab_size):
        ids = [4 + byte for byte in tokenizer.piece(index).encode()]
        for name in ("embedding.weight", "decoder.embedding.weight"):
            expected = theirs.state_dict()[name][ids].mean(dim=0)
            torch.testing.assert_close(model.state_dict()[name][index], expected)
        assert model.decoder.output.linear.bias[index] == model.log_frequencies[index]


@pytest.mark.slow
def test_a_chinese_run_goes_on_with_other_texts(chinese, tmp_path):
    said = train(
        tmp_path / "run", POEMS, init_from=chinese, data={"extend_vocabulary": True},
        training={"epochs": 12, "learning_rate": 0.02, "batch_tokens": 100, "word_dropout": 0.0},
        model={"dropout": 0.0, "embed_dropout": 0.0},
    )  # fmt: skip
    assert any("tokens more" in text for text in said)
    first, *_, last = held(tmp_path / "run")
    assert last["neg_elbo"] < first["neg_elbo"] - 0.5
    vae = TextVAE.from_pretrained(tmp_path / "run")
    assert vae.codec.tokenizer.decode(vae.codec.tokenizer.encode(["诗人看见月亮☃"])) == ["诗人看见月亮☃"]
    assert {"月亮", "大海"} <= set(vae.codec.known.entries)  # of both corpora


def test_another_prior_starts_anew_and_is_named(source, tmp_path):
    said = train(tmp_path / "run", init_from=source, model={"prior": "mixture", "prior_components": 3})
    assert "not in source, and so begun anew: prior" in said
    assert (
        held(tmp_path / "run")[0]["distortion"]
        == min(held(source), key=lambda r: r["neg_elbo"])["distortion"]
    )
    again = train(tmp_path / "again", init_from=tmp_path / "run")  # its prior is inherited
    assert not any("anew" in text for text in again)
    assert resumed_config(tmp_path / "again").model.prior_components == 3


def test_z_can_be_given_to_a_language_model_where_the_shapes_fit(home, tmp_path):
    without = {"encoder": "none", "injection": "none"}
    train(home / "lm", model=without, objective={"target_rate": None}, training={"samples": 0, "epochs": 1})
    given = {"encoder": "lstm", "injection": "initial+skip", "encoder_dim": 6, "latent_dim": 3}
    said = train(tmp_path / "run", init_from=home / "lm", model=given)
    told = "not in lm, and so begun anew: decoder.skip, decoder.initial, encoder, the encoder's embeddings, posterior"
    assert told in said
    with pytest.raises(ConfigError, match="only ways in for z that are parts of their own can be added"):
        train(tmp_path / "no", init_from=home / "lm", model=given | {"injection": "initial+input"})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"latent_dim": 8}}, r"do not fit the weights of source: model.latent_dim 8 \(4 there\); leave"),
        ({"model": {"decoder": "gru", "decoder_dim": 9}}, r"model.decoder gru \(lstm there\), model.decoder_dim 9 \(14 there\)"),
        ({"model": {"encoder": "none", "injection": "none"}, "objective": {"target_rate": None}}, r"model.encoder none \(lstm there\)"),
        ({"model": {"injection": "initial"}}, r"weights of source do not fit \(decoder.cell.weight_ih_l0\): model.injection is"),
        ({"model": {"posterior": "delta"}}, r"model.posterior delta \(gaussian there\)"),
        ({"data": {"tokenizer": "word"}}, "data.tokenizer is 'word', and that of source is unigram"),
        ({"data": {"vocab_size": 300}}, "data.vocab_size is 300, and the tokenizer of source has .* or add --extend-vocabulary"),
        ({"data": {"normalize": "nfkc"}}, "data.normalize is 'nfkc', and the tokenizer of source has 'none'"),
    ],
)  # fmt: skip
def test_settings_that_contradict_the_weights_are_named(source, tmp_path, sections, message):
    with pytest.raises(ConfigError, match=message):
        train(tmp_path / "run", init_from=source, **sections)
    assert not (tmp_path / "run").exists()


def test_learned_positions_are_a_limit_and_shorter_ones_fit(home, tmp_path):
    transformers = {
        "encoder": "transformer",
        "decoder": "transformer",
        "encoder_dim": 8,
        "decoder_dim": 8,
        "num_heads": 2,
    }
    train(home / "positions", model=transformers, training={"epochs": 1, "samples": 0})
    longest = resumed_config(home / "positions").data.max_length
    with pytest.raises(ConfigError, match=f"positions learned {longest} positions; lower it"):
        train(tmp_path / "run", init_from=home / "positions", data={"max_length": longest + 1})
    train(tmp_path / "short", init_from=home / "positions", data={"max_length": longest - 2})
    assert resumed_config(tmp_path / "short").model.max_length == longest - 2
    train(tmp_path / "same", [text[:6] for text in ENGLISH], init_from=home / "positions")
    assert resumed_config(tmp_path / "same").model.max_length == longest


def test_what_is_no_run_or_damaged_is_refused(source, tmp_path):
    with pytest.raises(RunNotFoundError, match="holds no model"):
        open_origin(tmp_path)
    copied = shutil.copytree(source, tmp_path / "copied")
    weights = copied / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(CorruptRunError, match="is damaged"):
        train(tmp_path / "run", init_from=copied)
    with pytest.raises(ConfigError, match=r"data.extend_vocabulary is of a run that begins from another's"):
        train(tmp_path / "run", data={"extend_vocabulary": True})


def test_lineage_is_told_without_folders(source, tmp_path):
    train(tmp_path / "run", init_from=source / "model")
    train(tmp_path / "next", init_from=tmp_path / "run")
    weights = read_manifest(source / "model").files["model.safetensors"].sha256
    origin = json.loads((tmp_path / "next" / "data.json").read_bytes())["origin"]
    assert origin["name"] == "run"
    assert origin["origin"] == {"name": "source/model", "sha256": weights, "epoch": origin["origin"]["epoch"]}
    card = (tmp_path / "next" / "README.md").read_text()
    assert f"source/model, epoch {origin['origin']['epoch']}, weights SHA-256 {weights[:16]}" in card
    assert read_manifest(tmp_path / "next" / "model").metadata["data"]["origin"] == origin
    for path in (tmp_path / "next").rglob("*.*"):
        assert not path.is_file() or str(source.parent).encode() not in path.read_bytes(), path


def test_beta_begins_where_the_other_run_left_it(source, reviews):
    metadata = read_manifest(source / "model").metadata
    assert metadata["beta"] != pytest.approx(0.02)
    first = json.loads((checkpoints(reviews[0])[0] / "state.json").read_bytes())
    assert first["step"] == 0
    assert torch.tensor(first["beta"]["integral"]).exp().item() == pytest.approx(metadata["beta"], rel=1e-5)


def test_on_the_command_line(source, tmp_path):
    def textvae(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    (tmp_path / "reviews.txt").write_text("\n".join(REVIEWS))
    command = [
        "train",
        tmp_path / "reviews.txt",
        "-o",
        tmp_path / "run",
        "--device",
        "cpu",
        "--cache-dir",
        tmp_path,
    ]
    begun = textvae(
        *command, "--init-from", source, "--extend-vocabulary", "--freeze", "encoder,embeddings", "--seed", 1,
        "--epochs", 1, "--threads", 1, "--set", "training.samples=0",
    )  # fmt: skip
    assert begun.exit_code == 0, begun.stderr
    assert re.search(r"began from +source, epoch \d, weights SHA-256", begun.stderr)
    assert "the tokenizer of source got" in begun.stderr
    assert re.search(r"\n +0 .*best\n", begun.stderr)  # the first look
    assert re.search(
        r"began from +source, epoch \d, weights SHA-256", textvae("info", tmp_path / "run").stdout
    )
    saved = resumed_config(tmp_path / "run")
    assert saved.training.freeze == ("encoder", "embeddings")
    assert (saved.training.patience, saved.model.latent_dim) == (TRANSFER["training"]["patience"], 4)
    again = textvae(*command, "--resume", "--init-from", source, "--freeze", "output")
    assert "ignored: --init-from" in again.stderr
    assert "ignored: --freeze" in again.stderr
    wrong = textvae(*command, "--overwrite", "--init-from", source, "--set", "model.latent_dim=5")
    assert wrong.exit_code == 1
    assert (
        "error: these settings do not fit the weights of source: model.latent_dim 5 (4 there)" in wrong.stderr
    )
    assert resumed_config(tmp_path / "run") == saved  # nothing was cleared


def test_remedies_name_what_the_run_began_from(reviews):
    run = str(reviews[0])
    remedies = Remedies(run=run, settings=resumed_config(reviews[0]), origin=History.read(run).origin)
    assert "--init-from source" in remedies.retrain(training__epochs=2)


def stop(monkeypatch, name: str) -> None:
    """Make the next training stop like a kill before `name` of the trainer, or of its examinations."""

    def killed(self, *args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Examination if name == "_record" else Trainer, name, killed)


@pytest.mark.parametrize("before", ["_checkpoint", "_evaluate", "_record", "_epoch"])
def test_a_run_killed_before_its_first_update_still_begins_from_the_weights(
    source, reviews, tmp_path, monkeypatch, before
):
    with monkeypatch.context() as patched:
        stop(patched, before)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", REVIEWS, init_from=source)
    if before == "_checkpoint":
        with pytest.raises(RunNotFoundError, match="leave out --resume"):
            train_run(REVIEWS, tmp_path / "run", tiny_config(), resume=True, device="cpu")
        train(tmp_path / "run", REVIEWS, init_from=source)
    else:
        train(tmp_path / "run", REVIEWS, resume=True)
    assert bits(tmp_path / "run") == bits(reviews[0])
    assert read_metrics(tmp_path / "run") == read_metrics(reviews[0])
    assert json.loads((tmp_path / "run" / "data.json").read_bytes())["origin"]["name"] == "source"


def bits(folder: Path) -> list[bytes]:
    last = checkpoints(folder)[-1]
    return [(path / "model.safetensors").read_bytes() for path in (last, folder / "model")]


def test_a_killed_start_leaves_a_folder_that_can_be_used_again(source, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(
            "textvae.training.trainer.write_config", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "run", init_from=source)
    assert [path.name for path in checkpoints(tmp_path / "run")] == [FIRST]
    check_folder(tmp_path / "run", resume=False, overwrite=False)
    (tmp_path / "other" / "checkpoints" / "mine").mkdir(parents=True)
    with pytest.raises(RunError, match="holds other files"):
        check_folder(tmp_path / "other", resume=False, overwrite=False)


def test_without_its_checkpoints_a_run_asks_for_the_same_weights(source, chinese, reviews, tmp_path):
    shutil.copytree(reviews[0], tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(RunError, match="began from source; name that with --init-from"):
        train(tmp_path / "run", REVIEWS, resume=True)
    with pytest.raises(RunError, match="did not begin from these weights of chinese"):
        train(tmp_path / "run", REVIEWS, init_from=chinese, resume=True)
    train(tmp_path / "run", REVIEWS, init_from=source, resume=True)
    assert bits(tmp_path / "run") == bits(reviews[0])
    assert read_metrics(tmp_path / "run") == read_metrics(reviews[0])


def test_a_run_can_begin_from_itself(source, tmp_path):
    copied = shutil.copytree(source, tmp_path / "copied")
    train(copied, REVIEWS, init_from=copied)
    assert held(copied)[0]["step"] == 0


def test_in_python(source, tmp_path):
    settings = {"training": {"epochs": 1, "samples": 0}}
    vae = TextVAE.train(
        REVIEWS,
        tmp_path / "run",
        init_from=source,
        settings=settings,
        target_rate=3,
        device="cpu",
        cache_dir=tmp_path,
    )
    assert vae.metadata["data"]["origin"]["name"] == "source"
    assert vae.latent_dim == 4
    assert resumed_config(tmp_path / "run").model.dropout == 0.3  # the new run's
    again = TextVAE.train(
        REVIEWS, tmp_path / "run", init_from="nowhere", resume=True, device="cpu", cache_dir=tmp_path
    )
    assert again.metadata == vae.metadata
