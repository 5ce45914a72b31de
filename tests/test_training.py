"""The loop: what it optimises, when it stops, what it writes, what it says."""

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import CHINESE, ENGLISH, tiny_config, train_tiny
from untrained import untrained

from textvae import TextVAE, held_out_corpus, summarize
from textvae.codec import load_codec
from textvae.codec.location import model_folder
from textvae.config import RunConfig, TrainingConfig
from textvae.data.batching import Batch
from textvae.data.splits import open_splits
from textvae.data.vocabulary import BOS, UNK
from textvae.errors import (
    ConfigError,
    DataError,
    DeviceError,
    NonFiniteLossError,
    RunExistsError,
    RunNotFoundError,
    SaveError,
)
from textvae.models import VAEModel
from textvae.objectives.faithfulness import FIRST_DISTORTION, LESS
from textvae.objectives.noise import blanked
from textvae.objectives.objective import Moment
from textvae.storage.manifest import verify_folder
from textvae.training import examination, trainer
from textvae.training.checkpoints import checkpoints
from textvae.training.deadline import Deadline
from textvae.training.distributed import Ranks
from textvae.training.heldout import held_out, passes
from textvae.training.optimization import MovingAverage, learning_rate
from textvae.training.precision import choose_precision, fast_products
from textvae.training.preparation import prepare, target_counts
from textvae.training.records import read_metrics
from textvae.training.run import resumed_config, train_run
from textvae.training.state import TrainState, step_seed
from textvae.training.step import Stepper


class Heard:
    def __init__(self):
        self.starts, self.steps, self.epochs, self.messages = [], [], [], []

    def on_start(self, start):
        self.starts.append(start)

    def on_step(self, report, standing):
        self.steps.append((report, standing))

    def on_epoch(self, held, standing, *, best):
        self.epochs.append((held, best))

    def on_message(self, text):
        self.messages.append(text)


def test_a_run_says_what_it_held_out(run, monkeypatch):
    held = held_out_corpus(run, ENGLISH)
    monkeypatch.setenv("HOME", str(run.parent))
    assert list(held_out_corpus(f"~/{run.name}", ENGLISH)) == list(held)
    config = resumed_config(run)
    assert list(held) == list(open_splits(ENGLISH, config.data).valid)
    found = summarize(run)
    assert found.held_out.num_texts == len(list(held)) == found.facts["valid"]["texts"]
    assert found.num_parameters == sum(w.numel() for w in load_codec(model_folder(run)).model.parameters())
    with pytest.raises(DataError, match="was not trained on these texts, but on"):
        held_out_corpus(run, CHINESE)
    with pytest.raises(RunNotFoundError, match="a run folder is needed"):
        held_out_corpus(model_folder(run), ENGLISH)


def test_records_hold_means_over_the_updates_since_the_last(tmp_path):
    heard = Heard()
    config = tiny_config(training={"epochs": 7}, objective={"bag_of_words": 0.1})
    run = train_run(ENGLISH, tmp_path / "run", config, observer=heard)
    records = [record for record in read_metrics(run) if record["kind"] == "train"]
    assert len(records) >= 2
    reports = [report for report, _ in heard.steps]
    for record in records:
        window = reports[record["step"] - trainer.RECORD_EVERY : record["step"]]
        weights = [report.num_sentences for report in window]
        for name in ("distortion", "rate"):
            mean = np.average([getattr(report, name) for report in window], weights=weights)
            assert record[name] == pytest.approx(mean)
        words = np.average([report.auxiliaries["bag_of_words"] for report in window], weights=weights)
        assert record["auxiliaries"] == pytest.approx({"bag_of_words": words})
        assert (record["num_sentences"], record["beta"]) == (sum(weights), window[-1].beta)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return train_tiny(tmp_path_factory.mktemp("training") / "run")


def train(folder: Path, texts=ENGLISH, **sections) -> Heard:
    heard = Heard()
    train_run(
        texts,
        folder,
        tiny_config(**sections),
        device="cpu",
        observer=heard,
        cache_dir=folder.parent / "cache",
    )
    return heard


