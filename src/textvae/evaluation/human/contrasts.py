"""Two systems against each other: differences of ratings, and preferences."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from textvae.evaluation.bootstrap import Tally, difference
from textvae.evaluation.human.key import Key
from textvae.evaluation.human.significance import shuffle_test, sign_flip_test, sign_test
from textvae.evaluation.human.votes import Votes, sums


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A later system against an earlier one.

    Attributes:
        criterion: by which.
        systems: the earlier one and the later one.
        value: of ratings, the later one's mean less the earlier one's; of preferences, the later one's win rate: the
            share of answers for it, ties counting half.
        interval: 95 % bootstrap over texts, or pairs of texts; None for one.
        wins: pairs of texts that the later system wins: more raters are for it, or its mean rating is higher. None
            where texts are no pairs.
        ties: pairs that neither wins.
        losses: pairs that the earlier one wins.
        shares: of answers for the earlier one, for neither, for the later one; of preferences only.
        num_answers: that this rests on: preferences, or ratings of both texts by one rater, or all ratings.
        p: two-sided. Preferences: exact sign test over pairs, ties left out. Ratings: randomisation test, signs of
            pairs or, where texts are no pairs, which system a text is from.
        p_holm: corrected for the number of contrasts in the study.
    """

    criterion: str
    systems: tuple[str, str]
    value: float
    interval: tuple[float, float] | None
    wins: int | None
    ties: int | None
    losses: int | None
    shares: tuple[float, float, float] | None
    num_answers: int
    p: float
    p_holm: float = 1.0


def preferences(key: Key, votes: Votes) -> list[Contrast]:
    """Return what was preferred, of each two systems with an answer.

    Answers of several raters to one pair are not independent: the test is over pairs, each won by its majority.
    """
    found = []
    for first, second in combinations(key.systems, 2):
        if not (of_pairs := votes.of_systems(first, second)):
            continue
        columns = sums(of_pairs)
        halves = Tally.ratio((columns[:, 0] + columns[:, 1]) / 2, columns[:, 1])
        answers = Counter(value for of_pair in of_pairs.values() for value in of_pair.values())
        num = answers.total()
        wins, ties, losses = _won(columns[:, 0])
        found.append(
            Contrast(
                criterion=votes.criterion,
                systems=(first, second),
                value=halves.value,
                interval=halves.interval,
                wins=wins,
                ties=ties,
                losses=losses,
                shares=(answers[-1] / num, answers[0] / num, answers[1] / num),
                num_answers=num,
                p=sign_test(wins, losses),
            )
        )
    return found


def rating_differences(key: Key, votes: Votes) -> list[Contrast]:
    """Return differences of ratings, of each two systems with ratings; paired where texts are made from one source."""
    found = []
    for first, second in combinations(key.systems, 2):
        ours, theirs = votes.of_systems(first), votes.of_systems(second)
        if key.is_paired:
            columns = sums(_paired(ours, theirs))
            found += [_of_pairs(votes.criterion, (first, second), columns)] if len(columns) else []
        elif ours and theirs:
            found.append(_of_sets(votes.criterion, (first, second), sums(ours), sums(theirs)))
    return found


def _of_pairs(criterion: str, systems: tuple[str, str], columns: np.ndarray) -> Contrast:
    """Return the contrast of pairs; columns: sum and number of the raters' differences."""
    tally = Tally("ratio", columns)
    wins, ties, losses = _won(columns[:, 0])
    return Contrast(
        criterion=criterion,
        systems=systems,
        value=tally.value,
        interval=tally.interval,
        wins=wins,
        ties=ties,
        losses=losses,
        shares=None,
        num_answers=int(columns[:, 1].sum()),
        p=sign_flip_test(columns[:, 0]),
    )


def _of_sets(criterion: str, systems: tuple[str, str], ours: np.ndarray, theirs: np.ndarray) -> Contrast:
    value, interval = difference(Tally("ratio", ours, aligned=False), Tally("ratio", theirs, aligned=False))
    return Contrast(
        criterion=criterion,
        systems=systems,
        value=value,
        interval=interval,
        wins=None,
        ties=None,
        losses=None,
        shares=None,
        num_answers=int(ours[:, 1].sum() + theirs[:, 1].sum()),
        p=shuffle_test(ours, theirs),
    )


def _paired(
    ours: Mapping[int, Mapping[str, int]], theirs: Mapping[int, Mapping[str, int]]
) -> dict[int, dict[str, int]]:
    """Return theirs - ours by rater, by source, where a rater rated both: how lenient raters are cancels out."""
    differences = {
        number: {
            rater: theirs[number][rater] - value
            for rater, value in ours[number].items()
            if rater in theirs[number]
        }
        for number in ours
        if number in theirs
    }
    return {number: of_raters for number, of_raters in differences.items() if of_raters}


def _won(totals: np.ndarray) -> tuple[int, int, int]:
    """Return wins, ties and losses of the later system."""
    return int((totals > 0).sum()), int((totals == 0).sum()), int((totals < 0).sum())
