"""`textvae person`: authors and speakers that training did not know, fitted to a few texts."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Common, Reading, WithModel

if TYPE_CHECKING:
    from textvae.data.persons import Person
    from textvae.vae import TextVAE

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="What the person is called.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the person of that name.")]


def fit(
    run: Run,
    texts: Annotated[
        str, typer.Argument(metavar="TEXTS", help="A file of the person's texts, 5 to 50 of them; or -.")
    ],
    name: Name,
    reading: Reading,
    common: WithModel,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="LABEL", help="The label whose new value it is; unset: the only one."
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="embedding, profile or both; unset: embedding where there is a label."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Fit a person to a few texts.

    The model stays as it is. The person is kept in RUN/persons, in a file that holds numbers and none
    of the texts. Other conditions of the model are read from the columns of TEXTS.
    """
    vae = common.load(run)
    vae.persons.check_free(name, overwrite=overwrite)
    found, conditions = _read(vae, label, texts, reading, common)
    person = vae.fit_person(
        found, name=name, label=label, method=method, conditions=conditions, seed=common.seed or 0
    )
    vae.persons.keep(person, overwrite=overwrite)
    _show(run, person, common)


def list_persons(run: Run, common: Common) -> None:
    """Show the persons of a run.

    What each is made of, how many texts it was fitted to, and what it gains on held-out ones.
    """
    from textvae.cli.kept import show_all
    from textvae.tasks.persons.kept import Persons

    none = f"nobody in {run} yet; textvae person fit {run} TEXTS --name NAME"
    show_all(run, Persons.of(run), common, line=_line, record=_record, none=none)


def merge(
    run: Run,
    names: Annotated[list[str], typer.Argument(metavar="A B...", help="The persons to merge; they stay.")],
    name: Name,
    common: Common,
    overwrite: Overwrite = False,
) -> None:
    """Make one person of several.

    Each counts by the number of texts that it was fitted to.
    """
    from textvae.tasks.persons.kept import Persons

    person = Persons.of(run).merge(*names, into=name, overwrite=overwrite)
    _show(run, person, common)


def delete(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who is deleted.")],
    common: Common,
) -> None:
    """Delete a person's file.

    Nothing else of the person is kept.
    """
    from textvae.cli.kept import delete_one
    from textvae.tasks.persons.kept import Persons

    delete_one(run, Persons.of(run), name, common)


def _read(
    vae: "TextVAE", label: str | None, texts: str, reading: Reading, common: WithModel
) -> tuple[list[str], dict[str, list[Any]]]:
    """Return the texts and, where the model takes other conditions than the label, those of the columns."""
    from textvae.tasks.persons.fitting import chosen_label

    label, schema = chosen_label(vae.codec, label), vae.codec.schema
    rest = schema.without(label) if schema and label else schema
    if not rest or not rest.names:
        return list(reading.open(texts, common.screen, expected=vae.text_column)), {}
    from textvae.data.examples import open_values

    return open_values(texts, rest, expected=vae.text_column, **dataclasses.asdict(reading))


def _show(run: str, person: "Person", common: Common) -> None:
    for warning in person.warnings():
        common.screen.note(f"note: {warning}")
    if common.as_json:
        common.screen.json({"run": run, **_record(person)})
    else:
        common.screen.say(_line(person), f"  textvae sample {run} --person '{person.name}'")


def _line(person: "Person") -> str:
    """Return a person in a line."""
    gain = "gain not measured" if person.gain is None else f"{person.gain:+.2f} nats a held-out text"
    return (
        f"{person.name}  {person.condition}: {' and '.join(person.parts)}, {person.num_texts:,} texts, {gain}"
    )


def _record(person: "Person") -> dict[str, Any]:
    """Return what is known of a person but for the numbers that it is made of."""
    return {**person.record(), "parts": person.parts}
