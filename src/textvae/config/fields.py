"""Checks shared by the configuration classes; each raises `ConfigError` in the user's words."""

import difflib
from collections.abc import Iterable

from textvae.errors import ConfigError


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known word, or lists them all.

    >>> nearest("latent_dims", ["latent_dim", "dropout"])
    'did you mean latent_dim?'
    """
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in (choices := list(choices)):
        raise ConfigError(f"{name} is {value!r}; {nearest(str(value), choices)}")


def check_range(
    name: str, value: float | None, low: float | None = None, high: float | None = None, *, above: float | None = None
) -> None:
    """Raise unless low <= value <= high and value > above; None (an unset option) passes."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise ConfigError(f"{name} is {value!r}; a number is needed")
    if low is not None and value < low:
        raise ConfigError(f"{name} is {value}; it must be at least {low}")
    if high is not None and value > high:
        raise ConfigError(f"{name} is {value}; it must be at most {high}")
    if above is not None and value <= above:
        raise ConfigError(f"{name} is {value}; it must be greater than {above}")