def test_run_folder_holds_what_it_should_and_no_text_of_the_corpus(run):
    names = {path.name for path in run.iterdir()}
    assert names == {
        "config.yaml", "data.json", "metrics.jsonl", "curves.png", "README.md", "samples", "model", "checkpoints",
        "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    verify_folder(run / "model")
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    texts = "\n".join(
        p.read_text() for p in run.rglob("*") if p.suffix in (".txt", ".md", ".json", ".yaml", ".jsonl")
    )
    copied = [text for text in ENGLISH if text in texts]
    samples = {line for path in (run / "samples").iterdir() for line in path.read_text().splitlines()}
    assert set(copied) <= samples  # a sample may happen to be a training text


def test_only_safetensors_and_json_are_saved(run):
    suffixes = {path.suffix for path in (run / "model").iterdir()}
    assert suffixes == {".json", ".safetensors"}


def test_resolved_settings_are_saved_and_read_back(run):
    import yaml

    saved = RunConfig().updated(yaml.safe_load((run / "config.yaml").read_text()))
    assert saved.model.vocab_size == load_codec(model_folder(run)).tokenizer.vocab_size
    assert saved.training.epochs == 3
    assert saved.objective.target_rate == 3.0


def test_metrics_agree_with_the_model_that_was_kept(run, tmp_path):
    records = [record for record in read_metrics(run) if record["kind"] == "held_out"]
    best = min(records, key=lambda record: record["neg_elbo"])
    codec = load_codec(model_folder(run))
    prepared = prepare(ENGLISH, tiny_config(), tokenizer=codec.tokenizer, cache_dir=tmp_path)
    held = held_out(codec, prepared.valid)
    assert held.neg_elbo == pytest.approx(best["neg_elbo"], rel=1e-6)
    assert held.perplexity == pytest.approx(math.exp(held.neg_elbo * held.num_texts / held.num_targets))
    assert verify_folder(model_folder(run))["epoch"] == best["epoch"]


def test_training_lowers_distortion_and_reaches_the_target_rate(tmp_path):
    heard = train(
        tmp_path / "run", model={"decoder_dim": 48, "encoder_dim": 32, "embed_dim": 32, "dropout": 0.0, "embed_dropout": 0.0},
        training={"epochs": 30, "batch_tokens": 120, "samples": 0, "learning_rate": 0.015, "patience": 0, "word_dropout": 0.0},
        objective={"target_rate": 4.0, "controller_gain": 0.05},
    )  # fmt: skip
    first, last = heard.epochs[0][0], heard.epochs[-1][0]
    assert last.distortion < 0.6 * first.distortion
    assert last.rate == pytest.approx(4.0, rel=0.25)
    late = [report.rate for report, _ in heard.steps[-60:]]
    assert np.mean(late) == pytest.approx(4.0, rel=0.1)


def test_chinese_gets_characters_and_keeps_to_known_pairs(tmp_path):
    train(tmp_path / "run", CHINESE, training={"epochs": 1})
    codec = load_codec(model_folder(tmp_path / "run"))
    assert codec.tokenizer.kind == "char"
    known = {text[i : i + 2] for text in CHINESE for i in range(len(text) - 1)}
    for text in codec.decode(codec.prior_sample(50), seed=1):
        assert {text[i : i + 2] for i in range(len(text) - 1)} <= known
        assert text[-1:] in ("。", "")
    free = codec.decode(
        codec.prior_sample(50), dataclasses.replace(codec.decoding, known_words=False), seed=1
    )
    assert any(text[i : i + 2] not in known for text in free for i in range(len(text) - 1))


def test_faithful_reconstructions_come_before_a_low_rate(tmp_path):
    """What is not faithful enough is chosen by distortion, what is by -ELBO; the controller hears of each epoch."""
    heard = train(
        tmp_path / "run",
        objective={"faithful": 0.99, "target_rate": None},
        training={"epochs": 4, "learning_rate": 0.02},
    )
    records = [record for record in read_metrics(tmp_path / "run") if record["kind"] == "held_out"]
    assert len(heard.epochs) == 4
    assert all(0 <= record["token_accuracy"] < 0.99 for record in records)  # 4 epochs are too few
    assert "target_rate" not in records[-1]
    best = [record["epoch"] for record in records if record["best"]][-1]
    assert best == min(records, key=lambda record: record["distortion"])["epoch"]
    assert records[-1]["target_distortion"] == pytest.approx(FIRST_DISTORTION * LESS**4)


@pytest.mark.slow
def test_early_stopping(tmp_path):
    heard = train(tmp_path / "run", training={"epochs": 50, "patience": 2, "learning_rate": 1e-9})
    assert len(heard.epochs) < 50
    assert any("stopped early" in message for message in heard.messages)


class Hands:
    """A clock that stands still but for the work that moves it."""

    def __init__(self, monkeypatch, **seconds):
        self.now = 1000.0
        fake = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr("textvae.training.trainer.time", fake)
        monkeypatch.setattr("textvae.training.deadline.time", fake)
        self.moved_by(monkeypatch, Stepper, "take", seconds["step"])
        self.moved_by(monkeypatch, examination, "held_out", seconds["held_out"])
        for name in ("save_checkpoint", "draw_curves"):
            self.moved_by(monkeypatch, trainer, name, seconds[name])

    def moved_by(self, monkeypatch, owner, name, seconds):
        work = getattr(owner, name)

        def timed(*args, **kwargs):
            self.now += seconds
            return work(*args, **kwargs)

        monkeypatch.setattr(owner, name, timed)


ENDLESS = {"epochs": 100_000, "patience": 0, "samples": 0, "checkpoint_every": 10**6}


@pytest.mark.parametrize(
    "evaluation",
    [pytest.param(5.0, marks=pytest.mark.slow), pytest.param(40.0, marks=pytest.mark.slow), 120.0],
)
def test_max_time_covers_the_last_evaluation_and_saving(tmp_path, monkeypatch, evaluation):
    hands = Hands(monkeypatch, step=1.0, held_out=evaluation, save_checkpoint=2.0, draw_curves=1.0)
    heard = train(tmp_path / "run", training=ENDLESS | {"max_time": 300.0})
    assert len(heard.epochs) > 1
    assert 300 - evaluation - 10 <= hands.now - 1000 <= 302
    last, standing = heard.steps[-1]
    assert standing.progress > 1 - (evaluation + 10) / 300
    assert last.learning_rate < TrainingConfig().learning_rate  # the decay stretched to fit


def test_the_first_evaluation_is_foreseen_from_one_of_a_few_texts(tmp_path, monkeypatch):
    """Half of the texts are held out; ended within the first epoch. A text takes a tenth, with another's z one more."""
    hands = Hands(monkeypatch, step=10.0, held_out=0.0, save_checkpoint=0.0, draw_curves=0.0)

    def scored(codec, store, **kwargs):
        hands.now += 0.2 * len(store)
        return held_out(codec, store, **kwargs)

    monkeypatch.setattr(examination, "held_out", scored)
    monkeypatch.setattr("textvae.training.deadline.held_out", scored)
    monkeypatch.setattr("textvae.training.deadline.REHEARSED", 5)
    data = {"valid_fraction": 0.5}
    num_texts = len(prepare(ENGLISH, tiny_config(data=data), cache_dir=tmp_path).valid)
    limit = 1.0 + 30.0 + 0.2 * num_texts  # the rehearsal, three updates, the evaluation
    heard = train(tmp_path / "run", data=data, training=ENDLESS | {"batch_tokens": 120, "max_time": limit})
    assert (len(heard.steps), len(heard.epochs)) == (3, 1)
    assert hands.now - 1000 == pytest.approx(limit, abs=1)


def test_a_limit_that_is_used_up_at_once_leaves_a_model_and_says_so(tmp_path):
    heard = train(tmp_path / "run", training=ENDLESS | {"max_time": 1e-6})
    assert (len(heard.steps), len(heard.epochs)) == (1, 1)
    assert any("used up before training began" in message for message in heard.messages)
    assert TextVAE.from_pretrained(tmp_path / "run").sample(2, seed=0)


def test_ending_within_the_pretraining_is_said(tmp_path):
    sections = {"objective": {"pretraining_epochs": 2}, "training": ENDLESS | {"max_time": 1e-6}}
    heard = train(tmp_path / "run", **sections)
    assert any("ended within the pretraining" in message for message in heard.messages)


def test_conditions_and_a_missing_z_change_how_many_texts_are_scored():
    assert passes(untrained(), 1000) == 1000 + 256
    assert passes(untrained(), 10) == 20
    assert passes(untrained(encoder="none", injection="none"), 10) == 10


def test_an_evaluation_longer_than_the_limit_leaves_half_of_it_to_training():
    deadline = Deadline(8.0, Ranks())
    used = [deadline.share_used(TrainState(elapsed=elapsed, closing=1000.0)) for elapsed in (0.0, 2.0, 4.0)]
    assert used == [0.0, 0.5, 1.0]
    assert Deadline(None, Ranks()).share_used(TrainState(elapsed=9.0)) == 0.0


@pytest.mark.slow
def test_the_start_is_told_before_the_first_update(tmp_path):
    heard = train(tmp_path / "run", training={"epochs": 1})
    [start] = heard.starts
    codec = load_codec(model_folder(tmp_path / "run"))
    assert start.num_parameters == sum(weights.numel() for weights in codec.model.parameters())
    assert (start.device, start.precision, start.num_ranks, start.step) == ("cpu", "fp32", 1, 0)
    assert start.facts == json.loads((tmp_path / "run" / "data.json").read_text())
    assert start.facts["train"]["texts"] + start.facts["valid"]["texts"] == len(set(ENGLISH))
    assert start.config == resumed_config(tmp_path / "run")
    again = Heard()
    config = resumed_config(tmp_path / "run").updated({"training": {"epochs": 2}})
    train_run(ENGLISH, tmp_path / "run", config, resume=True, device="cpu", observer=again)
    assert again.starts[0].step == len(heard.steps)


def test_folder_rules(run, tmp_path):
    with pytest.raises(RunExistsError, match="holds a run already; use --resume, --overwrite"):
        train(run)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "diary.txt").write_text("mine")
    with pytest.raises(RunExistsError, match=r"holds other files \(diary.txt\)"):
        train(tmp_path / "notes")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunExistsError, match="is a file"):
        train(tmp_path / "file")


