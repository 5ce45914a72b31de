"""The registry of measures: what each number is, exactly, so that it is printed beside the number.

Each definition stands beside the computation of its measure, in the module of its family. Symbols in the definitions are
settings of one evaluation: N sentences (or texts, or sources), K importance samples, D latent dimensions, P pairs, M answers
to a source, R references, "tokenizer" as sacrebleu names it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from textvae.config.fields import nearest
from textvae.errors import ConfigError
from textvae.evaluation import (
    coherence,
    diversity,
    forward_reverse,
    latents,
    novelty,
    perplexities,
    reconstruction,
    smoothness,
)
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family
from textvae.evaluation.subject import Subject
from textvae.evaluation.tasks.families import TASK_FAMILIES

FAMILIES: tuple[Family[Subject], ...] = (
    perplexities.FAMILY,
    latents.FAMILY,
    reconstruction.FAMILY,
    diversity.FAMILY,
    novelty.FAMILY,
    smoothness.FAMILY,
    forward_reverse.FAMILY,
    coherence.FAMILY,
)
"""In the order in which they are measured and printed."""

DEFINITIONS: Mapping[str, Definition] = {
    definition.key: definition
    for families in (FAMILIES, TASK_FAMILIES)
    for family in families
    for definition in family.definitions
}
"""Every measure by key, of models first, then of answers, in the order reports print them."""


def define(key: str) -> Definition:
    """Return the definition of `key`.

    Raises:
        ConfigError: no such measure; the nearest is named.
    """
    if key not in DEFINITIONS:
        raise ConfigError(f"unknown measure {key!r}; {nearest(key, DEFINITIONS)}")
    return DEFINITIONS[key]


def as_records(keys: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return the definitions of `keys` (None: all) as JSON-able dicts.

    Raises:
        ConfigError: an unknown key.
    """
    chosen = map(define, DEFINITIONS if keys is None else keys)
    return [
        asdict(definition) | {"settings": list(definition.settings), "same": list(definition.same)}
        for definition in chosen
    ]


def render(keys: Iterable[str] | None = None, settings: Mapping[str, object] | None = None) -> list[str]:
    """Return one plain line a measure, with the values of the settings it depends on where they are known.

    >>> render(["rate"], {"N": 3370, "K": 500})[0][-9:]
    '[N=3,370]'

    Raises:
        ConfigError: an unknown key.
    """
    return [line(define(key), settings or {}) for key in (DEFINITIONS if keys is None else keys)]


def line(definition: Definition, known: Mapping[str, object]) -> str:
    """Return a definition on one line, with the values of its settings that are known."""
    direction = "" if definition.better == "neither" else f", {definition.better} is better"
    text = f"{definition.name} ({definition.key}; {definition.unit}{direction}): {definition.text}"
    values = stated(definition, known)
    return f"{text} [{values}]" if values else text


def stated(definition: Definition, known: Mapping[str, object]) -> str:
    """Return the settings of a definition that are known, as "K=50, N=377"."""
    return ", ".join(f"{symbol}={_show(known[symbol])}" for symbol in definition.settings if symbol in known)


def _show(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
