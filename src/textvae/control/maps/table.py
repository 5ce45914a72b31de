"""A map as a parquet table."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from textvae.errors import MissingExtraError


def check_available() -> None:
    """Raise `MissingExtraError` unless pyarrow is installed."""
    _pyarrow()


def table(
    texts: Sequence[str],
    points: np.ndarray,
    *,
    label: str | None,
    values: Sequence[Any] | None,
    z: np.ndarray | None,
) -> bytes:
    """Return a parquet file with a row a text: text, x, y, the label under its own name as text, and z where it is given.

    Args:
        texts: N of them.
        points: (N, 2).
        label: the name of the label; one that is taken gets "label_" before it. None: none.
        values: of the label, N.
        z: (N, D); a list of D numbers a row.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    pa, parquet = _pyarrow()
    columns: dict[str, Any] = {
        "text": pa.array(list(texts), pa.string()),
        "x": pa.array(points[:, 0]),
        "y": pa.array(points[:, 1]),
    }
    if z is not None:
        flat = pa.array(np.ascontiguousarray(z, dtype=np.float32).ravel())
        columns["z"] = pa.FixedSizeListArray.from_arrays(flat, z.shape[1])
    if label is not None and values is not None:
        name = f"label_{label}" if label in columns else label
        columns[name] = pa.array([None if value is None else str(value) for value in values], pa.string())
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("pyarrow", "data") from error
    return pyarrow, parquet
