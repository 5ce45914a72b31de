"""A run's folder: what it holds, whether a run may be put there, and clearing it of an earlier one."""

import os
import shutil
from pathlib import Path

from textvae.codec.files import CONDITIONS_FILE, SOURCE_PREFIX
from textvae.codec.location import ATTRIBUTES, BASELINE, CHECKPOINTS, MODEL_FOLDER, PERSONS, is_export
from textvae.data.tokenizers import CONFIG_FILE as TOKENIZER_CONFIG
from textvae.data.tokenizers import LIBRARY_FILE as TOKENIZER_FILE
from textvae.errors import RunExistsError, RunNotFoundError, SaveError
from textvae.storage.temporaries import PREFIX, remove_stale_temporaries
from textvae.training.checkpoints import FIRST
from textvae.training.records import (
    CARD_FILE,
    CONFIG_FILE,
    CURVES_FILE,
    EVALUATION,
    METRICS_FILE,
    SAMPLES,
)
from textvae.training.step import FAILED_BATCH

DATA_FILE = "data.json"
ENTRIES = (
    CONFIG_FILE, DATA_FILE, METRICS_FILE, CURVES_FILE, CARD_FILE, FAILED_BATCH, TOKENIZER_CONFIG, TOKENIZER_FILE,
    CONDITIONS_FILE, SOURCE_PREFIX + TOKENIZER_CONFIG, SOURCE_PREFIX + TOKENIZER_FILE, SAMPLES, MODEL_FOLDER, CHECKPOINTS, BASELINE, EVALUATION,
    ATTRIBUTES, PERSONS,
)  # fmt: skip
"""Everything that a run, and what is measured of it or fitted to it later, have in its folder."""
BEGINNINGS = (
    DATA_FILE, TOKENIZER_CONFIG, TOKENIZER_FILE, CONDITIONS_FILE, SOURCE_PREFIX + TOKENIZER_CONFIG,
    SOURCE_PREFIX + TOKENIZER_FILE,
)  # fmt: skip
"""What a run that was killed before it had its settings may have left."""


def check_folder(run: Path, *, resume: bool, overwrite: bool) -> None:
    """Raise unless a run can be put there; nothing is written yet, so that a run whose data cannot be read changes nothing.

    Raises:
        RunExistsError: a run, an export, a file or other files are there.
        RunNotFoundError: nothing to resume.
        SaveError: the place cannot be written to.
    """
    refuse_export(run)
    present = [path.name for path in run.iterdir()] if run.is_dir() else []
    is_run = CONFIG_FILE in present
    foreign = sorted(name for name in present if not _is_beginning(run / name))
    if resume:
        if not is_run:
            raise RunNotFoundError(f"{run} holds no run to resume; leave out --resume to start one")
        return
    if run.is_file():
        raise RunExistsError(f"{run} is a file; a run needs a folder: choose another --output")
    if is_run and not overwrite:
        raise RunExistsError(f"{run} holds a run already; use --resume, --overwrite, or another --output")
    if foreign and not is_run:
        raise RunExistsError(f"{run} holds other files ({', '.join(foreign[:3])}); choose another --output")
    there = next(path for path in (run.absolute(), *run.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise SaveError(f"{there} cannot be written to; choose another --output than {run}")


def clear_folder(run: Path) -> None:
    """Make the folder, and remove an earlier run from it."""
    for name in ENTRIES:
        path = run / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    remove_stale_temporaries(run)
    run.mkdir(parents=True, exist_ok=True)


def refuse_export(run: Path) -> None:
    """Raise `RunExistsError` where an exported model lies, which is no run."""
    if is_export(run):
        raise RunExistsError(
            f"{run} is an ONNX export, which cannot be trained; give the run that it came from"
        )


def _is_beginning(path: Path) -> bool:
    """Return whether a run that was killed before it had its settings may have left this in its folder."""
    if path.name == CHECKPOINTS and path.is_dir():
        return all(inner.name == FIRST or inner.name.startswith(PREFIX) for inner in path.iterdir())
    return path.name in BEGINNINGS or path.name.startswith(PREFIX)
