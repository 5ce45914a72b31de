"""Token files on disk: written once a corpus and tokenizer, checked and memory-mapped afterwards."""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from textvae.data.tokenizers import Tokenizer
from textvae.errors import DataError

FORMAT_VERSION = 1
CHUNK_TEXTS, CHUNK_CHARS = 4096, 4_000_000
"""What is encoded, and held in memory, at a time."""

_IDS, _OFFSETS, _MANIFEST = "ids.bin", "offsets.bin", "manifest.json"
_OFFSET = np.dtype("<i8")


@dataclass(frozen=True)
class TokenArrays:
    """Rows of ids end to end: row i is `ids[offsets[i]:offsets[i + 1]]`."""

    ids: np.ndarray
    offsets: np.ndarray
    num_empty: int
    """Texts of no token, which are left out."""


def default_cache_dir() -> Path:
    """Return $TEXTVAE_CACHE, else `textvae` in $XDG_CACHE_HOME, else in the platform's folder for caches."""
    if own := os.environ.get("TEXTVAE_CACHE"):
        return Path(own).expanduser()
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg).expanduser() / "textvae"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "textvae"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "textvae" / "cache"
    return Path.home() / ".cache" / "textvae"


def encode_all(texts: Iterable[str], tokenizer: Tokenizer) -> TokenArrays:
    """Encode texts into memory."""
    ids, lengths = [np.empty(0, id_dtype(tokenizer))], [np.empty(0, np.int64)]
    for rows, sizes in _encoded(texts, tokenizer):
        ids.append(rows)
        lengths.append(sizes)
    sizes = np.concatenate(lengths)
    offsets = np.concatenate([[0], np.cumsum(sizes[sizes > 0])]).astype(_OFFSET)
    return TokenArrays(np.concatenate(ids), offsets, int((sizes == 0).sum()))


def cached(texts: Iterable[str], key: str, tokenizer: Tokenizer, cache_dir: Path) -> TokenArrays:
    """Return the memory-mapped tokens of a corpus, encoding it where they are not there or are damaged.

    Args:
        texts: the corpus.
        key: the corpus's fingerprint.
        tokenizer: it encodes.
        cache_dir: where all corpora's tokens lie, each in a folder of its own.

    Raises:
        DataError: the cache cannot be written.
    """
    name = hashlib.sha256(f"{FORMAT_VERSION} {key} {tokenizer.fingerprint}".encode()).hexdigest()[:32]
    folder = cache_dir / "tokens" / name
    if (arrays := _opened(folder)) is not None:
        return arrays
    built = _built(folder, texts, tokenizer)
    if (arrays := _opened(built)) is None:
        raise DataError(
            f"the token cache {built} cannot be read back; free some disk space or set TEXTVAE_CACHE"
        )
    return arrays


def id_dtype(tokenizer: Tokenizer) -> np.dtype:
    """Return the narrowest unsigned type that holds every id."""
    return np.dtype("<u2" if tokenizer.vocab_size <= 2**16 else "<u4")


def _encoded(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give, for each chunk, its ids end to end and the lengths of all its texts, empty ones included."""
    dtype = id_dtype(tokenizer)
    for chunk in _chunks(texts):
        rows = tokenizer.encode(chunk)
        yield np.concatenate(rows).astype(dtype), np.fromiter(map(len, rows), np.int64, len(rows))


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    num_chars = 0
    for text in texts:
        chunk.append(text)
        num_chars += len(text)
        if len(chunk) == CHUNK_TEXTS or num_chars >= CHUNK_CHARS:
            yield chunk
            chunk, num_chars = [], 0
    if chunk:
        yield chunk


def _built(folder: Path, texts: Iterable[str], tokenizer: Tokenizer) -> Path:
    """Write beside the final place and rename, so that no reader ever meets half a cache."""
    parent = folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=parent))
    except OSError as error:
        raise _unwritable(parent, error) from error
    try:
        _write(scratch, texts, tokenizer)
        shutil.rmtree(folder, ignore_errors=True)  # a damaged one
        with suppress(OSError):  # another process was faster: its files are as good
            scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _write(folder: Path, texts: Iterable[str], tokenizer: Tokenizer) -> None:
    end = num_rows = num_empty = 0
    with (folder / _IDS).open("wb") as ids, (folder / _OFFSETS).open("wb") as offsets:
        _put(offsets, np.zeros(1, _OFFSET))
        for rows, sizes in _encoded(texts, tokenizer):
            kept = sizes[sizes > 0]
            _put(ids, rows)
            _put(offsets, (end + np.cumsum(kept)).astype(_OFFSET))
            end, num_rows, num_empty = (
                end + len(rows),
                num_rows + len(kept),
                num_empty + len(sizes) - len(kept),
            )
    manifest = {
        "dtype": id_dtype(tokenizer).str,
        "num_ids": end,
        "num_rows": num_rows,
        "num_empty": num_empty,
        _IDS: _digest(folder / _IDS),
        _OFFSETS: _digest(folder / _OFFSETS),
    }
    try:
        (folder / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    except OSError as error:
        raise _unwritable(folder, error) from error


def _put(file: Any, array: np.ndarray) -> None:
    # Errors are translated here, not around the whole loop, which reads the corpus and has errors of its own.
    try:
        file.write(array.tobytes())
        file.flush()
    except OSError as error:
        raise _unwritable(Path(file.name).parent, error) from error


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(
        f"the token cache {folder} cannot be written: {error.strerror}; set TEXTVAE_CACHE to another folder"
    )


def _opened(folder: Path) -> TokenArrays | None:
    """Map the files of a cache; None: absent or damaged."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if any(_digest(folder / name) != manifest[name] for name in (_IDS, _OFFSETS)):
            return None
        ids = _mapped(folder / _IDS, np.dtype(manifest["dtype"]), manifest["num_ids"])
        offsets = _mapped(folder / _OFFSETS, _OFFSET, manifest["num_rows"] + 1)
        return TokenArrays(ids, offsets, manifest["num_empty"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _mapped(path: Path, dtype: np.dtype, size: int) -> np.ndarray:
    return (
        np.memmap(path, dtype, "r", shape=(size,)) if size else np.empty(0, dtype)
    )  # no file of 0 bytes can be mapped


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
