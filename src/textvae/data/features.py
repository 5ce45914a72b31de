"""Feature arrays as conditions: vectors, sequences and images, from .npy and .npz files or from columns."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from textvae.data.columns import is_missing
from textvae.errors import ConditionError, DataError

ARRAY_SUFFIXES = (".npy", ".npz")
PATCH = 4
"""Pixels along a side of the squares that an image is cut into."""


@dataclass(frozen=True, kw_only=True)
class Features:
    """What the features of a model look like, and how they are scaled.

    Attributes:
        shape: of one row as it comes: (F,), (S, F), or (height, width, channels).
        mean: of all numbers of the training rows.
        deviation: of the same, not 0.
    """

    shape: tuple[int, ...]
    mean: float
    deviation: float

    @classmethod
    def fitted(cls, array: np.ndarray) -> Self:
        """Learn shape and scale from training rows, (N, ...)."""
        deviation = float(array.std(dtype=np.float64)) if array.min() < array.max() else 1.0
        return cls(shape=array.shape[1:], mean=float(array.mean(dtype=np.float64)), deviation=deviation)

    @property
    def is_sequence(self) -> bool:
        """Whether a row is a sequence of vectors, which a decoder attends to; else it is one vector."""
        return len(self.shape) > 1

    @property
    def num_vectors(self) -> int:
        """S, vectors of a row; 1 where it is one."""
        if len(self.shape) == 3:
            return math.ceil(self.shape[0] / PATCH) * math.ceil(self.shape[1] / PATCH)
        return self.shape[0] if self.is_sequence else 1

    @property
    def width(self) -> int:
        """F, numbers of one vector."""
        return PATCH * PATCH * self.shape[2] if len(self.shape) == 3 else self.shape[-1]

    def encode(self, array: np.ndarray) -> np.ndarray:
        """Return rows, (N, *shape), scaled and, of images, cut into patches: (N, S, F) or (N, F) float32.

        Raises:
            ConditionError: rows of another shape; NaN or Inf.
        """
        if array.shape[1:] != self.shape:
            raise ConditionError(
                f"features have shape {array.shape[1:]} a row; this model was trained with {self.shape}"
            )
        scaled = (array.astype(np.float32) - np.float32(self.mean)) / np.float32(self.deviation)
        if not np.isfinite(scaled).all():
            raise ConditionError("features hold NaN or Inf; every number must be finite")
        return _patches(scaled) if len(self.shape) == 3 else scaled


def open_array(place: str) -> np.ndarray:
    """Open a .npy file, or one array of an .npz file (as pixels.npz:train_x); .npy is memory-mapped.

    Raises:
        DataError: no such file or array, or objects in place of numbers.
    """
    name, _, key = place.rpartition(":") if ".npz:" in place else (place, "", "")
    path = Path(name).expanduser()
    try:
        if path.suffix != ".npz":
            return checked(np.load(path, mmap_mode="r", allow_pickle=False), name)
        with path.open("rb") as file:  # NumPy leaves a broken archive open
            opened = np.load(file, allow_pickle=False)
            several = isinstance(opened, np.lib.npyio.NpzFile)
            return checked(opened[_key(opened.files, key, name)] if several else opened, place)
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror or error}") from error
    except DataError:
        raise
    except (ValueError, EOFError, BadZipFile) as error:
        raise DataError(
            f"{name} holds no plain array of numbers (a pickle is never loaded); save one with numpy.save"
        ) from error


def _key(keys: Sequence[str], wanted: str, name: str) -> str:
    """Return the array that is wanted of a file that may hold several."""
    if wanted in keys:
        return wanted
    if wanted or not keys:
        raise DataError(f"{name} holds no {wanted or 'array'!r}; it has {', '.join(keys) or 'nothing'}")
    if len(keys) > 1:
        raise DataError(f"{name} holds {', '.join(keys)}; choose one, as {name}:{keys[0]}")
    return keys[0]


def is_array_place(text: str) -> bool:
    """Say whether a feature is a file, not a column."""
    return text.lower().partition(".npz:")[0].endswith(ARRAY_SUFFIXES) or ".npz:" in text.lower()


def gathered(cells: Sequence[Any], where: str) -> np.ndarray:
    """Return the cells of a column of numbers or lists as an array, (N, ...).

    Raises:
        ConditionError: a missing cell, or rows of different shapes.
    """
    if any(is_missing(cell) for cell in cells):
        raise ConditionError(f"{where} has rows without features; every row needs them")
    try:
        rows = np.stack([np.atleast_1d(np.asarray(_parsed(cell), dtype=np.float32)) for cell in cells])
    except (TypeError, ValueError) as error:
        raise ConditionError(
            f"{where} holds no rows of numbers of one shape ({str(error).splitlines()[0]})"
        ) from error
    return checked(rows, where)


def checked(array: np.ndarray, where: str) -> np.ndarray:
    """Return an array of numbers with a row for each text.

    Raises:
        DataError: another kind, or too few or too many dimensions.
    """
    if array.dtype.kind not in "fiub":
        raise DataError(f"{where} holds {array.dtype}; numbers are needed")
    if not 1 <= array.ndim <= 4:
        raise DataError(
            f"{where} has shape {array.shape}; give (N, F) vectors, (N, S, F) sequences or (N, height, width, channels)"
        )
    return array[:, None] if array.ndim == 1 else array


def _parsed(cell: Any) -> Any:
    """Return a cell of numbers; in tables of text they stand as 1 2 3, 1,2,3 or [1, 2, 3]."""
    if not isinstance(cell, str):
        return cell
    if cell.lstrip().startswith("["):
        return json.loads(cell)
    return [float(part) for part in cell.replace(",", " ").split()]


def _patches(images: np.ndarray) -> np.ndarray:
    """Cut images, (N, height, width, C), into squares row by row: (N, S, PATCH * PATCH * C); edges are filled with 0."""
    num, height, width, channels = images.shape
    filled = np.pad(images, ((0, 0), (0, -height % PATCH), (0, -width % PATCH), (0, 0)))
    tall, wide = filled.shape[1] // PATCH, filled.shape[2] // PATCH
    cut = filled.reshape(num, tall, PATCH, wide, PATCH, channels)
    return cut.transpose(0, 1, 3, 2, 4, 5).reshape(num, tall * wide, PATCH * PATCH * channels)