def test_what_a_start_that_was_killed_left_is_no_obstacle(tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("tokenizer.json", "data.json", ".tmp-config.yaml.file-0123abcd"):
        (tmp_path / "run" / name).write_text("half")
    train(tmp_path / "run", training={"epochs": 1})
    assert not list((tmp_path / "run").glob(".tmp-*"))


@pytest.mark.slow
def test_overwrite_removes_the_run_and_nothing_else(tmp_path):
    run = train_tiny(tmp_path / "run")
    (run / "my-notes.txt").write_text("mine")
    train_tiny(run, training={"epochs": 1})
    assert (run / "my-notes.txt").read_text() == "mine"
    assert [path.name for path in (run / "samples").iterdir()] == ["epoch-001.txt"]


def test_nan_stops_before_the_weights_change_and_writes_the_batch(tmp_path, monkeypatch):
    take = Stepper.take

    def poisoned(self, batch, moment):
        if moment.step == 5:
            with torch.no_grad():
                self.model.posterior_head.bias[0] = float("nan")
        return take(self, batch, moment)

    monkeypatch.setattr(Stepper, "take", poisoned)
    with pytest.raises(NonFiniteLossError, match=r"not finite at step 5 .* go on from the last checkpoint"):
        train(tmp_path / "run")
    record = json.loads((tmp_path / "run" / "failed-batch.json").read_text())
    assert record["step"] == 5
    assert set(record["texts"]) <= set(ENGLISH)
    verify_folder(checkpoints(tmp_path / "run")[-1])


def test_disk_full_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    from textvae.storage import atomic

    def full(name):
        if (tmp_path / "run" / "checkpoints" / "step-000000004").exists() and name.startswith("write"):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "_step", full)
    with pytest.raises(SaveError, match="disk full"):
        train(tmp_path / "run")
    monkeypatch.undo()
    verify_folder(checkpoints(tmp_path / "run")[-1])
    train_tiny(tmp_path / "run", resume=True)


