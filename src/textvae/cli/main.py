"""`textvae`: the command line. Nothing here imports torch before a verb needs it."""

import contextlib
import io
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from textvae import __version__
from textvae.cli import (
    attribute,
    compare,
    demo,
    doctor,
    edit,
    evaluate,
    export,
    generate,
    infill,
    info,
    inspect,
    judge,
    latents,
    map,
    measure,
    moves,
    person,
    prior,
    search,
    texts,
    train,
)
from textvae.cli.groups import grouped
from textvae.cli.verb import Verb

app = typer.Typer(
    name="textvae",
    help="Variational autoencoders for text: train, evaluate, sample and steer, in English and Chinese alike.",
    epilog="Start with `textvae demo`, or `textvae demo --chinese`: minutes on a CPU, nothing to download.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,  # rich's help would take longer to import than all the rest
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

VERBS: tuple[Callable[..., None], ...] = (
    demo.demo,
    train.train,
    inspect.inspect,
    info.info,
    texts.sample,
    texts.reconstruct,
    texts.interpolate,
    texts.neighbors,
    moves.analogy,
    moves.blend,
    moves.vary,
    moves.traverse,
    map.map,
    generate.generate,
    generate.chat,
    edit.edit,
    latents.encode,
    latents.decode,
    search.search,
    infill.infill,
    evaluate.evaluate,
    doctor.doctor,
    compare.compare,
    measure.measure,
    export.export,
)

for verb in VERBS:
    app.command(cls=Verb)(grouped(verb))

priors = typer.Typer(
    name="prior",
    help="What random texts' latents are drawn from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb in (prior.fit, prior.drop):
    priors.command(cls=Verb)(grouped(verb))
app.add_typer(priors)

attributes = typer.Typer(
    name="attribute",
    help="Attributes that edits set, fitted to a few labelled texts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb in (attribute.fit, attribute.delete):
    attributes.command(cls=Verb)(grouped(verb))
attributes.command("list", cls=Verb)(grouped(attribute.list_attributes))
app.add_typer(attributes)

persons = typer.Typer(
    name="person",
    help="New authors and speakers, fitted to a few texts.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb in (person.fit, person.merge, person.delete):
    persons.command(cls=Verb)(grouped(verb))
persons.command("list", cls=Verb)(grouped(person.list_persons))
app.add_typer(persons)

judges = typer.Typer(
    name="judge",
    help="Blind human evaluation: sheets for raters, and their tally.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
for verb in (judge.make, judge.tally):
    judges.command(cls=Verb)(grouped(verb))
app.add_typer(judges)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"textvae {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Variational autoencoders for text: train, evaluate, sample and steer, in English and Chinese alike."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # any text prints, whatever the locale
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    with contextlib.suppress(BrokenPipeError):
        app()


if __name__ == "__main__":
    main()
