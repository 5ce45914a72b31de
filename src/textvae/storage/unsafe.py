"""Files that are never loaded: pickles, under any name."""

from pathlib import Path

from textvae.errors import CorruptRunError

PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib"})
_ZIP = b"PK\x03\x04"
_PICKLE_PROTOCOLS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))


def check_safe(folder: Path) -> None:
    """Raise if a pickle-like file lies anywhere below `folder`.

    Raises:
        CorruptRunError: a name with a pickle's suffix, or a *.safetensors that is a pickle or a zip inside.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_file() and is_pickle_like(path):
            raise CorruptRunError(
                f"{path} is a pickle or looks like one, which is never loaded: only safetensors and JSON; remove it"
            )


def is_pickle_like(path: Path) -> bool:
    """Return whether the file's suffix, or for *.safetensors its first bytes, are those of a pickle."""
    suffix = path.suffix.lower()
    return suffix in PICKLE_SUFFIXES or (suffix == ".safetensors" and _starts_like_pickle(path))


def _starts_like_pickle(path: Path) -> bool:
    """Look at the first bytes.

    A sound safetensors file may start with a pickle's two magic bytes: a header of 1,152 bytes is written
    80 04 00 ... So a length that fits the file with "{" after it is taken for what it says it is.
    """
    with path.open("rb") as file:
        head = file.read(9)
    fits = int.from_bytes(head[:8], "little") <= path.stat().st_size - 8 and head[8:] == b"{"
    return not fits and head.startswith((_ZIP, *_PICKLE_PROTOCOLS))
