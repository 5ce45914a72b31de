"""`textvae inspect`."""

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Data, one_source
from textvae.cli.groups import Common, Reading
from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.data.inspection import Inspection


def inspect(
    data: Data,
    reading: Reading,
    common: Common,
    valid: Annotated[
        str | None, typer.Option("--valid", metavar="FILE", help="Held-out texts: overlap is counted.")
    ] = None,
) -> None:
    """Describe a corpus and suggest settings; nothing is trained."""
    from textvae.data.inspection import inspect_corpus

    with common.screen.working("reading"):
        found = inspect_corpus(one_source(data), valid=valid, **dataclasses.asdict(reading))
    if common.as_json:
        common.screen.json(dataclasses.asdict(found))
    else:
        show(found, common.screen)


def show(found: "Inspection", screen: Screen) -> None:
    """Print what was found."""
    screen.pairs(_counts(found))
    screen.heading("lengths")
    columns = ("min", "median", "mean", "p95", "p99", "max")
    rows = [
        (unit, *(f"{getattr(lengths, column):,.1f}".removesuffix(".0") for column in columns))
        for unit, lengths in (("words", found.words), ("characters", found.characters))
    ]
    screen.table(("", *columns), rows, right=range(1, 7))
    if advice := found.suggestions:
        screen.heading("suggested settings")
        screen.pairs(
            [
                ("--tokenizer", advice.tokenizer),
                ("--vocab-size", "all there are" if advice.vocab_size is None else f"{advice.vocab_size:,}"),
                ("longest text", f"{advice.max_length} tokens"),
                ("--target-rate", advice.target_rate),
            ]
        )
    if found.notes:
        screen.heading("notes")
        for note in found.notes:
            screen.paragraph(note, mark="·")


def _counts(found: "Inspection") -> list[tuple[str, str]]:
    scripts = ", ".join(f"{name} {share:.1%}" for name, share in list(found.scripts.items())[:4])
    about = "" if found.distinct_is_exact else "about "
    rows = [
        ("data", found.name),
        ("encoding", found.encoding),
        ("texts", f"{found.num_texts:,}"),
        (
            "different",
            f"{about}{found.num_distinct:,}; {about}{found.num_duplicates:,} repeat an earlier one",
        ),
        ("blank", f"{found.num_skipped:,} left out"),
        ("characters", f"{found.num_characters:,}, of {found.num_distinct_characters:,} kinds"),
        ("scripts", scripts or "no letters"),
        ("longest", found.longest),
    ]
    if found.num_valid is not None:
        rows.append(("held out", f"{found.num_valid:,}, {found.num_valid_in_train:,} of them trained on too"))
    return rows
