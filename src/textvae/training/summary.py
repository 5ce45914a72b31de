"""What a run folder says of itself, read from its files."""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from textvae.config import RunConfig, load_settings
from textvae.errors import CorruptRunError
from textvae.training.measures import HeldOut


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A run, or a saved model alone; what is not there is None or empty."""

    folder: Path
    """Where the model lies."""
    version: str
    """The textvae that wrote it."""
    num_parameters: int
    model: dict[str, Any]
    decoding: dict[str, Any]
    metadata: dict[str, Any]
    settings: RunConfig | None
    export: dict[str, Any]
    """Of an export: format, precision and the like."""

    @property
    def facts(self) -> dict[str, Any]:
        """Names, counts and hashes of the data."""
        return self.metadata.get("data", {})

    @property
    def held_out(self) -> HeldOut | None:
        """Measures on held-out texts; None where none were taken."""
        found = self.metadata.get("held_out")
        return None if found is None else HeldOut(**found)


def summarize(run: str | Path, *, verify: bool = True) -> Summary:
    """Read what a run or saved model says of itself; with `verify`, after a check of every file.

    Raises:
        RunNotFoundError: nothing there.
        CorruptRunError: a missing, damaged or unsafe file.
        NewerRunError: written by a later version.
    """
    from textvae.codec.files import DECODING_FILE, MODEL_FILE, WEIGHTS_FILE
    from textvae.codec.location import is_export, model_folder
    from textvae.export.folder import read_about
    from textvae.storage.manifest import read_manifest, verify_folder

    folder = model_folder(run)
    if verify:
        verify_folder(folder)
    manifest = read_manifest(folder)
    export = read_about(folder) if is_export(folder) else {}
    return Summary(
        folder=folder,
        version=manifest.textvae,
        num_parameters=export["num_parameters"] if export else num_parameters(folder / WEIGHTS_FILE),
        model=json.loads((folder / MODEL_FILE).read_bytes()),
        decoding=json.loads((folder / DECODING_FILE).read_bytes()),
        metadata=manifest.metadata,
        settings=run_settings(Path(run).expanduser()),
        export=export,
    )


def run_settings(run: Path) -> RunConfig | None:
    """Return the settings of a run; None where there is no run folder around the model."""
    path = run / "config.yaml"
    return load_settings(path) if path.exists() else None


def num_parameters(weights: Path) -> int:
    """Return how many trained numbers a safetensors file holds, from its header.

    Raises:
        CorruptRunError: it has none.
    """
    from textvae.models.output import COUNTED

    try:
        with weights.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    except (OSError, struct.error, ValueError) as error:
        raise CorruptRunError(f"{weights} cannot be read: {error}") from error
    trained = (name for name in header if name != "__metadata__" and not name.endswith(COUNTED))
    return sum(prod(header[name]["shape"]) for name in trained)
