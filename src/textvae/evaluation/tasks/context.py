"""What the main answers share with their source: too little and they answer something else, too much and they copy."""

import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import UNITS, Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.rouge import rouge_words
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.tasks.yardstick import beside, both
from textvae.evaluation.texts import comparable

DEFINITIONS = (
    *beside(
        "lexical_coherence",
        "lexical coherence",
        "share of texts",
        "higher",
        "Share of the N {texts} that are nearer to their own source than to another one drawn at random (ties count half), by "
        "cosine of counts of units times ln((1 + N) / (1 + sources with the unit)) + 1; lower-case units without "
        f"punctuation; {UNITS}. 0.5 is chance.",
        same=("texts", "units", "seed"),
    ),
    *beside(
        "source_overlap",
        "words of the source",
        "share of units",
        "neither",
        "Units of the text that its source has too, each as often as there at most / units, sums over the N {texts}; lower-case units without punctuation; "
        f"{UNITS}.",
    ),
    Definition(
        "source_copies",
        "copies of the source",
        "share of answers",
        "lower",
        "Mean over N sources of the share of the answers, M at most, that are the source; case, runs of white space and terminal "
        "punctuation are ignored.",
        ("N", "M"),
        same=("texts",),
    ),
)


def measure(task: Task) -> Findings:
    """Return lexical coherence where there are two sources at least, and what is copied from the source."""
    measures: dict[str, float | Tally] = {}
    if len(task.answers) > 1:
        measures |= both(task, "lexical_coherence", lambda texts: lexical_coherence(texts, task))
    measures |= both(task, "source_overlap", lambda texts: _overlap(texts, task))
    pairs = zip(task.answers, task.sources or [], strict=True)
    copied = [np.mean([comparable(text) == comparable(source) for text in texts]) for texts, source in pairs]
    measures["source_copies"] = Tally.mean(copied)
    return Findings(measures=measures)


def lexical_coherence(texts: list[str], task: Task) -> Tally:
    """Return the share of texts nearer to their own source than to another."""
    sources = _counts(task.sources or [], task)
    holders = Counter(unit for counts in sources for unit in counts)
    weights = {unit: math.log((1 + len(sources)) / (1 + num)) + 1 for unit, num in holders.items()}
    answers, order = _counts(texts, task), task.order
    fits = np.empty(len(texts))
    for own, other in zip(order, np.roll(order, -1), strict=True):
        gain = _cosine(answers[own], sources[own], weights) - _cosine(answers[own], sources[other], weights)
        fits[own] = 0.5 + 0.5 * np.sign(gain)
    return Tally.mean(fits)


def _cosine(text: Counter[str], source: Counter[str], weights: Mapping[str, float]) -> float:
    """Return the cosine of weighted counts, up to the length of the text's own vector, which is in both sides."""
    shared = sum(text[unit] * source[unit] * weights[unit] ** 2 for unit in text.keys() & source.keys())
    length = math.sqrt(sum((count * weights[unit]) ** 2 for unit, count in source.items()))
    return shared / length if shared else 0.0


def _overlap(texts: list[str], task: Task) -> Tally:
    ours, theirs = _counts(texts, task), _counts(task.sources or [], task)
    shared = [(a & b).total() for a, b in zip(ours, theirs, strict=True)]
    return Tally.ratio(shared, [counts.total() for counts in ours])


def _counts(texts: list[str], task: Task) -> list[Counter[str]]:
    return [Counter(rouge_words(text, task.split)) for text in texts]


FAMILY = Family(
    name="source",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.sources is not None,
)
