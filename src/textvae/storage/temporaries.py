"""Names of what an interrupted save leaves behind, and how the last complete folder is found again.

A save builds `.tmp-NAME.new-TOKEN`. Where NAME exists it becomes `.tmp-NAME.old-TOKEN` for the instant between
two renames. By then the new folder is whole and on disk, so an `.old-` without NAME means: finish the swap.
"""

import re
import secrets
import shutil
from pathlib import Path
from typing import Literal

from textvae.errors import RunError
from textvae.storage.manifest import is_complete, verify_folder

PREFIX = ".tmp-"
Kind = Literal["new", "old", "file"]
_PATTERN = re.compile(r"\.tmp-(?P<name>.+)\.(?P<kind>new|old|file)-(?P<token>[0-9a-f]{8})", re.DOTALL)


def new_token() -> str:
    """Return eight random hex digits that pair the temporaries of one save."""
    return secrets.token_hex(4)


def temporary(target: Path, kind: Kind, token: str) -> Path:
    """Return the temporary beside `target`: the same folder, so that a rename is atomic."""
    return target.with_name(f"{PREFIX}{target.name}.{kind}-{token}")


def locate(target: Path) -> Path:
    """Return where the last complete version of `target` lies: `target`, unless a swap was interrupted.

    Reads only. Returns `target` too when there is no complete version.
    """
    target = Path(target)
    if target.exists():
        return target
    for old in _temporaries(target.parent, "old", target.name):
        new = temporary(target, "new", old.name[-8:])
        if _verifies(new):
            return new
        if is_complete(old):
            return old
    return target


def remove_stale_temporaries(parent: Path) -> None:
    """Finish interrupted swaps in `parent`, then remove what interrupted saves left.

    Only for the process that owns `parent`: it would remove the temporaries of a save in progress.
    """
    parent = Path(parent)
    for old in _temporaries(parent, "old"):
        _settle(_target_of(old))
    for kind in ("new", "file", "old"):
        for path in _temporaries(parent, kind):
            if kind != "old" or is_complete(_target_of(path)):
                remove(path)


def remove(path: Path) -> None:
    """Remove a file or a folder tree; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _settle(target: Path) -> None:
    found = locate(target)
    if found != target:
        found.rename(target)


def _temporaries(parent: Path, kind: str, name: str | None = None) -> list[Path]:
    """List the temporaries of one kind in `parent`, newest first."""
    if not parent.is_dir():
        return []
    matches = [(path, _PATTERN.fullmatch(path.name)) for path in parent.iterdir()]
    found = [p for p, m in matches if m and m["kind"] == kind and name in (None, m["name"])]
    return sorted(found, key=lambda path: path.lstat().st_mtime_ns, reverse=True)


def _target_of(path: Path) -> Path:
    match = _PATTERN.fullmatch(path.name)
    assert match is not None
    return path.with_name(match["name"])


def _verifies(folder: Path) -> bool:
    try:
        verify_folder(folder)
    except RunError:
        return False
    return True
