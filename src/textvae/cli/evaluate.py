"""`textvae evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Reading, WithModel
from textvae.cli.measuring import Measured, Measuring, json_of, write_page
from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.evaluation.record import Evaluation


def evaluate(
    run: Run,
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="Held-out texts; of training data, the held-out share is used."),
    ],
    reading: Reading,
    measuring: Measuring,
    common: WithModel,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write a report with plots and texts, some of DATA among them.",
        ),
    ] = None,
    definitions: Annotated[bool, typer.Option("--definitions", help="Also say what each number is.")] = False,
) -> None:
    """Measure a model on held-out texts.

    Results are kept in RUN/evaluation: a later call goes on from there. The seed is 0 unless given.
    """
    measured = measuring.measured(run, data, reading, common)
    if html:
        write_page(html, page(run, measured), common.screen)
    if common.as_json:
        common.screen.json({"run": run, **json_of(measured)})
    else:
        show(measured.found, common.screen, definitions=definitions)


def page(run: str, measured: Measured) -> str:
    """Return the HTML report."""
    from textvae.evaluation.pages import evaluation_page, examples
    from textvae.training.records import CURVES_FILE

    curves = Path(run) / CURVES_FILE
    return evaluation_page(
        measured.found,
        examples(measured.vae.codec, measured.texts, measured.conditions),
        title=f"{run} on {measured.data}",
        curves=curves.read_bytes() if curves.exists() else None,
    )


def show(found: "Evaluation", screen: Screen, *, definitions: bool = False) -> None:
    """Print the measures."""
    from textvae.evaluation.definitions import line
    from textvae.evaluation.numbers import interval, number
    from textvae.evaluation.pages import notes, summary

    screen.say(summary(found), f"units: {found.settings['units']}")
    rows: list[tuple[str, ...]] = []
    for part in found.parts.values():
        rows += [("", "", "", "")] if rows and part.measures else []
        for key in (key for key in found.measures if key in part.measures):
            definition = found.definition(key)
            bounds = interval(found.intervals.get(key))
            rows.append((definition.name, number(found.measures[key]), bounds, definition.unit))
    screen.table(("measure", "value", "95 % interval", "unit"), rows, right=(1, 2))
    for note in notes(found):
        screen.note(f"note: {note}")
    if definitions:
        screen.heading("definitions")
        for key in found.measures:
            screen.paragraph(line(found.definition(key), found.settings_of(key)), mark="·")
