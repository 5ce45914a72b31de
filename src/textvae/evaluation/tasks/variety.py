"""How different the answers are: across sources, among those to one source, and within a text."""

from collections.abc import Iterator

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import RESAMPLED_NOT, UNITS, Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.sentence_bleu import SMOOTHING, pairwise_bleu
from textvae.evaluation.tasks.overlap import TOKENIZER
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.tasks.yardstick import beside, both
from textvae.evaluation.texts import distinct_n, ngrams

_PAIRS = f"1 - mean over their ordered pairs of sentence BLEU-4 / 100 ({SMOOTHING}; {TOKENIZER})"


def _distinct(n: int, name: str) -> tuple[Definition, Definition]:
    return beside(
        f"answer_distinct_{n}",
        f"distinct-{n}",
        f"share of {name}",
        "higher",
        f"Distinct {name} / all {name} over the N {{texts}}, as many of both; {UNITS}. Comparable at equal N only. {RESAMPLED_NOT}",
    )


DEFINITIONS = (
    *_distinct(1, "units"),
    *_distinct(2, "bigrams of units"),
    *beside(
        "repetition",
        "repetition",
        "share of bigrams",
        "lower",
        "Bigrams of units that occurred in the same text before / all bigrams of units, sums over the N {texts}; "
        f"{UNITS}.",
    ),
    Definition(
        "answer_diversity",
        "diversity of answers",
        "0 to 1",
        "higher",
        f"Mean over N sources of the diversity of the M answers at most: {_PAIRS}; of one answer 0. 0: all alike.",
        ("N", "M"),
        same=("texts", "tokenizer"),
    ),
    Definition(
        "answer_diversity_references",
        "diversity of references",
        "0 to 1",
        "neither",
        f"Mean over those of N sources with two or more references (R at most) of their diversity: {_PAIRS}. The yardstick.",
        ("N", "R"),
        same=("texts", "tokenizer"),
    ),
    Definition(
        "different_answers",
        "different answers",
        "share of answers",
        "higher",
        "Mean over N sources of different answers / answers, M at most.",
        ("N", "M"),
        same=("texts",),
    ),
)


def measure(task: Task) -> Findings:
    """Return distinct-n and repetition; of several answers or references to one source, also their diversity."""
    measures: dict[str, float | Tally] = {}
    for n in (1, 2):
        measures |= both(task, f"answer_distinct_{n}", lambda texts, n=n: distinct_n(texts, n, task.split))
    measures |= both(task, "repetition", lambda texts: repetition(texts, task))
    if task.num_answers > 1:
        different = [len(set(several)) / len(several) for several in task.answers]
        measures |= {
            "answer_diversity": Tally.mean(task.diversity),
            "different_answers": Tally.mean(different),
        }
    if any(len(several) > 1 for several in task.reference_grams):
        measures["answer_diversity_references"] = _diversity_of_references(task)
    return Findings(measures=measures, settings={"tokenizer": task.tokenizer}, notes=tuple(_notes(task)))


def _notes(task: Task) -> Iterator[str]:
    """Say what is not as in other rows."""
    if num_empty := sum(not text.strip() for several in task.answers for text in several):
        yield f"empty answers, counted as they are: {num_empty:,}"
    if num_fewer := sum(len(several) < task.num_answers for several in task.answers):
        yield (
            f"sources with fewer than {task.num_answers:,} answers, of which those there are count: "
            f"{num_fewer:,} of {len(task.answers):,}"
        )
    if task.num_blank:
        yield f"sources that are blank, with their answers and references, and left out: {task.num_blank:,}"


def repetition(texts: list[str], task: Task) -> Tally:
    """Return the share of bigrams that their text has already had."""
    bigrams = [list(ngrams(task.split(text), 2)) for text in texts]
    repeated = [len(row) - len(set(row)) for row in bigrams]
    return Tally.ratio(repeated, [len(row) for row in bigrams])


def _diversity_of_references(task: Task) -> Tally:
    several = np.array([len(one) > 1 for one in task.reference_grams])
    values = [
        1 - pairwise_bleu(one) / 100 if many else 0.0
        for one, many in zip(task.reference_grams, several, strict=True)
    ]
    return Tally.ratio(values, several)


FAMILY = Family(
    name="variety",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: True,
)
