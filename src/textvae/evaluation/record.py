"""`Evaluation`: what was found of a model, number by number, with intervals, settings and definitions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textvae.evaluation import user
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.definitions import DEFINITIONS, define
from textvae.evaluation.family import Findings

Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one family of measures found, as it is kept."""

    measures: dict[str, float]
    intervals: dict[str, Interval]
    """95 % bootstrap intervals of the measures that have one."""
    tallies: dict[str, Tally]
    """Text by text, for differences between models."""
    settings: dict[str, Any]
    own_settings: dict[str, dict[str, Any]]
    notes: tuple[str, ...]
    details: dict[str, Any]

    @classmethod
    def of(cls, findings: Findings) -> "Part":
        """Return the part that findings make."""
        tallies = {key: found for key, found in findings.measures.items() if isinstance(found, Tally)}
        intervals = {key: tally.interval for key, tally in tallies.items()}
        return cls(
            measures={
                key: found.value if isinstance(found, Tally) else found
                for key, found in findings.measures.items()
            },
            intervals={key: interval for key, interval in intervals.items() if interval},
            tallies=tallies,
            settings=dict(findings.settings),
            own_settings={key: dict(own) for key, own in findings.own_settings.items()},
            notes=findings.notes,
            details=dict(findings.details),
        )

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object with all of it."""
        return {
            **shown(self.measures, self.intervals),
            "settings": self.settings,
            "own_settings": self.own_settings,
            "notes": list(self.notes),
            "details": self.details,
            "tallies": {key: tally.to_json() for key, tally in self.tallies.items()},
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Part":
        """Return what `to_json` wrote down."""
        return cls(
            measures={key: _number(value) for key, value in record["measures"].items()},
            intervals={
                key: (_number(low), _number(high)) for key, (low, high) in record["intervals"].items()
            },
            tallies={key: Tally.from_json(tally) for key, tally in record["tallies"].items()},
            settings=record["settings"],
            own_settings=record["own_settings"],
            notes=tuple(record["notes"]),
            details=record["details"],
        )


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Measures of one model on one set of texts.

    Attributes:
        parts: by family of measures.
        settings: N, K, D, samples, seed and the like, of all families.
        num_cut: texts longer than the model's limit, scored up to it.
    """

    parts: dict[str, Part]
    settings: dict[str, Any]
    num_cut: int

    @property
    def measures(self) -> dict[str, float]:
        """Measures by key, in the order of the registry, then the user's own; see `evaluation.definitions`."""
        found = {key: value for part in self.parts.values() for key, value in part.measures.items()}
        order = [key for key in DEFINITIONS if key in found]
        return {key: found[key] for key in [*order, *(key for key in found if key not in DEFINITIONS)]}

    @property
    def intervals(self) -> dict[str, Interval]:
        """95 % bootstrap intervals, of the measures that have one."""
        return {key: bounds for part in self.parts.values() for key, bounds in part.intervals.items()}

    @property
    def tallies(self) -> dict[str, Tally]:
        """Measures text by text, where they are sums over texts."""
        return {key: tally for part in self.parts.values() for key, tally in part.tallies.items()}

    @property
    def notes(self) -> list[str]:
        """Sentences for the reader."""
        return [note for part in self.parts.values() for note in part.notes]

    def definition(self, key: str) -> Definition:
        """Return what the measure `key` is.

        Raises:
            ConfigError: an unknown measure.
        """
        own = self.parts.get(user.FAMILY.name)
        return user.definition(key) if own and key in own.measures else define(key)

    def settings_of(self, key: str, *, hidden: bool = False) -> dict[str, Any]:
        """Return the settings that the definition of the measure `key` names, with their values.

        Args:
            key: of a measure that was found.
            hidden: also those that only have to be equal for two numbers to be compared.

        Raises:
            ConfigError: an unknown measure.
        """
        definition = self.definition(key)
        known = dict(self.settings)
        for part in self.parts.values():
            if key in part.measures:
                known |= part.settings | part.own_settings.get(key, {})
        symbols = (*definition.settings, *definition.same) if hidden else definition.settings
        return {symbol: known.get(symbol) for symbol in symbols}

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; JSON has no infinity, so a perplexity too large for a float is null."""
        return {
            **shown(self.measures, self.intervals),
            "settings": self.settings,
            "settings_of": {key: self.settings_of(key) for key in self.measures},
            "num_cut": self.num_cut,
            "notes": self.notes,
        }


def shown(measures: Mapping[str, float], intervals: Mapping[str, Interval]) -> dict[str, Any]:
    """Return measures and intervals as JSON values; what is infinite is null."""
    return {
        "measures": {key: finite(value) for key, value in measures.items()},
        "intervals": {key: [finite(low), finite(high)] for key, (low, high) in intervals.items()},
    }


def finite(value: float) -> float | None:
    """Return a number as JSON has it: what is infinite is null."""
    return value if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.inf if value is None else value
