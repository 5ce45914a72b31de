"""The language model that a run is compared with, kept in the run's folder: trained once, on demand."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from textvae.codec import Codec, resolve_device
from textvae.codec.files import CONDITIONS_FILE, load_codec, read_schema
from textvae.codec.location import BASELINE, MODEL_FOLDER
from textvae.config import RunConfig
from textvae.data.splits import open_splits
from textvae.data.tokenizers import Tokenizer
from textvae.errors import DataError
from textvae.models import VAEModel
from textvae.training.checkpoints import STATE_FILE, checkpoints
from textvae.training.folder import DATA_FILE
from textvae.training.language_model import train_language_model
from textvae.training.progress import Observer
from textvae.training.records import CONFIG_FILE, read_metrics
from textvae.training.run import resumed_config


def train_baseline(
    data: Any, run: Path, *, device: str = "auto", observer: Observer | None = None
) -> Codec[VAEModel]:
    """Return the language model of a run, trained in `run/baseline` first as far as it is not yet.

    It has the run's decoder, tokenizer, conditions, splits and settings of training, and makes as many passes over the texts.

    Args:
        data: what the run was trained on.
        run: a run folder.
        device: auto, cpu, cuda, cuda:N or mps.
        observer: hears of progress.

    Raises:
        DataError: other data.
        RunNotFoundError: no run there.
        TrainingError: see `Trainer.train`.
    """
    config = resumed_config(run)
    check_training_data(data, config, run)
    like = dataclasses.replace(config, training=dataclasses.replace(config.training, max_time=None))
    return train_language_model(
        data, run / BASELINE, like, Tokenizer.load(run),
        schema=read_schema(run) if (run / CONDITIONS_FILE).exists() else None,
        epochs=num_epochs(run), device=device, observer=observer,
    )  # fmt: skip


def check_training_data(data: Any, config: RunConfig, run: Path) -> None:
    """Raise a DataError where `data` are not what the run was trained on."""
    facts = json.loads((run / DATA_FILE).read_bytes())["train"]
    if open_splits(data, config.data).train.fingerprint != facts["sha256"]:
        raise DataError(
            f"the baseline of {run} is trained on the run's own training data ({facts['name']}); these are others: "
            "name those, or do without the baseline"
        )


def load_baseline(run: Path, *, device: str = "cpu") -> Codec[VAEModel]:
    """Return the language model of a run."""
    return load_codec(run / BASELINE / MODEL_FOLDER, device=resolve_device(device))


def is_trained(run: Path) -> bool:
    """Return whether the training of a run's language model has ended: all its epochs, or all that patience allows."""
    folder = run / BASELINE
    held = [record for record in read_metrics(folder) if record["kind"] == "held_out"]
    if not held or not (folder / CONFIG_FILE).exists():
        return False
    training, last = resumed_config(folder).training, held[-1]["epoch"]
    best = max(record["epoch"] for record in held if record["best"])
    return last >= (training.epochs or 0) or 0 < training.patience <= last - best


def num_epochs(run: Path) -> int | None:
    """Return how many passes a run has made over its texts; None: it has finished none."""
    return max(
        (record["epoch"] for record in read_metrics(run) if record["kind"] == "held_out"), default=None
    )


def seconds_trained(run: Path) -> float | None:
    """Return how long a run's own training took, about; None where no checkpoint says so."""
    folders = checkpoints(run)
    if not folders:
        return None
    return json.loads((folders[-1] / STATE_FILE).read_bytes())["elapsed"]