def test_seeds_of_steps_differ_by_rank_and_step():
    seeds = {step_seed(0, step, rank) for step in range(100) for rank in range(4)}
    assert len(seeds) == 400


def test_word_dropout_blanks_its_share_and_never_the_start():
    torch.manual_seed(0)
    inputs = torch.full((200, 50), 9)
    inputs[:, 0] = BOS
    dropped = blanked(inputs, 0.3)
    assert (dropped[:, 0] == BOS).all()
    assert (dropped[:, 1:] == UNK).float().mean() == pytest.approx(0.3, abs=0.02)
    assert torch.equal(blanked(inputs, 0.0), inputs)


def stepper(**sections) -> Stepper:
    config = tiny_config(**sections).updated({"model": {"vocab_size": 30, "max_length": 10}})
    torch.manual_seed(0)
    return Stepper(VAEModel(config.model).double(), config, "fp64", Ranks())


def batch(num_rows: int, length: int = 5) -> Batch:
    tokens = np.random.default_rng(0).integers(4, 30, (num_rows, length))
    tokens[:, -1] = 2
    return Batch(tokens, np.full(num_rows, length))


def test_every_sentence_weighs_the_same_whatever_its_batch():
    """Two half batches have the same summed gradient as the whole one (dropout and noise off)."""
    quiet = {
        "model": {"dropout": 0.0, "embed_dropout": 0.0, "encoder_dropout": 0.0},
        "training": {"word_dropout": 0.0},
    }
    taker = stepper(**quiet)
    whole = batch(6)

    def gradient(part: Batch) -> torch.Tensor:
        taker.model.zero_grad()
        tokens, lengths = torch.from_numpy(part.tokens), torch.from_numpy(part.lengths)
        posterior = taker.model.posterior(tokens, lengths)
        loss = -taker.model.log_likelihood(tokens, lengths, posterior.loc).sum()
        (loss / 200).backward()
        return torch.cat([p.grad.flatten() for p in taker.model.parameters() if p.grad is not None])

    halves = [Batch(whole.tokens[rows], whole.lengths[rows]) for rows in (slice(0, 2), slice(2, 6))]
    assert torch.allclose(gradient(whole), sum(gradient(half) for half in halves), rtol=1e-9, atol=1e-12)


