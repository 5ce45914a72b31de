"""Conditions as people say them, persons among them, as numbers."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from textvae.codec.identity import weights_digest
from textvae.codec.inputs import repeated_values
from textvae.data.conditions import Conditions, ConditionSchema
from textvae.data.persons import Person
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConditionError, PersonError

Persons = list[Person | None]
"""Of each row; None: nobody in particular."""


def encoded_conditions(
    values: Mapping[str, Any], num: int, model: object, schema: ConditionSchema | None, tokenizer: Tokenizer
) -> Conditions:
    """Return the conditions of `num` texts.

    Args:
        values: by name, one for all texts or one for each.
        num: of texts.
        model: whose persons they may be.
        schema: what it takes; None: nothing but persons.
        tokenizer: the texts' own.

    Raises:
        ConditionError: the model takes no condition, or not these; what it takes is listed.
        UnknownLabelError: a label that no training text has.
        PersonError: a person of another model.
    """
    features = None if schema is None else schema.features
    persons, rest = persons_apart(repeated_values(values, num, features))
    encoded = Conditions()
    if rest or not persons:
        if schema is None:
            raise ConditionError(
                f"this model takes no conditions, got {', '.join(rest)}; train one with --source, --label or --feature"
            )
        encoded = schema.encode(rest, tokenizer)
    if not any(persons):
        return encoded
    check_belonging(persons, model)
    return dataclasses.replace(encoded, **person_arrays(persons))


def persons_apart(values: Mapping[str, Sequence[Any]]) -> tuple[Persons, dict[str, list[Any]]]:
    """Split conditions into the person of each row and the rest, in which persons are missing values.

    Raises:
        ConditionError: a person that is no value of that condition, or two in one row.
    """
    persons: Persons = []
    rest: dict[str, list[Any]] = {}
    for name, cells in values.items():
        found = [cell if isinstance(cell, Person) else None for cell in cells]
        persons = _together(persons, found, name)
        if not found or any(person is None or person.label for person in found):
            rest[name] = [None if person else cell for person, cell in zip(found, cells, strict=True)]
    return persons, rest


def person_arrays(persons: Persons) -> dict[str, np.ndarray]:
    """Return what persons add to `Conditions`: vectors, (N, C), and profiles, (N, 2, D); what nobody has is left out.

    Raises:
        ConditionError: some have a profile and others have none.
    """
    arrays = {}
    embeddings = [person.embedding if person else None for person in persons]
    if some := [embedding for embedding in embeddings if embedding is not None]:
        nothing = np.zeros_like(some[0])
        arrays["vectors"] = np.stack([nothing if one is None else one for one in embeddings])
    profiles = [person.profile for person in persons if person and person.profile is not None]
    if profiles and len(profiles) < len(persons):
        raise ConditionError(
            "some texts are by a person with a profile and others are not; ask for them apart"
        )
    if profiles:
        arrays["profiles"] = np.stack(profiles)
    return arrays


def check_belonging(persons: Persons, model: object) -> None:
    """Check that persons belong to a model.

    Raises:
        PersonError: one was fitted with other weights.
        ConfigError: the model is an export.
    """
    digest = weights_digest(model)
    for person in persons:
        if person and person.model != digest:
            raise PersonError(
                f"{person.name} was fitted with other weights ({person.model}) than this model's ({digest}); "
                "fit the person again"
            )


def _together(persons: Persons, found: Persons, name: str) -> Persons:
    """Return the person of each row, from those so far and those found under `name`."""
    for before, person in zip(persons, found, strict=False):
        if before and person:
            raise ConditionError(f"a text is by one person, not by {before.name} and {person.name}")
    for person in found:
        if person and person.condition != name:
            raise ConditionError(f"{person.name} is a value of {person.condition}, not of {name}")
    if any(persons) and len(persons) != len(found):
        raise ConditionError(
            f"{len(persons)} persons and {len(found)} values of {name}; give as many of each"
        )
    return [before or person for before, person in zip(persons or found, found, strict=False)]
