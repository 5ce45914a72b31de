"""Where the model of a run lies."""

from pathlib import Path

from textvae.errors import RunNotFoundError
from textvae.storage.manifest import MANIFEST, is_complete, read_manifest
from textvae.storage.temporaries import locate

MODEL_FOLDER, CHECKPOINTS, BASELINE = "model", "checkpoints", "baseline"
ATTRIBUTES, PERSONS = "attributes", "persons"
"""Of a run folder: what was fitted to its weights."""
EXPORT_FILE = "export.json"
"""Its presence in the manifest tells an export from a saved model."""
HUB = "hf://"
DOWNLOADED = ["*.json", "*.safetensors", "*.onnx", "*.data"]
"""What is asked of the Hub; `*` matches folders too."""


def model_folder(run: str | Path) -> Path:
    """Return the folder that holds the model of `run`.

    A run's best model; while there is none yet, its newest checkpoint; a folder that is itself a saved model; the
    local copy of `hf://owner/name`, which is downloaded (no code, no pickle).

    Raises:
        RunNotFoundError: nothing to load there.
    """
    if not isinstance(run, str | Path):
        raise RunNotFoundError(f"a run is {run!r:.40}; give the path of its folder, or hf://owner/name")
    if str(run).startswith(HUB):
        return _downloaded(str(run).removeprefix(HUB))
    run = locate(Path(run).expanduser())
    if (run / MANIFEST).exists():
        return run
    best = locate(run / MODEL_FOLDER)
    if best.is_dir():
        return best
    for folder in sorted((run / CHECKPOINTS).glob("step-*"), reverse=True):
        if is_complete(folder):
            return folder
    what = "holds no model" if run.is_dir() else "is not a folder" if run.exists() else "does not exist"
    raise RunNotFoundError(f"{run} {what}; give the folder that `textvae train` wrote (its --output)")


def is_export(folder: Path) -> bool:
    """Return whether `folder` is a model written by `textvae export`.

    Raises:
        CorruptRunError: its manifest is damaged.
        NewerRunError: written by a later version.
    """
    return (folder / MANIFEST).exists() and EXPORT_FILE in read_manifest(folder).files


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if name.count("/") != 1 or not all(name.split("/")):
        raise RunNotFoundError(f"hf://{name} names no model; write hf://owner/name")
    try:
        folder = snapshot_download(name, allow_patterns=DOWNLOADED, ignore_patterns=[f"{CHECKPOINTS}/*"])
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise RunNotFoundError(
            f"hf://{name} cannot be had: {reason}; check the name and the network"
        ) from error
    return model_folder(folder)
