"""Checks shared by the configuration classes; each raises `ConfigError` in the user's words."""

import difflib
import math
import types
import typing
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from textvae.errors import ConfigError

KINDS: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    types.NoneType: "null",
}
"""What a setting may hold, and what a message calls it."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or lists them all.

    >>> nearest("latent_dims", ["latent_dim", "dropout"])
    'did you mean latent_dim?'
    """
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def check_types(section: str, config: Any) -> None:
    """Raise unless every field of the dataclass instance `config` holds what its annotation says.

    Numbers are stored as plain Python ones, and in fields of floats as floats, so that equal settings are saved
    equally; so is text like 2e-3, which YAML 1.1 does not take for a number. Lists of words are stored as tuples.
    """
    for name, annotation in typing.get_type_hints(type(config)).items():
        full, value = f"{section}.{name}", getattr(config, name)
        if typing.get_origin(annotation) is tuple:
            value = _words(full, value)
        else:
            value = _fitted(full, value, typing.get_args(annotation) or (annotation,))
        object.__setattr__(config, name, value)  # the dataclasses are frozen


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in (choices := list(choices)):
        raise ConfigError(f"{name} is {value!r}; {nearest(str(value), choices)}")


def check_range(
    name: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
) -> None:
    """Raise unless `value` is finite, low <= value <= high and value > above; None (an unset option) passes."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(f"{name} is {value!r}; a finite number is needed")
    if low is not None and value < low:
        raise ConfigError(f"{name} is {value}; it must be at least {low}")
    if high is not None and value > high:
        raise ConfigError(f"{name} is {value}; it must be at most {high}")
    if above is not None and value <= above:
        raise ConfigError(f"{name} is {value}; it must be greater than {above}")


def check_count(name: str, value: int, low: int = 0) -> None:
    """Raise unless `value` is a whole number of at least `low`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ConfigError(f"{name} is {value!r}; a whole number is needed")
    check_range(name, int(value), low)


def _words(name: str, value: Any) -> tuple[str, ...]:
    """Return a list of words, or words in one text parted by commas, as a tuple."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise ConfigError(f"{name} is {value!r}; it must be a list of words")
    return tuple(filter(None, map(str.strip, words)))


def _fitted(name: str, value: Any, kinds: tuple[type, ...]) -> Any:
    """Return `value` as one of `kinds`."""
    if type(value) in kinds:
        return value
    if str in kinds and isinstance(value, str):
        return str(value)
    if not isinstance(value, bool):  # an integer to Python, no number to people
        if int in kinds and isinstance(value, Integral):
            return int(value)
        if float in kinds and (number := _number(value)) is not None:
            return number
    raise ConfigError(f"{name} is {value!r}; it must be {' or '.join(KINDS[kind] for kind in kinds)}")


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, Real | str) else None
    except (ValueError, OverflowError):
        return None
