"""Conditions from the command line: what a conditional model answers to."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.groups import Common, Group, Reading, read_all, tell_skipped
from textvae.cli.screen import Screen
from textvae.errors import ConditionError, DataError

if TYPE_CHECKING:
    from textvae.codec import Codec
    from textvae.data.conditions import Conditions
    from textvae.data.sources import Corpus
    from textvae.vae import TextVAE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Given(Group):
    """One condition for all texts."""

    source: Annotated[str | None, typer.Option("--source", metavar="TEXT", help="The text to answer to.")] = (
        None
    )
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="NAME=VALUE", help="A label, as sentiment=positive; repeatable."),
    ] = None
    feature: Annotated[
        Path | None, typer.Option("--feature", metavar="FILE", help="A .npy file with one row of features.")
    ] = None

    person: Annotated[
        str | None, typer.Option("--person", metavar="NAME", help="Somebody fitted with `person fit`.")
    ] = None

    def of(self, vae: "TextVAE") -> dict[str, Any]:
        """Return the conditions that were given, by name.

        Raises:
            ConditionError: one that cannot be read.
            PersonError: nobody of that name in the model's run folder.
        """
        if self.person is None:
            return self.values
        person, values = vae.persons[self.person], self.values
        if person.condition in values:
            raise ConditionError(
                f"{self.person} is a value of {person.condition}, which --label gives too; leave one of them out"
            )
        return {**values, person.condition: person}

    @property
    def values(self) -> dict[str, Any]:
        """The conditions but for a person."""
        values: dict[str, Any] = {}
        for text in self.label or ():
            name, equals, value = text.partition("=")
            if not (equals and name.strip() and value.strip()):
                raise ConditionError(
                    f"--label {text!r} cannot be read; write NAME=VALUE, as sentiment=positive"
                )
            if name.strip() in values:
                raise ConditionError(f"--label {name.strip()} is given twice; a text has one value of it")
            values[name.strip()] = value.strip()
        if self.source is not None:
            if not self.source.strip():
                raise ConditionError("--source is empty; give the text to answer to")
            values["source"] = self.source
        if self.feature is not None:
            values["feature"] = _one_row(self.feature)
        return values

    def texts(
        self, vae: "TextVAE", texts: list[str] | None, data: str | None, reading: Reading, common: Common
    ) -> "tuple[list[str], Conditions | None]":
        """Return texts of the command line, or of a file, with what they answer to: what was given, or the file's columns.

        Raises:
            DataError: no texts, or a condition that the model does not know.
        """
        values, codec = self.of(vae), vae.codec
        if data is None:
            return list(texts or ()), codec.conditions(values, len(texts or ()))
        columns = {"expected": vae.text_column} if values else vae.reading
        corpus = reading.open(data, common.screen, **columns)
        if values:
            found = read_all(corpus, data, common.screen)
            return found, codec.conditions(values, len(found))
        found, conditions = texts_and_conditions(codec, corpus, common.screen)
        if not found:
            raise DataError(f"no texts in {data}; it is empty or every line is blank")
        tell_skipped(corpus, common.screen)
        return found, conditions


def texts_and_conditions(
    codec: "Codec", corpus: "Corpus", screen: Screen, limit: int | None = None
) -> "tuple[list[str], Conditions | None]":
    """Return the first `limit` texts of a corpus, with their conditions where the model takes some; tell what is left out.

    Raises:
        DataError: a condition that is not in the data, or that the model does not know.
    """
    from itertools import islice

    if codec.schema is None:
        return list(islice(corpus, limit)), None
    import numpy as np

    from textvae.data.examples import open_examples

    found = open_examples(corpus, codec.schema, codec.tokenizer)
    for note in found.notes:
        screen.note(f"note: {note}")
    texts = found.texts[:limit]
    return texts, found.conditions.rows(np.arange(len(texts)))


def _one_row(path: Path) -> Any:
    from textvae.data.features import open_array

    return open_array(str(path)).squeeze()
