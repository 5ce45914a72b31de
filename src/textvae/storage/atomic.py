"""Writing that is all or nothing: a folder or file is there complete and on disk, or as it was before.

Order matters. Every file is on disk before the folder's name appears (fsync, then rename), and the name is on
disk before anything old goes (fsync of the parent, then remove). A reader of a folder that is being replaced
may find it absent for the instant between two renames: `temporaries.locate` bridges it.
"""

import errno
import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from textvae import __version__
from textvae.errors import (
    ConfigError,
    CorruptRunError,
    NewerRunError,
    RunExistsError,
    RunNotFoundError,
    SaveError,
)
from textvae.storage.manifest import (
    MANIFEST,
    Manifest,
    as_json_object,
    check_name,
    describe_file,
    read_manifest,
)
from textvae.storage.temporaries import new_token, remove, temporary
from textvae.storage.unsafe import PICKLE_SUFFIXES

Content = bytes | Callable[[Path], None]
"""A file's bytes, or a function that writes the file at the path it is given."""

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_folder(target: Path, files: Mapping[str, Content], *, metadata: dict[str, Any]) -> None:
    """Write a complete new folder with a manifest, atomically; a folder of textvae already there is replaced whole.

    Args:
        target: the folder; its parents are made.
        files: content by relative POSIX name, as "model.safetensors" or "tokenizer/tokenizer.json".
        metadata: a JSON object, kept in the manifest.

    Raises:
        ConfigError: a name that is unsafe or a pickle's, or metadata that JSON cannot hold.
        RunExistsError: something that is not a folder of textvae is there.
        SaveError: disk full or another failure of the file system; what was there before is intact.
    """
    metadata = as_json_object(metadata)
    _check_names(files)
    target = Path(target).resolve()
    with _save_errors(target):
        _check_replaceable(target)
        _make_folder(target.parent)
        token = new_token()
        new = temporary(target, "new", token)
        try:
            _fill(new, files, metadata)
            _publish(new, target, aside=temporary(target, "old", token))
        except BaseException:
            remove(new)
            raise


def write_file(path: Path, content: bytes) -> None:
    """Write one file atomically, over the one that is there.

    Raises:
        SaveError: a folder of that name, disk full or another failure of the file system; the file before it is intact.
    """
    path = Path(path).resolve()
    if path.is_dir():
        raise SaveError(f"{path} is a folder; give the name of a file")
    new = temporary(path, "file", new_token())
    with _save_errors(path):
        _make_folder(path.parent)
        try:
            _write(new, content, path.name)
            _step(f"replace {path.name}")
            new.replace(path)
            _sync(path.parent, "parent")
        except BaseException:
            remove(new)
            raise


def _fill(folder: Path, files: Mapping[str, Content], metadata: dict[str, Any]) -> None:
    _step("make folder")
    folder.mkdir()
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _write(folder / name, content, name)
    records = {name: describe_file(folder / name) for name in files}
    _write(folder / MANIFEST, Manifest(__version__, records, metadata).to_json(), MANIFEST)
    for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
        _sync(inner, inner.name)
    _sync(folder, "folder")


def _publish(new: Path, target: Path, aside: Path) -> None:
    if replacing := target.exists():
        _step("set aside")
        target.rename(aside)
    try:
        _step("publish")
        new.rename(target)
    except BaseException:
        if replacing and not target.exists():
            aside.rename(target)
        raise
    _sync(target.parent, "parent")
    if replacing:
        _step("remove old")
        remove(aside)
    _step("done")


def _write(path: Path, content: Content, name: str) -> None:
    _step(f"write {name}")
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        content(path)
    _sync(path, name)


def _sync(path: Path, name: str) -> None:
    """Wait until the file or folder at `path` is on disk. Windows has no such call for folders."""
    _step(f"sync {name}")
    windows = os.name == "nt"
    if windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(folder: Path) -> None:
    """Make `folder` and its parents, each name on disk."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _sync(path.parent, "parents")


def _check_names(files: Mapping[str, Content]) -> None:
    for name in files:
        try:
            check_name(name)
        except ValueError as error:
            raise ConfigError(f"a file cannot be named so: {error}") from error
        if name == MANIFEST or Path(name).suffix.lower() in PICKLE_SUFFIXES:
            raise ConfigError(
                f"a file cannot be named {name!r}: only safetensors and JSON are written, beside {MANIFEST}"
            )


def _check_replaceable(target: Path) -> None:
    """Let through what is absent, empty, or ours (even with a damaged file); never anybody else's folder."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    try:
        read_manifest(target)
    except (RunNotFoundError, CorruptRunError, NewerRunError) as error:
        raise RunExistsError(
            f"{target} exists and cannot be replaced ({error}); move it away or choose another name"
        ) from error


@contextmanager
def _save_errors(target: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            what = f"disk full while saving {target}"
            remedy = "free space and run again (training: with --resume)"
        else:
            what = f"{target} could not be saved: {error.strerror or error}"
            remedy = "mend that and run again (training: with --resume)"
        raise SaveError(f"{what}; what was there before is intact: {remedy}") from error


def _step(name: str) -> None:
    """Mark the point just before one operation of a save. Does nothing; tests interrupt a save here."""