def test_steps_are_a_function_of_seed_step_and_batch():
    first, second = stepper(), stepper()
    torch.manual_seed(123)  # the global generator's past must not matter
    a = first.take(batch(4), Moment(beta=0.5, step=3, progress=0.1))
    torch.manual_seed(456)
    b = second.take(batch(4), Moment(beta=0.5, step=3, progress=0.1))
    assert a == b
    assert all(
        torch.equal(p, q) for p, q in zip(first.model.parameters(), second.model.parameters(), strict=True)
    )


def test_gradients_are_clipped_after_backward():
    taker = stepper(training={"clip_norm": 1e-6, "word_dropout": 0.0})
    report = taker.take(batch(4), Moment(beta=1.0, step=0, progress=0.5))
    norm = torch.cat([p.grad.flatten() for p in taker.model.parameters()]).norm()
    assert report.grad_norm > 1e-3
    assert norm == pytest.approx(1e-6, rel=1e-3)


def test_learning_rate_schedule():
    config = TrainingConfig(learning_rate=1.0, warmup=0.1, final_learning_rate=0.2)
    assert learning_rate(config, 0.05) == pytest.approx(0.5)
    assert learning_rate(config, 0.1) == pytest.approx(1.0)
    assert learning_rate(config, 0.55) == pytest.approx(0.6)
    assert learning_rate(config, 1.0) == pytest.approx(0.2)
    rates = [learning_rate(config, x) for x in np.linspace(0.1, 1, 50)]
    assert rates == sorted(rates, reverse=True)


def test_moving_average_swap_is_its_own_inverse_with_tied_weights():
    model = stepper().model
    average = MovingAverage(model, 0.9)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    average.update(model, 1000)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    average.swap(model)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter, before[name] - 0.9)
    average.swap(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_fast_products_are_exact_and_restored():
    before = torch.get_float32_matmul_precision()
    left, right = torch.randn(2, 256, 256)
    with fast_products(torch.device("cpu")):
        inside = left @ right
    assert torch.get_float32_matmul_precision() == before
    error = (inside.double() - left.double() @ right.double()).norm() / inside.norm()
    assert error < 1e-5


def test_precision_choice():
    assert choose_precision("auto", torch.device("cpu")) == "fp32"
    assert choose_precision("fp64", torch.device("cpu")) == "fp64"


def test_absent_gpu_is_told_in_one_line(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match="device 'cuda' is not there"):
        train_run(ENGLISH, tmp_path / "run", tiny_config(), device="cuda")
    assert not (tmp_path / "run").exists()


def test_output_bias_starts_at_log_frequencies(tmp_path):
    prepared = prepare(ENGLISH, tiny_config(), cache_dir=tmp_path)
    counts = target_counts(prepared.train, prepared.tokenizer.vocab_size)
    assert int(counts.sum()) == prepared.train.num_tokens + len(prepared.train)
    assert int(counts[2]) == len(prepared.train)
    model = VAEModel(prepared.config.model)
    model.decoder.output.start_from_frequencies(counts)
    shares = model.decoder.output.linear.bias.softmax(-1)
    smoothed = counts + 0.01
    assert torch.allclose(shares, (smoothed / smoothed.sum()).float())


def test_two_owners_of_beta_are_refused():
    with pytest.raises(ConfigError, match="one owner"):
        tiny_config(objective={"beta": "cyclical"})
