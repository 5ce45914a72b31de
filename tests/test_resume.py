"""A run that was killed, wherever, ends with the same bits as one that was not."""

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from tiny import ENGLISH, tiny_config, train_and_die, train_tiny

from textvae import TextVAE
from textvae.codec import load_codec
from textvae.codec.location import model_folder
from textvae.errors import (
    ConfigError,
    CorruptRunError,
    DataError,
    RunError,
    RunExistsError,
    RunNotFoundError,
    SaveError,
)
from textvae.storage import atomic
from textvae.storage.manifest import verify_folder
from textvae.training.checkpoints import checkpoints, latest_checkpoint
from textvae.training.preparation import prepare
from textvae.training.records import read_metrics
from textvae.training.run import resumed_config, train_run

SETTINGS = {"training": {"ema": 0.9}}


@pytest.fixture(scope="module")
def server():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tiny", "textvae.vae"])
    return context


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("uninterrupted") / "run", **SETTINGS)


def bits(run: Path) -> dict[str, bytes]:
    """The weights and optimiser tensors of the last checkpoint, and the best model's weights."""
    last = checkpoints(run)[-1]
    return {
        "last": (last / "model.safetensors").read_bytes(),
        "optimizer": (last / "optimizer.safetensors").read_bytes(),
        "average": (last / "average.safetensors").read_bytes(),
        "best": (run / "model" / "model.safetensors").read_bytes(),
    }


def die(server, folder: Path, *, kill_at: int | None = None, after: float | None = None) -> int | None:
    process = server.Process(target=train_and_die, args=(folder, kill_at, SETTINGS))
    process.start()
    if after is not None:
        deadline = time.monotonic() + 60
        while not (folder / "config.yaml").exists() and time.monotonic() < deadline and process.is_alive():
            time.sleep(0.005)
        time.sleep(after)
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
    process.join(120)
    return process.exitcode


def resume(folder: Path) -> None:
    """Resume, or start where the run was killed before it had its settings."""
    train_tiny(folder, resume=(folder / "config.yaml").exists(), **SETTINGS)


def check_killed(server, folder: Path, uninterrupted: Path, **how: float | int) -> None:
    assert die(server, folder, **how) in (-signal.SIGKILL, 0)
    resume(folder)
    assert bits(folder) == bits(uninterrupted)
    assert read_metrics(folder) == read_metrics(uninterrupted)
    verify_folder(model_folder(folder))


def num_save_operations(tmp_path: Path, monkeypatch) -> int:
    names = []
    monkeypatch.setattr("textvae.storage.atomic._step", names.append)
    train_tiny(tmp_path / "counted", **SETTINGS)
    return len(names)


@pytest.mark.slow
def test_kill_at_save_operations(server, uninterrupted, tmp_path, monkeypatch):
    total = num_save_operations(tmp_path, monkeypatch)
    for i, kill_at in enumerate(random.Random(1).sample(range(total), 3)):
        check_killed(server, tmp_path / f"run{i}", uninterrupted, kill_at=kill_at)


def test_kill_at_random_times(server, uninterrupted, tmp_path):
    for i, after in enumerate((0.05, 0.4)):
        check_killed(server, tmp_path / f"run{i}", uninterrupted, after=after)


