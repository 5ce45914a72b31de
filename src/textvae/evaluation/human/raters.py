"""How much each rater answered, and whether they agree with themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textvae.evaluation.human.key import Key
from textvae.evaluation.human.reading import Answer
from textvae.evaluation.human.votes import unit_of, value_of

Values = Mapping[tuple[str, str], int]
"""By item and criterion, sides undone."""


@dataclass(frozen=True, kw_only=True)
class Rater:
    """A rater.

    Attributes:
        name: as given.
        answered: answers, repeats among them.
        asked: questions of the sheet: items times criteria.
        mean: of the ratings; None of preferences.
        left: share of the preferences, ties left out, that went to the text on the left; one half, were sides of no
            matter. None of ratings.
        repeats: questions that were answered twice.
        same: of these, answered alike.
        gap: mean distance of the two answers; None where there are none.
    """

    name: str
    answered: int
    asked: int
    mean: float | None
    left: float | None
    repeats: int
    same: int
    gap: float | None


def raters(key: Key, answers: Sequence[Answer]) -> tuple[Rater, ...]:
    """Return the raters, in the order of their sheets and names."""
    of_raters: dict[str, list[Answer]] = {}
    for one in answers:
        of_raters.setdefault(one.rater, []).append(one)
    found = [(key.places[own[0].item].sheet, name, own) for name, own in of_raters.items()]
    return tuple(_rater(key, name, own, sheet) for sheet, name, own in sorted(found, key=lambda one: one[:2]))


def _rater(key: Key, name: str, answers: Sequence[Answer], sheet: int) -> Rater:
    given = [value for one in answers for value in one.values.values()]
    gaps = _gaps(key, answers, sheet)
    is_rating, decided = key.mode == "rate", [value for value in given if value]
    return Rater(
        name=name,
        answered=len(given),
        asked=sum(place.sheet == sheet for place in key.places.values()) * len(key.criteria),
        mean=sum(given) / len(given) if is_rating and given else None,
        left=decided.count(-1) / len(decided) if not is_rating and decided else None,
        repeats=len(gaps),
        same=gaps.count(0),
        gap=sum(gaps) / len(gaps) if gaps else None,
    )


def _gaps(key: Key, answers: Sequence[Answer], sheet: int) -> list[int]:
    """Return how far apart the two answers to each repeated question are."""
    given: Values = {
        (one.item, name): value_of(key, key.places[one.item], value)
        for one in answers
        for name, value in one.values.items()
    }
    own = {item: place for item, place in key.places.items() if place.sheet == sheet}
    first = {unit_of(key, place): item for item, place in own.items() if not place.is_repeat}
    pairs = [(first[unit_of(key, place)], item) for item, place in own.items() if place.is_repeat]
    return [
        abs(given[before, name] - given[after, name])
        for before, after in pairs
        for name in key.criteria
        if (before, name) in given and (after, name) in given
    ]
