"""`textvae attribute`: what a few labelled texts say of latent space."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Common, Reading, WithModel

if TYPE_CHECKING:
    from textvae.control.attributes.attribute import Attribute

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What the attribute is called.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the attribute of that name.")]


def fit(
    run: Run,
    labels: Annotated[
        str, typer.Argument(metavar="LABELS", help="A table of texts and their labels, 20 to 2,000 rows.")
    ],
    name: Name,
    reading: Reading,
    common: WithModel,
    label: Annotated[
        str | None,
        typer.Option("--label", metavar="COLUMN", help="The label column, by name or number; unset: NAME."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", help="categorical or numeric; unset: numeric where all are numbers of many values."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit an attribute to a few labelled texts.

    A linear reading of z, cross-validated and calibrated. The model stays as it is; the attribute is kept in RUN/attributes, in a
    file that holds numbers and none of the texts.
    """
    vae = common.load(run)
    vae.attributes.check_free(name, overwrite=overwrite)
    corpus = reading.open(labels, common.screen, expected=vae.text_column, columns=[label or name])
    rows = list(corpus.rows())
    attribute = vae.fit_attribute(
        [row.text for row in rows], [row.cells[0] for row in rows],
        name=name, kind=kind, seed=common.seed or 0,
    )  # fmt: skip
    vae.attributes.keep(attribute, overwrite=overwrite)
    for warning in attribute.warnings():
        common.screen.note(f"note: {warning}")
    if common.as_json:
        common.screen.json({"run": run, **_record(attribute)})
    else:
        common.screen.say(_line(attribute), f"  textvae edit {run} TEXT --set {name}={_example(attribute)}")


def list_attributes(run: Run, common: Common) -> None:
    """Show the attributes of a run.

    Their values, how many texts they were fitted to, and how well they are read on held-out ones.
    """
    from textvae.cli.kept import show_all
    from textvae.control.attributes.kept import Attributes

    none = f"none in {run} yet; textvae attribute fit {run} LABELS --name NAME"
    show_all(run, Attributes.of(run), common, line=_line, record=_record, none=none)


def delete(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which is deleted.")],
    common: Common,
) -> None:
    """Delete an attribute's file.

    Nothing else of it is kept.
    """
    from textvae.cli.kept import delete_one
    from textvae.control.attributes.kept import Attributes

    delete_one(run, Attributes.of(run), name, common)


def _line(attribute: "Attribute") -> str:
    """Return an attribute in a line."""
    if attribute.is_number:
        low, high = attribute.span
        what = f"a number, mostly {low:.4g} to {high:.4g}; explains {attribute.score:.0%} of its variance"
    else:
        more = len(attribute.values) - 8
        values = ", ".join(attribute.values[:8]) + (f" and {more} more" if more > 0 else "")
        what = f"{values}; right in {attribute.score:.0%} of held-out texts (the commonest alone: {attribute.base:.0%})"
    return f"{attribute.name}  {what}; {attribute.num_texts:,} texts"


def _example(attribute: "Attribute") -> str:
    return f"{attribute.span[1]:.3g}" if attribute.is_number else attribute.values[-1]


def _record(attribute: "Attribute") -> dict[str, Any]:
    """Return what is known of an attribute but for the numbers that it is made of."""
    return attribute.record()
