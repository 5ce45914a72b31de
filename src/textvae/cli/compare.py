"""`textvae compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.groups import Reading, WithModel
from textvae.cli.measuring import Measuring, run_folder, write_page
from textvae.cli.screen import Screen
from textvae.errors import RunError

if TYPE_CHECKING:
    from textvae.evaluation.comparison import Comparison, Row
    from textvae.evaluation.record import Evaluation

LEGEND = "better: the 95 % interval of the difference leaves out 0; (in brackets): it has none; ~: it may be chance; =: equal but for rounding"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN [RUN...]", help="Runs, two at least.")],
    reading: Reading,
    measuring: Measuring,
    common: WithModel,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Held-out texts; unset: the newest results that the runs have kept.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Also write the comparison as a page.")
    ] = None,
) -> None:
    """Lay measures of several models side by side.

    Differences come with intervals; numbers that are not comparable are told. The seed is 0 unless given.
    """
    from textvae.evaluation.comparison import compare as compared

    if not 2 <= len(runs) <= len(LETTERS):
        raise typer.BadParameter(f"{len(runs)} given; 2 to {len(LETTERS)} runs can be compared")
    if data is None:
        evaluations = newest(runs)
    else:
        opened = [measuring.opened(run, data, reading, common) for run in runs]
        evaluations = []
        for letter, what in zip(LETTERS, opened, strict=False):
            common.screen.note(f"{letter}  {what.run}")
            evaluations.append(measuring.measured(what, common))
    found = compared(dict(zip(LETTERS, evaluations, strict=False)))
    if html:
        from textvae.evaluation.pages import comparison_page

        legend = ", ".join(f"{letter} {run}" for letter, run in zip(found.evaluations, runs, strict=True))
        write_page(html, comparison_page(found, title=legend), common.screen)
    if common.as_json:
        common.screen.json({"runs": dict(zip(found.evaluations, runs, strict=True)), **found.to_json()})
    else:
        show(found, runs, common.screen)


def newest(runs: list[str]) -> "list[Evaluation]":
    """Return the newest evaluations of the models as they are, with settings that all runs have kept results of; else the newest of each.

    Raises:
        RunError: a run has none.
    """
    from textvae.evaluation.digests import state_digest
    from textvae.evaluation.kept import kept_evaluations
    from textvae.vae import TextVAE

    kept = []
    for run in runs:
        folder, state = run_folder(run), state_digest(TextVAE.from_pretrained(run, backend="torch").codec)
        kept.append(kept_evaluations(folder, state) if folder else [])
        if not kept[-1]:
            raise RunError(
                f"{run} has no results of an evaluation of the model and prior that it holds now; give --data to measure it"
            )
    for first in kept[0]:
        alike = [next((one for one in found if one.settings == first.settings), None) for found in kept]
        if len(same := [one for one in alike if one]) == len(runs):
            return same
    return [found[0] for found in kept]


def show(found: "Comparison", runs: list[str], screen: Screen) -> None:
    """Print the comparison."""
    from textvae.evaluation.pages import summary

    names = list(found.evaluations)
    for name, run in zip(names, runs, strict=True):
        screen.paragraph(f"{run}: {summary(found.evaluations[name])}", mark=name)
    head = ("measure", *names, *(("B - A", "95 % interval") if len(names) == 2 else ()), "better")
    screen.table(
        head, [cells(row, names) for row in found.rows.values()], right=tuple(range(1, len(head) - 1))
    )
    screen.paragraph(LEGEND)
    obstacles: dict[str, list[str]] = {}
    for row in found.rows.values():
        if row.obstacle:
            obstacles.setdefault(row.obstacle, []).append(row.definition.name)
    for obstacle, measures in obstacles.items():
        screen.paragraph(f"not comparable ({obstacle}): {'; '.join(measures)}", mark="·")


def cells(row: "Row", names: list[str]) -> tuple[str, ...]:
    """Return the cells of a measure."""
    from textvae.evaluation.numbers import interval, number

    values = [number(value) if (value := row.values[name]) is not None else "–" for name in names]
    if len(names) == 2:
        one = row.differences.get(names[1])
        values += [f"{one.value:+,.3g}", interval(one.interval)] if one else ["", ""]
    return (row.definition.name, *values, mark(row))


def mark(row: "Row") -> str:
    """Return which is better, and how sure that is."""
    if row.obstacle:
        return "–"
    if row.best is None:
        return "=" if row.is_tie and row.definition.better != "neither" else ""
    return {True: row.best, False: "~", None: f"({row.best})"}[row.is_decided]
