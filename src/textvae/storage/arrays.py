"""Arrays with a JSON record beside them, in one safetensors file."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError, safe_open

from textvae.errors import CorruptRunError
from textvae.storage.unsafe import is_pickle_like

RECORD, DIGEST = "record", "sha256"


def packed(arrays: Mapping[str, np.ndarray], record: Mapping[str, Any]) -> bytes:
    """Return the file's bytes; the record lies in its header, with a digest of everything."""
    arrays = {
        name: np.asarray(array, order="C") for name, array in arrays.items()
    }  # else saved in another order
    text = json.dumps(dict(record), ensure_ascii=False)
    header = {RECORD: text, DIGEST: _digest(arrays, text)}
    return safetensors.numpy.save(arrays, metadata=header)


def unpacked(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `packed` made.

    Raises:
        CorruptRunError: the file is missing, damaged, or another kind of file.
    """
    if not path.is_file() or is_pickle_like(path):
        raise CorruptRunError(f"{path} is missing, or no safetensors file; only those are read")
    try:
        with safe_open(path, framework="np") as file:
            header = file.metadata()
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header[DIGEST] != _digest(arrays, header[RECORD]):
            raise CorruptRunError(f"{path} is damaged: its SHA-256 is not that of its content")
        return arrays, dict(json.loads(header[RECORD]))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CorruptRunError(f"{path} is damaged: {error}") from error


def _digest(arrays: Mapping[str, np.ndarray], text: str) -> str:
    hashed = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        hashed.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return hashed.hexdigest()
