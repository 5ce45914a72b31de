"""Measures of main answers, with the same measures of references beside them: what good texts of the task would have."""

from collections.abc import Callable
from typing import TypeVar

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition, Direction
from textvae.evaluation.tasks.task import Task

Found = TypeVar("Found", float, Tally)
SUFFIX = "_references"
ANSWERS, REFERENCES = "first answers", "first references"


def beside(
    key: str,
    name: str,
    unit: str,
    better: Direction,
    text: str,
    settings: tuple[str, ...] = ("N",),
    same: tuple[str, ...] = ("texts", "units"),
) -> tuple[Definition, Definition]:
    """Return the definitions of a measure of first answers and of its yardstick; {texts} in `text` names either."""
    return (
        Definition(key, name, unit, better, text.format(texts=ANSWERS), settings, same=same),
        Definition(
            f"{key}{SUFFIX}",
            f"{name}, refs",
            unit,
            "neither",
            f"{text.format(texts=REFERENCES)} The yardstick.",
            settings,
            same=same,
        ),
    )


def both(task: Task, key: str, measured: Callable[[list[str]], Found]) -> dict[str, Found]:
    """Return a measure of first answers and, where there are references, of the first ones, by key."""
    found = {key: measured(task.main)}
    if task.first_references is not None:
        found[f"{key}{SUFFIX}"] = measured(task.first_references)
    return found
