"""Answers to one criterion, by what was judged instead of by sheet: sides undone, repeats set aside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.human.key import Key, Place
from textvae.evaluation.human.reading import Answer
from textvae.evaluation.human.study import Unit


@dataclass(frozen=True)
class Votes:
    """What raters said of each unit.

    Attributes:
        criterion: that they were asked about.
        of_units: values by rater, by unit: 1 to 5; or -1 (the study's earlier system), 0 (neither), 1 (the later one).
    """

    criterion: str
    of_units: Mapping[Unit, Mapping[str, int]]

    @classmethod
    def of(cls, key: Key, answers: Sequence[Answer], criterion: str) -> Self:
        """Gather answers; what a sheet showed again counts for consistency alone."""
        found: dict[Unit, dict[str, int]] = {}
        for one in answers:
            place = key.places[one.item]
            if criterion in one.values and not place.is_repeat:
                found.setdefault(unit_of(key, place), {})[one.rater] = value_of(
                    key, place, one.values[criterion]
                )
        return cls(criterion, found)

    def of_systems(self, *systems: str) -> dict[int, Mapping[str, int]]:
        """Return values by rater, by number, of a system or of two that were compared."""
        return {unit.number: votes for unit, votes in self.of_units.items() if unit.systems == systems}

    def matrix(self) -> np.ndarray:
        """Return the values, (R, N): a row a rater, a column a unit; NaN where there is none."""
        raters = sorted({rater for votes in self.of_units.values() for rater in votes})
        columns = [[votes.get(rater, np.nan) for rater in raters] for votes in self.of_units.values()]
        return np.array(columns, dtype=float).reshape(len(columns), len(raters)).T


@dataclass(frozen=True)
class Mean:
    """A system's mean rating.

    Attributes:
        criterion: of which.
        system: whose.
        value: mean of all ratings, 1 to 5.
        interval: 95 % bootstrap over texts; None for one text.
        num_texts: with one rating at least.
        num_ratings: in all.
    """

    criterion: str
    system: str
    value: float
    interval: tuple[float, float] | None
    num_texts: int
    num_ratings: int


def unit_of(key: Key, place: Place) -> Unit:
    """Return what an item shows, whichever side it is on."""
    return Unit(place.number, tuple(sorted(place.systems, key=key.systems.index)))


def value_of(key: Key, place: Place, value: int) -> int:
    """Return a value as if the earlier system had been on the left."""
    return value if unit_of(key, place).systems == place.systems else -value


def sums(votes: Mapping[int, Mapping[str, float]]) -> np.ndarray:
    """Return sum and number of the values of each unit, (N, 2)."""
    rows = [(sum(of_unit.values()), len(of_unit)) for of_unit in votes.values()]
    return np.array(rows, dtype=float).reshape(-1, 2)


def means(key: Key, votes: Votes) -> list[Mean]:
    """Return the mean rating of each system that has one."""
    found = []
    for system in key.systems:
        if len(columns := sums(votes.of_systems(system))):
            tally = Tally("ratio", columns)
            num_ratings = int(columns[:, 1].sum())
            found.append(
                Mean(votes.criterion, system, tally.value, tally.interval, len(columns), num_ratings)
            )
    return found
