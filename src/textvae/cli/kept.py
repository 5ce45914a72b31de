"""What the verbs on things fitted to a run have in common: showing them, deleting one."""

from collections.abc import Callable
from typing import Any, TypeVar

from textvae.cli.groups import Common
from textvae.codec.kept import Kept
from textvae.codec.location import model_folder

T = TypeVar("T")


def show_all(
    run: str,
    kept: Kept[T],
    common: Common,
    *,
    line: Callable[[T], str],
    record: Callable[[T], dict[str, Any]],
    none: str,
) -> None:
    """Show each in a line, or all as a JSON object; `none` is said where there is none."""
    model_folder(run)  # refuses what is no run
    found = list(kept.values())
    if common.as_json:
        common.screen.json({"run": run, kept.folder_name: [record(one) for one in found]})
        return
    for one in found:
        common.screen.say(line(one))
    if not found:
        common.screen.note(none)


def delete_one(run: str, kept: Kept[Any], name: str, common: Common) -> None:
    """Delete one's file and say so."""
    kept.delete(name)
    if common.as_json:
        common.screen.json({"run": run, "deleted": name})
    else:
        common.screen.note(f"{name} is deleted from {run}")
