"""`textvae evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Reading, WithModel
from textvae.cli.measuring import Measuring, Opened, write_page
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
    what = measuring.opened(run, data, reading, common)
    found = measuring.measured(what, common)
    if html:
        write_page(html, page(what, found), common.screen)
    if common.as_json:
        common.screen.json({"run": run, "data": what.corpus.name, **found.to_json()})
    else:
        show(found, common.screen, definitions=definitions)


def page(what: Opened, found: "Evaluation") -> str:
    """Return the HTML report."""
    from textvae.evaluation.pages import evaluation_page, examples
    from textvae.training.records import CURVES_FILE

    curves = Path(what.run) / CURVES_FILE
    return evaluation_page(
        found,
        examples(what.vae.codec, what.texts, what.conditions),
        title=f"{what.run} on {what.corpus.name}",
        curves=curves.read_bytes() if curves.exists() else None,
    )


def show(found: "Evaluation", screen: Screen, *, definitions: bool = False) -> None:
    """Print the measures."""
    from textvae.evaluation.definitions import line
    from textvae.evaluation.numbers import interval, number
    from textvae.evaluation.pages import is_of_answers, notes, summary

    screen.paragraph(summary(found))
    screen.say(f"units: {found.settings['units']}")
    rows: list[tuple[str, ...]] = []
    has_texts = "K" in found.settings
    for part in found.parts.values():
        rows += [("", "", "", "")] if rows and part.measures else []
        if has_texts and is_of_answers(part):
            rows.append(("answers:", "", "", ""))
            has_texts = False
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
