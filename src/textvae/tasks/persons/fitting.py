"""`fit_person`: a new person from a few texts, with the model frozen."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.codec.identity import weights_digest
from textvae.config.conditions import CATEGORICAL
from textvae.config.fields import check_choice
from textvae.config.names import checked_name
from textvae.data.persons import Person
from textvae.data.store import TokenStore
from textvae.errors import ConditionError, ConfigError, DataError
from textvae.models import VAEModel
from textvae.tasks.persons.embedding import STRIDE
from textvae.tasks.persons.holdout import Fitting

EMBEDDING, PROFILE, BOTH = "embedding", "profile", "both"
METHODS = (EMBEDDING, PROFILE, BOTH)


def fit_person(
    codec: Codec[VAEModel],
    texts: Sequence[str],
    *,
    name: str,
    label: str | None = None,
    method: str | None = None,
    given: Mapping[str, Sequence[Any]] | None = None,
    seed: int = 0,
) -> Person:
    """Fit a person to texts; the weights stay as they are, to the bit.

    The number of steps and the gain come from five parts of the texts, each held out once; then all texts are fitted.
    Blank texts are left out.

    Args:
        codec: the model.
        texts: of the person: 5 to 50 are what it is made for.
        name: what the person is called.
        label: the categorical label of which the person is a new value; None: the only one there is, if any.
        method: embedding (of the label), profile (over z) or both; None: embedding where there is a label, else profile.
        given: other conditions of the texts by name, one a text; what is left out is missing.
        seed: of the noise and of what is held out.

    Raises:
        ConfigError: a name that no file can have, an unknown method, for a profile no z or one on a sphere.
        ConditionError: no such label, or one that is no category.
        DataError: no text.
    """
    name, label = checked_name(name, "person"), chosen_label(codec, label)
    method = method or (EMBEDDING if label else PROFILE)
    check_choice("method", method, METHODS)
    if method == PROFILE:
        label = None
    elif label is None:
        raise ConditionError("this model has no label of which a person could be a value; use method profile")
    if method != EMBEDDING and not codec.model.config.has_latent:
        raise ConfigError(
            "this model has no z, and so a person has no profile in it; train one with an encoder"
        )
    store = _store(codec, texts, dict(given or {}), label)
    blank = Person(name=name, model=weights_digest(codec.model), label=label, num_texts=len(store), seed=seed)
    fitting = Fitting(codec=codec, blank=blank, has_profile=method != EMBEDDING, alone=not given)
    strides, gain = fitting.tried(store)
    person = fitting.person(store, fitting.embedding(store, strides))
    return dataclasses.replace(person, gain=gain, steps=strides * STRIDE)


def chosen_label(codec: Codec, label: str | None) -> str | None:
    """Return the label of which a person is a value: the one asked for, else the only one; None: the model has none.

    Raises:
        ConditionError: a label that the model has not or that is no category, or several to choose from.
    """
    labels = codec.schema.labels if codec.schema else ()
    known = [one.name for one in labels if one.kind == CATEGORICAL]
    if label is not None and label not in known:
        raise ConditionError(
            f"a person cannot be a value of {label!r}; this model's labels of categories: {', '.join(known) or 'none'}"
        )
    if label is None and len(known) > 1:
        raise ConditionError(f"a person is a value of one label; say of which: {', '.join(known)}")
    return label or next(iter(known), None)


def _store(
    codec: Codec[VAEModel], texts: Sequence[str], given: dict[str, Sequence[Any]], label: str | None
) -> TokenStore:
    """Return the texts that are not blank, with their conditions.

    Raises:
        DataError: there is none.
    """
    values = given if label is None else {**given, label: [None] * len(texts)}
    store = codec.store(texts, codec.conditions(values, len(texts)))
    rows = np.flatnonzero(
        [bool(text.strip()) and length > 0 for text, length in zip(texts, store.lengths, strict=True)]
    )
    if not len(rows):
        raise DataError(
            f"a person was to be fitted to {len(texts)} texts, none of them with a word; give 5 to 50"
        )
    return store.rows(rows)
