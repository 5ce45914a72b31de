"""Measures of the user's own: a function that is given texts and returns a number, or several by name."""

import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Real
from pathlib import Path
from typing import Any

from textvae.config.functions import load_function
from textvae.errors import ConfigError
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.subject import Subject

OFFERED = ("samples", "texts", "training")
"""Keyword arguments: random texts, held-out texts, training texts or None. A function names those it wants."""

Metric = Callable[..., float | Mapping[str, float]]


def load_metric(name: str, *, never_from: Path | None = None) -> Metric:
    """Import `module:function` from the current folder or an installed package.

    Args:
        name: as "my_metrics:mean_length".
        never_from: a model's folder, from which nothing is ever executed.

    Raises:
        ConfigError: not of that form, no such module or function, or a module in the model's folder.
    """
    return load_function(name, option="--metric", never_from=never_from)


def measured(name: str, metric: Metric, offered: Mapping[str, Any]) -> dict[str, float]:
    """Return what a metric says, by key: its name, or name.part for each of several numbers.

    Raises:
        ConfigError: it asks for what is not offered, fails, or returns no number.
    """
    try:
        found = metric(**_wanted(name, metric, offered))
    except ConfigError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"metric {name} failed: {reason}") from error
    parts = (
        {f"{name}.{part}": value for part, value in found.items()}
        if isinstance(found, Mapping)
        else {name: found}
    )
    for key, value in parts.items():
        if not isinstance(value, Real) or math.isnan(value):
            raise ConfigError(
                f"metric {key} returned {value!r:.60}; a number, or a dict of numbers by name, is needed"
            )
    return {key: float(value) for key, value in parts.items()}


def definition(key: str) -> Definition:
    """Return what is known of a measure of the user's own."""
    return Definition(
        key,
        key,
        "the user's",
        "neither",
        "A measure of the user's own, from N held-out texts and M samples.",
        ("N", "M"),
        same=("texts", "sampling"),
    )


def measure(subject: Subject) -> Findings:
    """Return what the user's metrics say."""
    offered = {
        "samples": subject.samples if subject.num_prior else [],
        "texts": subject.texts,
        "training": subject.training,
    }
    measures: dict[str, float] = {}
    for name, metric in subject.metrics.items():
        measures |= measured(name, metric, offered)
    return Findings(measures=measures, settings={"M": subject.num_prior})


def _wanted(name: str, metric: Metric, offered: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(metric).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(offered)
    for parameter in parameters:
        if parameter.name not in offered and parameter.default is parameter.empty:
            raise ConfigError(
                f"metric {name} asks for {parameter.name!r}; it may ask for {', '.join(OFFERED)}"
            )
    return {parameter.name: offered[parameter.name] for parameter in parameters if parameter.name in offered}


FAMILY = Family(
    name="own metrics",
    definitions=(),
    measure=measure,
    applies=lambda subject: bool(subject.metrics),
    passes=lambda subject: float(subject.num_prior),
    is_kept=False,
)
