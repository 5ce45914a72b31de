"""`textvae measure`: answers of any model, in files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.answers import Beside
from textvae.cli.compare import LETTERS
from textvae.cli.compare import show as show_comparison
from textvae.cli.evaluate import show
from textvae.cli.groups import Common, Reading
from textvae.cli.measuring import write_page

if TYPE_CHECKING:
    from textvae.evaluation.record import Evaluation


def measure(
    answers: Annotated[
        list[str],
        typer.Argument(
            metavar="ANSWERS...",
            help="One answer a line, JSON lines of texts, lists or objects, or what `generate --json` wrote; several files are compared.",
        ),
    ],
    beside: Beside,
    reading: Reading,
    common: Common,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Also write a report, with answers and references in it."
        ),
    ] = None,
    definitions: Annotated[bool, typer.Option("--definitions", help="Also say what each number is.")] = False,
) -> None:
    """Measure answers that any model gave to sources or labels.

    Objects have "answers" and perhaps "references", "source", "label" and "length". There may be more answers to one source than to another; none counts as an empty one. The seed is 0 unless given.
    """
    from textvae.evaluation.tasks.report import evaluate_task

    if len(answers) > len(LETTERS):
        raise typer.BadParameter(f"{len(answers)} files given; {len(LETTERS)} at most can be compared")
    tasks = beside.tasks(answers, reading, common)
    found = [evaluate_task(task, common.screen.note) for task in tasks]
    if len(found) > 1:
        show_several(found, answers, html, common)
        return
    if html:
        from textvae.evaluation.pages import Examples, evaluation_page

        page = evaluation_page(found[0], Examples(answered=tasks[0].rows), title=answers[0])
        write_page(html, page, common.screen)
    if common.as_json:
        common.screen.json({"answers": answers[0], **found[0].to_json()})
    else:
        show(found[0], common.screen, definitions=definitions)


def show_several(found: "list[Evaluation]", answers: list[str], html: Path | None, common: Common) -> None:
    """Print several files' measures side by side."""
    from textvae.evaluation.comparison import compare

    compared = compare(dict(zip(LETTERS, found, strict=False)))
    names = dict(zip(compared.evaluations, answers, strict=True))
    if html:
        from textvae.evaluation.pages import comparison_page

        legend = ", ".join(f"{letter} {name}" for letter, name in names.items())
        write_page(html, comparison_page(compared, title=legend), common.screen)
    if common.as_json:
        common.screen.json({"answers": names, **compared.to_json()})
    else:
        show_comparison(compared, answers, common.screen)
