"""`tally`: what the answers of raters say, as numbers with intervals, tests and agreement."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from textvae.errors import DataError
from textvae.evaluation.human.alpha import LEVELS, Alpha, alpha
from textvae.evaluation.human.contrasts import Contrast, preferences, rating_differences
from textvae.evaluation.human.key import Key
from textvae.evaluation.human.raters import Rater, raters
from textvae.evaluation.human.reading import Filled, Problem, read_filled
from textvae.evaluation.human.significance import holm
from textvae.evaluation.human.votes import Mean, Votes, means


@dataclass(frozen=True)
class Comment:
    """What a rater wrote beside an item."""

    rater: str
    item: str
    systems: tuple[str, ...]
    text: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came out of a study.

    Attributes:
        key: what was asked.
        raters: who answered, how much, and how consistently.
        means: by criterion and system; of ratings only.
        contrasts: each two systems, by criterion.
        agreement: alpha by criterion and level of measurement.
        comments: in the raters' own words.
        problems: what was not taken as it stood.
    """

    key: Key
    raters: tuple[Rater, ...]
    means: tuple[Mean, ...]
    contrasts: tuple[Contrast, ...]
    agreement: dict[str, dict[str, Alpha]]
    comments: tuple[Comment, ...]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {
            "study": self.key.study,
            "mode": self.key.mode,
            "systems": self.key.systems,
            "criteria": self.key.criteria,
            "paired": self.key.is_paired,
            "raters": [asdict(one) for one in self.raters],
            "means": [asdict(one) for one in self.means],
            "contrasts": [asdict(one) for one in self.contrasts],
            "agreement": {
                name: {level: asdict(one) for level, one in levels.items()}
                for name, levels in self.agreement.items()
            },
            "comments": [asdict(one) for one in self.comments],
            "problems": [asdict(one) for one in self.problems],
        }


def tally(key: Key | str | Path, sheets: Sequence[str | Path], *, encoding: str | None = None) -> Outcome:
    """Read filled sheets and say what they say.

    Intervals are 95 % bootstrap intervals over texts, or pairs of texts, with the raters as they are: they say how far
    other texts might move a number, not other raters. p-values are corrected by Holm's method for all of the study's.

    Args:
        key: of the study, or where it lies.
        sheets: filled CSV sheets, or folders of them.
        encoding: of the sheets; None: UTF-8, what a byte-order mark says, or what it looks like.

    Raises:
        DataError: see `Key.read` and `read_filled`; nothing is answered.
    """
    key = key if isinstance(key, Key) else Key.read(key)
    filled = read_filled(key, sheets, encoding=encoding)
    if not any(one.values for one in filled.answers):
        raise DataError("no answer in any of the sheets; give the filled ones")
    votes = [Votes.of(key, filled.answers, name) for name in key.criteria]
    contrasts = [
        contrast
        for one in votes
        for contrast in (rating_differences(key, one) if key.mode == "rate" else preferences(key, one))
    ]
    corrected = holm([one.p for one in contrasts])
    return Outcome(
        key=key,
        raters=raters(key, filled.answers),
        means=tuple(mean for one in votes for mean in means(key, one)) if key.mode == "rate" else (),
        contrasts=tuple(replace(one, p_holm=p) for one, p in zip(contrasts, corrected, strict=True)),
        agreement={one.criterion: {level: alpha(one.matrix(), level) for level in LEVELS} for one in votes},
        comments=_comments(key, filled),
        problems=filled.problems,
    )


def _comments(key: Key, filled: Filled) -> tuple[Comment, ...]:
    return tuple(
        Comment(one.rater, one.item, key.places[one.item].systems, one.comment)
        for one in filled.answers
        if one.comment
    )
