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


def _add_group(name: str, about: str, *verbs: Callable[..., None], **renamed: Callable[..., None]) -> None:
    """Add verbs under a name of their own: each called as its function, or as it is renamed."""
    group = typer.Typer(name=name, help=about, no_args_is_help=True, rich_markup_mode=None)
    for verb in verbs:
        group.command(cls=Verb)(grouped(verb))
    for title, verb in renamed.items():
        group.command(title, cls=Verb)(grouped(verb))
    app.add_typer(group)


_add_group("prior", "What random texts' latents are drawn from.", prior.fit, prior.drop)
_add_group(
    "attribute",
    "Attributes that edits set, fitted to a few labelled texts.",
    attribute.fit,
    attribute.delete,
    list=attribute.list_attributes,
)
_add_group(
    "person",
    "New authors and speakers, fitted to a few texts.",
    person.fit,
    person.merge,
    person.delete,
    list=person.list_persons,
)
_add_group("judge", "Blind human evaluation: sheets for raters, and their tally.", judge.make, judge.tally)


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
