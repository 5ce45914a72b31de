"""`textvae edit`: texts changed towards attributes or examples."""

from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run, check_texts_given
from textvae.cli.given import Given
from textvae.cli.groups import Reading, WithModel
from textvae.cli.screen import one_line
from textvae.errors import AttributeValueError

if TYPE_CHECKING:
    from textvae.control.editing.edit import Edited

Like = Annotated[
    str | None,
    typer.Option("--like", metavar="FILE", help="Examples of a style, one a line: 5 to 50 of them."),
]
Wanted = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="What it should be, as sentiment=positive; NAME=VALUE:2 counts twice; repeatable.",
    ),
]
Strength = Annotated[
    float, typer.Option("--strength", help="With --set: above 1, surer of the goal, further from the text.")
]


def edit(
    run: Run,
    given: Given,
    reading: Reading,
    common: WithModel,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXTS]...", help="Texts; or use --input.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--input", metavar="DATA", help="A file of texts, or -.")
    ] = None,
    wanted: Wanted = None,
    like: Like = None,
    method: Annotated[
        str,
        typer.Option(
            "--method", help="rewrite, projection, mean-difference, gradient, or best (of the last three)."
        ),
    ] = "rewrite",
    strength: Strength = 1.0,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="WORD", help="A word that stays; repeatable.")
    ] = None,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Edits of each text, at most.")] = 1,
) -> None:
    """Change texts towards attributes, or towards examples.

    Attributes are fitted with `textvae attribute fit`. `rewrite` changes the text itself at a price for every word, so that it
    works with models that could not give the text back; the others decode a latent that was moved.
    """
    check_texts_given(texts, data)
    goals, weights = wanted_values(wanted or [])
    vae = common.load(run)
    column = vae.text_column
    originals = list(texts or ()) if data is None else reading.texts(data, common.screen, expected=column)
    conditions = given.of(vae)
    examples = reading.texts(like, common.screen, expected=column) if like else []
    if method != "rewrite":
        from textvae.cli.moves import say_if_lossy

        say_if_lossy(vae, originals, conditions, common)
    found = vae.edits(
        originals, number,
        set=goals, weights=weights, like=examples, method=method, strength=strength, keep=keep or [],
        conditions=conditions,
    )  # fmt: skip
    if common.as_json:
        common.screen.json(
            {"method": method, "strength": strength, "texts": [_records(row) for row in found]}
        )
        return
    for original, row in zip(originals, found, strict=True):
        common.screen.say(one_line(original))
        common.screen.marked([("→" if one.met else "~", one.changes) for one in row])
    if not all(row[0].met for row in found):
        common.screen.note("~: not there by the model's own reading; try a higher --strength")


def wanted_values(settings: list[str]) -> tuple[dict[str, str], dict[str, float]]:
    """Read "sentiment=positive" and "tense=past:2": values and weights by name.

    Raises:
        AttributeValueError: one that cannot be read.
    """
    values, weights = {}, {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not (equals and name.strip() and value.strip()):
            raise AttributeValueError(
                f"--set {text!r} cannot be read; write NAME=VALUE, as sentiment=positive"
            )
        said, colon, weight = value.rpartition(":")
        if colon and _is_number(weight):
            value, weights[name.strip()] = said, float(weight)
        values[name.strip()] = value.strip()
    return values, weights


def _is_number(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False


def _records(row: "list[Edited]") -> dict[str, object]:
    return {
        "text": row[0].original,
        "edits": [
            {"text": one.text, "readings": one.readings, "met": one.met, "closeness": one.closeness}
            for one in row
        ],
    }
