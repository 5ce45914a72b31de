"""Bytes that can be read again and again: a file, a gzip file, standard input."""

import gzip
import hashlib
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from textvae.errors import DataError

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Blob:
    """Named bytes; `open` gives a fresh binary stream at the start each time."""

    name: str
    suffix: str
    """The lower-case file extension without .gz, as ".csv"."""
    open: Callable[[], BinaryIO]

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in pieces of 256 KiB.

        Raises:
            DataError: the file cannot be read, or its gzip data are damaged.
        """
        try:
            with self.open() as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{self.name} is damaged gzip: {error}; compress it again") from error
        except OSError as error:
            raise DataError(f"{self.name} cannot be read: {error.strerror or error}") from error

    def start(self, size: int) -> bytes:
        """Return the first `size` bytes."""
        return next(self.chunks(), b"")[:size]

    def digest(self) -> bytes:
        """Return the SHA-256 of the bytes."""
        sha = hashlib.sha256()
        for chunk in self.chunks():
            sha.update(chunk)
        return sha.digest()


def file_blob(path: Path) -> Blob:
    """Open a file; one whose name ends in .gz is unpacked as it is read.

    Raises:
        DataError: no such file.
    """
    if not exists(path):
        raise DataError(f"no file at {path}; check the path")
    if path.suffix.lower() != ".gz":
        return Blob(path.name, path.suffix.lower(), lambda: path.open("rb"))
    return Blob(path.name, Path(path.stem).suffix.lower(), lambda: cast(BinaryIO, gzip.open(path, "rb")))


def stdin_blob() -> Blob:
    """Read standard input to its end, once; the bytes are kept in memory."""
    stream = getattr(sys.stdin, "buffer", None)
    content = stream.read() if stream is not None else sys.stdin.read().encode()
    return Blob("standard input", ".txt", lambda: io.BytesIO(content))


def exists(path: Path) -> bool:
    """Say whether there is such a path; a name no file can have is not an error."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
