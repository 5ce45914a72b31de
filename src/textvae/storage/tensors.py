"""Tensors as safetensors: exact in dtype and bits, never a pickle."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from textvae.errors import ConfigError, CorruptRunError
from textvae.storage.unsafe import is_pickle_like


def save_tensors(tensors: Mapping[str, Tensor]) -> Callable[[Path], None]:
    """Return a function that writes `tensors` to the path it is given, for `write_folder`.

    They are read when it is called. Tied tensors must have been reduced to one.

    Raises:
        ConfigError: (when called) two tensors share memory.
        OSError: (when called) the file system fails; `write_folder` makes it a SaveError.
    """

    def write(path: Path) -> None:
        # safetensors renames a private file (mode 600) over the path: keep the mode that the umask gives.
        path.touch(exist_ok=False)
        mode = path.stat().st_mode & 0o777
        try:
            safetensors.torch.save_file({name: t.detach().contiguous() for name, t in tensors.items()}, path)
        except SafetensorError as error:
            raise _as_os_error(error) from error
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"{path.name} cannot be saved: {reason[:200]}; pass each shared tensor once"
            ) from error
        path.chmod(mode)

    return write


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file onto the CPU, in the dtypes they were saved in.

    The bits are not checked here: `verify_folder` does that.

    Raises:
        CorruptRunError: the file is missing, a pickle, or not sound safetensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CorruptRunError(f"{path.name} is missing from {path.parent}")
    if is_pickle_like(path):
        raise CorruptRunError(
            f"{path} is a pickle or looks like one, which is never loaded: only safetensors and JSON"
        )
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise CorruptRunError(f"{path.name} in {path.parent} is damaged: {error}") from error


def _as_os_error(error: SafetensorError) -> Exception:
    """Return the OSError that safetensors put into words, so that a full disk is told as one."""
    match = re.search(r"\(os error (\d+)\)", str(error))
    return OSError(int(match[1]), os.strerror(int(match[1]))) if match else error
