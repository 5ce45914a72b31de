"""Arguments and options that several verbs name alike."""

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.data.sources import Corpus

Run = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, a saved or exported model, or hf://owner/name.")
]
Data = Annotated[
    list[str],
    typer.Argument(
        metavar="DATA",
        help="Files (.txt .csv .tsv .jsonl .parquet, also .gz), a folder, hf://owner/name, or -.",
    ),
]
Sampled = Annotated[bool, typer.Option("--sample", help="Draw z from the posterior in place of its mean.")]

_DURATION = re.compile(r"(?:(?P<h>[\d.]+)h)?(?:(?P<m>[\d.]+)m)?(?:(?P<s>[\d.]+)s?)?")
_SECONDS = {"h": 3600, "m": 60, "s": 1}


def duration(text: str) -> float:
    """Return seconds.

    >>> duration("1h30m"), duration("90s"), duration("45")
    (5400.0, 90.0, 45.0)
    """
    found = _DURATION.fullmatch(text.strip().lower())
    try:
        seconds = (
            sum(float(number) * _SECONDS[unit] for unit, number in found.groupdict().items() if number)
            if found
            else 0
        )
    except ValueError:
        seconds = 0
    if not seconds:
        raise typer.BadParameter(f"{text!r} is no length of time; write 90s, 10m, 2h or 1h30m")
    return float(seconds)


def one_source(data: list[str]) -> Any:
    """Return what `open_corpus` takes for the DATA arguments: one name, or several files."""
    from pathlib import Path

    if len(data) == 1:
        return data[0]
    for name in data:
        if name == "-" or name.startswith("hf://"):
            raise typer.BadParameter(f"{name} cannot be read together with other data; give it alone")
    return [Path(name).expanduser() for name in data]


def check_texts_given(texts: list[str] | None, data: str | None) -> None:
    """Raise unless texts are given on the command line or in a file."""
    if texts and data is not None:
        raise typer.BadParameter(
            "texts are given twice, on the command line and with --input; use one of them"
        )
    if not texts and data is None:
        raise typer.BadParameter("no texts are given; write them behind the run, or name a file with --input")


def open_noted(source: Any, screen: Screen, **options: Any) -> "Corpus":
    """Return a corpus, opened with the options of `open_corpus`, and print notes on it."""
    from textvae.data.sources import open_corpus

    corpus = open_corpus(source, **options)
    for note in corpus.notes:
        screen.note(f"note: {note}")
    return corpus
