"""`compare`: evaluations side by side, and which of their numbers may be compared at all."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textvae.errors import ConfigError
from textvae.evaluation.bootstrap import difference
from textvae.evaluation.definition import Definition
from textvae.evaluation.record import Evaluation, Interval, finite

ROUNDING = 1e-5
"""Two numbers that differ by less, relative to the larger, are equal: it is what float32 rounds."""

OBSTACLES = {
    "texts": "other texts",
    "scored": "the models cut texts at other lengths",
    "unknown": "other words are unknown to the tokenizers",
    "vocabulary": "another tokenizer",
    "tokenizer": "BLEU's tokenizers differ",
    "units": "other units",
    "sampling": "other decoding settings",
    "training": "other training texts",
    "judge": "other language models as judges",
    "seed": "other pairs of texts",
}
"""What it means that a setting differs; of others, the values are told."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A number less the first one's, with its 95 % interval where texts can be drawn again."""

    value: float
    interval: Interval | None

    @property
    def is_decided(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure of several evaluations.

    Attributes:
        definition: what it is.
        values: by evaluation; None where it was not measured.
        differences: from the first evaluation, by evaluation; empty where the numbers are not comparable.
        obstacle: why they are not; None: they are.
        best: the best one by the definition's direction; None: no direction, a tie, or not comparable.
        is_tie: whether comparable numbers are all equal, but for `ROUNDING`.
        is_decided: whether the intervals of the best one's differences leave out 0; None where there is no interval.
    """

    definition: Definition
    values: dict[str, float | None]
    differences: dict[str, Difference]
    obstacle: str | None
    best: str | None
    is_decided: bool | None
    is_tie: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "values": {name: None if value is None else finite(value) for name, value in self.values.items()},
            "differences": {
                name: {
                    "value": finite(one.value),
                    "interval": one.interval and [finite(bound) for bound in one.interval],
                }
                for name, one in self.differences.items()
            },
            "not_comparable": self.obstacle,
            "better": self.definition.better,
            "best": self.best,
            "decided": self.is_decided,
            "tie": self.is_tie,
        }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Evaluations side by side; the first is what the others are compared with."""

    evaluations: dict[str, Evaluation]
    rows: dict[str, Row]
    """By measure."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "compared": list(self.evaluations),
            "settings": {name: one.settings for name, one in self.evaluations.items()},
            "measures": {key: row.to_json() for key, row in self.rows.items()},
        }


def compare(evaluations: Mapping[str, Evaluation]) -> Comparison:
    """Lay evaluations side by side.

    Differences come with 95 % bootstrap intervals, paired where both models were measured on the same texts. Numbers
    whose settings differ (other texts, another K, PPL a token of another tokenizer ...) are shown, not compared.

    Args:
        evaluations: by name, two at least; differences are from the first.

    Raises:
        ConfigError: fewer than two.
    """
    if len(evaluations) < 2:
        raise ConfigError(f"{len(evaluations)} evaluation to compare; two at least are needed")
    keys = list(dict.fromkeys(key for one in evaluations.values() for key in one.measures))
    order = {key: place for place, key in enumerate(keys)}
    first = list(next(iter(evaluations.values())).measures)
    keys.sort(key=lambda key: first.index(key) if key in first else len(first) + order[key])
    return Comparison(evaluations=dict(evaluations), rows={key: _row(key, dict(evaluations)) for key in keys})


def _row(key: str, evaluations: dict[str, Evaluation]) -> Row:
    values = {name: one.measures.get(key) for name, one in evaluations.items()}
    there = [one for one in evaluations.values() if key in one.measures]
    definition = there[0].definition(key)
    obstacle = (
        "not measured everywhere" if len(there) < len(evaluations) else _obstacle(key, definition, there)
    )
    if obstacle:
        return Row(
            definition=definition,
            values=values,
            differences={},
            obstacle=obstacle,
            best=None,
            is_decided=None,
        )
    names = list(evaluations)
    differences = {name: _difference(key, evaluations[names[0]], evaluations[name]) for name in names[1:]}
    best = _best(definition, values)
    return Row(
        definition=definition,
        values=values,
        differences=differences,
        obstacle=None,
        best=best,
        is_decided=_decided(key, best, evaluations) if best else None,
        is_tie=all(_is_equal(one.measures[key], there[0].measures[key]) for one in there),
    )


def _obstacle(key: str, definition: Definition, evaluations: Sequence[Evaluation]) -> str | None:
    """Return why numbers of a measure are not comparable."""
    settings = [one.settings_of(key, hidden=True) for one in evaluations]
    symbols = sorted(settings[0], key=lambda symbol: (symbol not in definition.same, symbol != "texts"))
    for symbol in symbols:
        values = [one[symbol] for one in settings]
        if any(value != values[0] for value in values) and not _is_harmless(symbol, definition):
            told = f"{symbol} = {', '.join(f'{value:,}' if isinstance(value, int) else str(value) for value in values)}"
            return OBSTACLES.get(symbol, told)
    return None


def _is_harmless(symbol: str, definition: Definition) -> bool:
    """Return whether a setting is a property of the model: of two counts of dimensions, D may differ."""
    return symbol == "D" and definition.key.startswith("active_units")


def _difference(key: str, ours: Evaluation, theirs: Evaluation) -> Difference:
    if key in ours.tallies and key in theirs.tallies:
        value, interval = difference(ours.tallies[key], theirs.tallies[key])
        return Difference(value=value, interval=interval)
    return Difference(value=theirs.measures[key] - ours.measures[key], interval=None)


def _best(definition: Definition, values: Mapping[str, float | None]) -> str | None:
    numbers = {name: value for name, value in values.items() if value is not None}
    if definition.better == "neither":
        return None
    pick = max if definition.better == "higher" else min
    best = pick(numbers.values())
    holders = [name for name, value in numbers.items() if _is_equal(value, best)]
    return holders[0] if len(holders) == 1 else None


def _is_equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=ROUNDING)


def _decided(key: str, best: str, evaluations: Mapping[str, Evaluation]) -> bool | None:
    """Return whether the best one's differences from all others are decided; None where there is no interval."""
    found = [_difference(key, evaluations[best], one) for name, one in evaluations.items() if name != best]
    if any(one.interval is None for one in found):
        return None
    return all(one.is_decided for one in found)