@pytest.mark.slow
def test_kill_many_times(server, uninterrupted, tmp_path, monkeypatch):
    """`TEXTVAE_KILLS` kills (default 30): half at save operations spread over the run, half at random times."""
    kills = int(os.environ.get("TEXTVAE_KILLS", "30"))
    total, chance = num_save_operations(tmp_path, monkeypatch), random.Random(kills)
    for i in range(kills):
        how = {"kill_at": i * total // kills} if i % 2 else {"after": chance.uniform(0, 1.5)}
        check_killed(server, tmp_path / f"run{i}", uninterrupted, **how)


@pytest.mark.slow
def test_killed_with_sampled_output(server, tmp_path):
    sampled = {"training": SETTINGS["training"] | {"output": "sampled", "negatives": 30}}
    whole = train_tiny(tmp_path / "whole", **sampled)
    process = server.Process(target=train_and_die, args=(tmp_path / "run", 60, sampled))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    train_tiny(tmp_path / "run", resume=True)
    assert bits(tmp_path / "run") == bits(whole)
    assert read_metrics(tmp_path / "run") == read_metrics(whole)


def test_interrupt_saves_and_resume_goes_on(uninterrupted, tmp_path, monkeypatch):
    from textvae.training import step

    take, calls = step.Stepper.take, []

    def counted(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return take(self, *args, **kwargs)

    monkeypatch.setattr(step.Stepper, "take", counted)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "run", **SETTINGS)
    assert checkpoints(tmp_path / "run")[-1].name == "step-000000007"
    resume(tmp_path / "run")
    assert bits(tmp_path / "run") == bits(uninterrupted)
    assert read_metrics(tmp_path / "run") == read_metrics(uninterrupted)


@pytest.mark.slow
def test_same_seed_same_weights_other_seed_others(uninterrupted, tmp_path):
    assert bits(train_tiny(tmp_path / "same", **SETTINGS)) == bits(uninterrupted)
    other = train_tiny(tmp_path / "other", training={"ema": 0.9, "seed": 1})
    assert bits(other)["last"] != bits(uninterrupted)["last"]


@pytest.mark.slow
def test_damaged_newest_checkpoint_falls_back_to_the_one_before(uninterrupted, tmp_path, monkeypatch):
    run = train_tiny(tmp_path / "run", **SETTINGS)
    before, newest = checkpoints(run)
    content = bytearray((newest / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (newest / "model.safetensors").write_bytes(content)
    assert latest_checkpoint(run) == before
    resume(run)
    assert bits(run) == bits(uninterrupted)


def test_all_checkpoints_damaged_is_an_error(tmp_path):
    run = train_tiny(tmp_path / "run", **SETTINGS)
    for folder in checkpoints(run):
        (folder / "state.json").unlink()
    with pytest.raises(CorruptRunError, match=r"state\.json is missing"):
        train_tiny(run, resume=True)


def test_resume_needs_a_run_and_the_same_corpus(tmp_path, monkeypatch):
    with pytest.raises(RunNotFoundError, match="no run to resume"):
        train_tiny(tmp_path / "nothing", resume=True)
    run = train_tiny(tmp_path / "run")
    monkeypatch.setattr("tiny.ENGLISH", ["another corpus", "of two texts", "or three"])
    with pytest.raises(RunError, match="trained on another corpus"):
        train_tiny(run, resume=True)


def test_a_killed_run_can_be_sampled_before_it_ends(server, tmp_path):
    die(server, tmp_path / "run", kill_at=60)
    codec = load_codec(model_folder(tmp_path / "run"))
    assert len(codec.decode(codec.prior_sample(2))) == 2


@pytest.mark.parametrize("overwrite", [False, True])
def test_data_that_cannot_be_read_leave_the_place_as_it_was(uninterrupted, tmp_path, overwrite):
    place = shutil.copytree(uninterrupted, tmp_path / "run") if overwrite else tmp_path / "run"
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    with pytest.raises(DataError, match="no texts"):
        train_run(["", " "], place, tiny_config(), overwrite=overwrite, device="cpu")
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before
    assert place.exists() == overwrite


def test_a_place_inside_a_file_is_refused_before_the_data_are_read(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SaveError, match=r"file cannot be written to; choose another --output"):
        train_run([], tmp_path / "file" / "run", tiny_config(), device="cpu")


def test_a_run_that_appears_while_the_data_are_read_is_not_removed(uninterrupted, tmp_path, monkeypatch):
    def slow(*args, **kwargs):
        shutil.copytree(uninterrupted, tmp_path / "run")
        return prepare(*args, **kwargs)

    monkeypatch.setattr("textvae.training.run.prepare", slow)
    with pytest.raises(RunExistsError, match="holds a run already"):
        train_run(ENGLISH, tmp_path / "run", tiny_config(), device="cpu", cache_dir=tmp_path / "cache")
    assert bits(tmp_path / "run") == bits(uninterrupted)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    run = train_tiny(tmp_path / "run", training={"epochs": 1})
    before = {path.name: path.read_bytes() for path in run.glob("*.json")}

    def full(path, content, name):
        path.write_bytes(b"")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_write", full)
        with pytest.raises(SaveError):
            train_run(
                ENGLISH, run, resumed_config(run), resume=True, device="cpu", cache_dir=tmp_path / "cache"
            )
    assert {path.name: path.read_bytes() for path in run.glob("*.json")} == before
    train_tiny(run, resume=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target_rate": 9.0}, r"objective.target_rate 3.0, not 9.0"),
        ({"settings": {"model": {"latent_dim": 7}}}, "model.latent_dim 4, not 7"),
    ],
)
def test_a_run_that_goes_on_keeps_its_model_and_objective(tmp_path, changes, message):
    run = train_tiny(tmp_path / "run", training={"epochs": 1})
    before = (run / "config.yaml").read_bytes()
    with pytest.raises(ConfigError, match=message):
        TextVAE.train(ENGLISH, run, resume=True, device="cpu", cache_dir=tmp_path / "cache", **changes)
    assert (run / "config.yaml").read_bytes() == before
    same = {"objective": {"target_rate": 3.0}, "training": {"epochs": 2}}
    TextVAE.train(ENGLISH, run, resume=True, settings=same, device="cpu", cache_dir=tmp_path / "cache")
    assert max(record["epoch"] for record in read_metrics(run) if record["kind"] == "held_out") == 2


def test_what_was_fitted_to_a_run_goes_with_it(tmp_path):
    run = train_tiny(tmp_path / "run", training={"epochs": 1})
    for name in ("persons", "attributes"):
        (run / name).mkdir()
        (run / name / "old.json").write_text("{}")
    config = tiny_config(training={"epochs": 1})
    train_run(ENGLISH, run, config, overwrite=True, device="cpu", cache_dir=tmp_path / "cache")
    assert not (run / "persons").exists()
    assert not (run / "attributes").exists()
