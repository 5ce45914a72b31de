"""`manifest.json`: what a complete folder holds, and the check that it still does."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from textvae import __version__
from textvae.errors import ConfigError, CorruptRunError, NewerRunError, RunNotFoundError
from textvae.storage.unsafe import check_safe

MANIFEST = "manifest.json"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class FileRecord:
    """What the manifest says of one file.

    Attributes:
        sha256: hex digest of the content.
        size: bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """A folder's list of files, and what its writer noted beside them.

    Attributes:
        textvae: version of textvae that wrote the folder.
        files: record by relative POSIX name.
        metadata: the writer's JSON object.
    """

    textvae: str
    files: dict[str, FileRecord]
    metadata: dict[str, Any]

    def to_json(self) -> bytes:
        """Return the manifest's bytes, its own digest included."""
        body = {
            "format_version": FORMAT_VERSION,
            "textvae": self.textvae,
            "files": {name: {"sha256": r.sha256, "size": r.size} for name, r in sorted(self.files.items())},
            "metadata": self.metadata,
        }
        text = json.dumps({**body, "digest": _digest(body)}, indent=2, ensure_ascii=False)
        return text.encode("utf-8", errors="surrogatepass")


def as_json_object(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return `metadata` as JSON will give it back (tuples become lists).

    Raises:
        ConfigError: it holds what JSON cannot, such as NaN or a tensor.
    """
    try:
        return json.loads(json.dumps(metadata, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"metadata cannot be saved as JSON: {error}; keep to finite numbers and strings"
        ) from error


def describe_file(path: Path) -> FileRecord:
    """Return the digest and size in bytes of the file at `path`."""
    with path.open("rb") as file:
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of `folder`; its files are not looked at.

    Raises:
        RunNotFoundError: no such folder, or no manifest in it.
        NewerRunError: a later format than this version reads.
        CorruptRunError: the manifest is damaged.
    """
    path = Path(folder) / MANIFEST
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        there = "is not a folder" if Path(folder).exists() else "does not exist"
        what = f"has no {MANIFEST}" if Path(folder).is_dir() else there
        raise RunNotFoundError(f"nothing to load at {folder}: it {what}; check the path") from error
    except OSError as error:
        raise CorruptRunError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CorruptRunError(f"{path} is damaged: it cannot be read as JSON ({error})") from error
    return _parse(path, content)


def verify_folder(folder: Path, only: Iterable[str] | None = None) -> dict[str, Any]:
    """Check every listed file of `folder` (or those in `only`) by size and SHA-256; return the metadata.

    Raises:
        RunNotFoundError: no such folder, or no manifest in it.
        NewerRunError: a later format than this version reads.
        CorruptRunError: a file is missing, differs from the manifest, or is a pickle.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    check_safe(folder)
    for name in manifest.files if only is None else only:
        if name not in manifest.files:
            raise CorruptRunError(
                f"{name} is not in the manifest of {folder}: the folder is not what was expected"
            )
        _check_file(folder, name, manifest.files[name])
    return manifest.metadata


def is_complete(folder: Path) -> bool:
    """Return whether every listed file is there in its full size: quick, no content is read."""
    folder = Path(folder)
    try:
        files = read_manifest(folder).files
        return all((folder / name).stat().st_size == record.size for name, record in files.items())
    except (RunNotFoundError, CorruptRunError, NewerRunError, OSError):
        return False


def check_name(name: str) -> str:
    """Return `name` if it is a relative POSIX path that stays inside its folder.

    Raises:
        ValueError: it is not.
    """
    path = PurePosixPath(name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in name
        or ":" in name
        or str(path) != name
        or name == "."
    ):
        raise ValueError(f"{name!r} is not a relative path inside the folder")
    return name


def _check_file(folder: Path, name: str, expected: FileRecord) -> None:
    try:
        found = describe_file(folder / name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise CorruptRunError(f"{name} is missing from {folder}; copy the folder again") from error
    except OSError as error:
        raise CorruptRunError(f"{name} in {folder} cannot be read: {error.strerror}") from error
    if found.size != expected.size:
        raise CorruptRunError(
            f"{folder / name} is damaged: it has {found.size} bytes, the manifest says {expected.size}; "
            "copy the folder again"
        )
    if found.sha256 != expected.sha256:
        raise CorruptRunError(
            f"{folder / name} is damaged: its SHA-256 is not the manifest's; copy the folder again"
        )


def _parse(path: Path, content: Any) -> Manifest:
    try:
        if content["format_version"] > FORMAT_VERSION:
            writer = content.get("textvae")
            raise NewerRunError(
                f"{path.parent} was written by textvae {writer}; this is {__version__}: upgrade"
            )
        if content.pop("digest") != _digest(content):
            raise CorruptRunError(f"{path} is damaged: its digest is not that of its content")
        files = {
            check_name(n): FileRecord(str(r["sha256"]), int(r["size"])) for n, r in content["files"].items()
        }
        return Manifest(str(content["textvae"]), files, dict(content["metadata"]))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise CorruptRunError(f"{path} is damaged: it is not a manifest of textvae ({error!r})") from error


def _digest(body: dict[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
