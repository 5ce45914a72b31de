"""Where the model of a run lies."""

from pathlib import Path

from textvae.errors import DataError, RunNotFoundError
from textvae.storage.manifest import MANIFEST, is_complete
from textvae.storage.temporaries import locate

MODEL_FOLDER, CHECKPOINTS = "model", "checkpoints"
HUB = "hf://"


def model_folder(run: str | Path) -> Path:
    """Return the folder that holds the model of `run`.

    A run's best model; while there is none yet, its newest checkpoint; a folder that is itself a saved model; the
    local copy of `hf://owner/name`, which is downloaded (no code, no pickle).

    Raises:
        RunNotFoundError: nothing to load there.
    """
    if str(run).startswith(HUB):
        return _downloaded(str(run).removeprefix(HUB))
    run = Path(run).expanduser()
    if (run / MANIFEST).exists():
        return run
    best = locate(run / MODEL_FOLDER)
    if best.is_dir():
        return best
    for folder in sorted((run / CHECKPOINTS).glob("step-*"), reverse=True):
        if is_complete(folder):
            return folder
    what = "holds no model" if run.is_dir() else "is not a folder"
    raise RunNotFoundError(f"{run} {what}; give the folder that `textvae train` wrote (its --output)")


def _downloaded(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    if name.count("/") != 1:
        raise DataError(f"hf://{name} names no model; write hf://owner/name")
    try:
        folder = snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.txt", "model/*"])
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise RunNotFoundError(f"hf://{name} cannot be had: {str(error).splitlines()[0]}") from error
    return model_folder(folder)
