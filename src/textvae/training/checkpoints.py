"""Checkpoints: complete folders, named by step, each enough to resume from and to sample from."""

import json
import shutil
from pathlib import Path

from textvae.codec import Codec, codec_files
from textvae.codec.files import WEIGHTS_FILE, load_weights
from textvae.codec.location import CHECKPOINTS
from textvae.errors import CorruptRunError, RunError
from textvae.models import VAEModel
from textvae.storage.atomic import write_folder
from textvae.storage.manifest import verify_folder
from textvae.storage.temporaries import remove_stale_temporaries
from textvae.storage.tensors import load_tensors, save_tensors
from textvae.training.optimization import optimizer_tensors, restore_optimizer
from textvae.training.state import TrainState
from textvae.training.updates import Updates

OPTIMIZER_FILE, AVERAGE_FILE, AUXILIARIES_FILE, STATE_FILE = (
    "optimizer.safetensors",
    "average.safetensors",
    "auxiliaries.safetensors",
    "state.json",
)


FIRST = "step-000000000"
"""The checkpoint of a run that has made no update."""


def save_checkpoint(run: Path, codec: Codec[VAEModel], updates: Updates, state: TrainState) -> Path:
    """Write the checkpoint of `state.step`, atomically; return its folder.

    Raises:
        SaveError: the disk is full, or another failure; earlier checkpoints are intact.
    """
    files = codec_files(codec)
    files[OPTIMIZER_FILE] = save_tensors(optimizer_tensors(updates.stepper.optimizer))
    files[STATE_FILE] = json.dumps(state.to_json(), indent=2).encode()
    if (average := updates.average) is not None:
        files[AVERAGE_FILE] = save_tensors(average.weights)
    if auxiliaries := updates.stepper.objective.auxiliaries.state_dict():
        files[AUXILIARIES_FILE] = save_tensors(auxiliaries)
    folder = run / CHECKPOINTS / f"step-{state.step:09d}"
    write_folder(folder, files, metadata={"step": state.step, "epoch": state.epoch})
    return folder


def load_checkpoint(
    folder: Path,
    codec: Codec[VAEModel],
    updates: Updates,
) -> TrainState:
    """Put a checkpoint's tensors back in place and return its state.

    Raises:
        CorruptRunError: a missing, damaged or unsafe file.
    """
    verify_folder(folder)
    load_weights(codec.model, load_tensors(folder / WEIGHTS_FILE), folder)
    if updates.stepper.objective.auxiliaries:
        updates.stepper.objective.auxiliaries.load_state_dict(load_tensors(folder / AUXILIARIES_FILE))
    restore_optimizer(updates.stepper.optimizer, load_tensors(folder / OPTIMIZER_FILE))
    if (average := updates.average) is not None:
        weights = load_tensors(folder / AVERAGE_FILE)
        for name, tensor in average.weights.items():
            tensor.copy_(weights[name])
    try:
        return TrainState.from_json(json.loads((folder / STATE_FILE).read_bytes()))
    except (ValueError, TypeError) as error:
        raise CorruptRunError(f"{folder / STATE_FILE} cannot be read: {error}") from error


def checkpoints(run: Path) -> list[Path]:
    """Return the run's checkpoint folders, oldest first; half-written ones are none."""
    return sorted(path for path in (run / CHECKPOINTS).glob("step-*") if path.is_dir())


def latest_checkpoint(run: Path) -> Path | None:
    """Return the newest checkpoint that verifies; None where there is none.

    Raises:
        RunError: there are checkpoints, and every one is damaged: the newest one's trouble.
    """
    trouble: RunError | None = None
    for folder in reversed(checkpoints(run)):
        try:
            verify_folder(folder)
            return folder
        except RunError as error:
            trouble = trouble or error
    if trouble:
        raise trouble
    return None


def prune_checkpoints(run: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, and what killed saves left behind."""
    for folder in checkpoints(run)[:-keep]:
        shutil.rmtree(folder)
    remove_stale_temporaries(run / CHECKPOINTS)
