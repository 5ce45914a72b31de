"""`make_study`: texts of several systems as blind sheets, in random order and on random sides."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from textvae.config.fields import check_choice, check_count, check_range
from textvae.errors import ConfigError, DataError
from textvae.evaluation.human.criteria import Criterion, criteria
from textvae.evaluation.human.key import MODES, Key, Place
from textvae.evaluation.human.words import words_of


@dataclass(frozen=True)
class Unit:
    """What is judged: one text, or two side by side."""

    number: int
    systems: tuple[str, ...]


@dataclass(frozen=True)
class Showing:
    """A unit as a rater sees it: nothing here tells whose texts they are."""

    item: str
    texts: tuple[str, ...]
    context: str | None


@dataclass(frozen=True, kw_only=True)
class Study:
    """Sheets, one for each rater, and their key."""

    key: Key
    criteria: tuple[Criterion, ...]
    language: str
    sheets: tuple[tuple[Showing, ...], ...]

    @property
    def num_alike(self) -> int:
        """How many comparisons are between equal texts, which can only be ties; repeats do not count."""
        first = [one for one in self.sheets[0] if not self.key.places[one.item].is_repeat]
        return sum(len(one.texts) == 2 and one.texts[0] == one.texts[1] for one in first)


def make_study(
    systems: Mapping[str, Sequence[str]],
    *,
    contexts: Sequence[str] | None = None,
    mode: str = "rate",
    questions: Sequence[str] = (),
    raters: int = 1,
    repeats: int = 0,
    language: str = "en",
    seed: int = 0,
) -> Study:
    """Make blind sheets of texts.

    Every rater judges every text (`rate`), or every pair of texts of equal number of every two systems (`compare`), in
    an order of their own. Each system is on the left in half of its comparisons.

    Args:
        systems: texts by system, equally many; what a later system has more than an earlier one is a difference.
        contexts: what texts of equal number were made from, shown above them; None: texts stand alone.
        mode: "rate" (1 to 5) or "compare" (A, B or tie).
        questions: criteria, as `criterion` reads them; empty: fluency, adequacy (where there is a context; creativity
            where there is none) and naturalness.
        raters: sheets.
        repeats: items that a sheet shows a second time, sides changed, to see whether raters agree with themselves.
        language: of what raters read around the texts: en or zh.
        seed: of order and sides.

    Raises:
        ConfigError: an unknown mode or language, a number out of range, criteria that cannot be, one system to compare.
        DataError: systems (or contexts) of different numbers of texts, or none.
    """
    check_mode(mode, len(systems))
    words_of(language)
    check_count("raters", raters, 1)
    asked = criteria(questions, in_context=contexts is not None)
    names, columns = tuple(systems), tuple(one.name for one in asked)
    num = _common_length(systems, contexts)
    teams = [(name,) for name in names] if mode == "rate" else list(combinations(names, 2))
    units = [Unit(number, team) for team in teams for number in range(num)]
    check_range("repeats", repeats, 0, len(units) // 2)
    texts = {name: list(of_system) for name, of_system in systems.items()}
    sources = None if contexts is None else list(contexts)
    study = _digest(mode, columns, texts, sources, raters, repeats, seed)
    places: dict[str, Place] = {}
    sheets = []
    for sheet in range(1, raters + 1):
        arranged = _arranged(units, sheet, repeats, np.random.default_rng([seed, sheet]))
        found = {f"{study}-{sheet}-{row:03d}": place for row, place in enumerate(arranged, 1)}
        places |= found
        sheets.append(tuple(_showing(item, place, systems, contexts) for item, place in found.items()))
    key = Key(
        study=study,
        mode=mode,
        systems=names,
        criteria=columns,
        is_paired=contexts is not None,
        places=places,
    )
    return Study(key=key, criteria=asked, language=language, sheets=tuple(sheets))


def check_mode(mode: str, num_systems: int) -> None:
    """Refuse what cannot be judged so, before any text is made.

    Raises:
        ConfigError: an unknown mode, or one system to compare.
    """
    check_choice("mode", mode, MODES)
    if mode == "compare" and num_systems == 1:
        raise ConfigError("1 system to compare; give two at least, or rate it with --mode rate")


def _arranged(units: Sequence[Unit], sheet: int, repeats: int, generator: np.random.Generator) -> list[Place]:
    """Return the rows of a sheet; what is repeated comes in its first half, and again in its second."""
    swaps = _balanced([unit.systems for unit in units], generator)
    order = [int(row) for row in generator.permutation(len(units))]
    middle = len(order) // 2
    again = {int(row) for row in generator.permutation(order[:middle])[:repeats]}
    later = [(row, False) for row in order[middle:]] + [(row, True) for row in again]
    later = [later[int(row)] for row in generator.permutation(len(later))]
    rows = [(row, False) for row in order[:middle]] + later
    return [
        Place(
            units[row].number,
            units[row].systems[::-1] if swaps[row] ^ is_repeat else units[row].systems,
            sheet,
            is_repeat,
        )
        for row, is_repeat in rows
    ]


def _balanced(teams: Sequence[tuple[str, ...]], generator: np.random.Generator) -> np.ndarray:
    """Return which units have their sides changed, (N,) bool: half of those of each two systems."""
    swaps = np.zeros(len(teams), dtype=bool)
    for team in dict.fromkeys(teams):
        rows = np.array([row for row, one in enumerate(teams) if one == team])
        extra = int(generator.integers(2))  # of an odd number, either side may have one more
        swaps[generator.permutation(rows)[: (len(rows) + extra) // 2]] = True
    return swaps


def _showing(
    item: str, place: Place, systems: Mapping[str, Sequence[str]], contexts: Sequence[str] | None
) -> Showing:
    texts = tuple(systems[name][place.number] for name in place.systems)
    return Showing(item, texts, None if contexts is None else contexts[place.number])


def _common_length(systems: Mapping[str, Sequence[str]], contexts: Sequence[str] | None) -> int:
    """Return how many texts each system has."""
    counts = {name: len(texts) for name, texts in systems.items()}
    if contexts is not None:
        counts["the contexts"] = len(contexts)
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        raise DataError(f"different numbers of texts ({told}); equally many are needed")
    num = next(iter(counts.values()), 0)
    if not systems or not num:
        raise DataError("no texts to judge; give one system at least, with one text at least")
    return num


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:6]
