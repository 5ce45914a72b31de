"""Whether the main answers are as long as they were to be."""

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import UNITS, Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.tasks.task import Task

NEAR = 0.2
_WANTED = (
    f"the wanted length is as stated; {UNITS}, punctuation marks between spaces or such letters are units too"
)
_SETTINGS, _SAME = ("N", "wanted"), ("texts", "units")

DEFINITIONS = (
    Definition(
        "length_ratio",
        "length ratio",
        "ratio",
        "neither",
        f"Units of the N first answers / units wanted, sums over them: {_WANTED}.",
        _SETTINGS,
        same=_SAME,
    ),
    Definition(
        "length_near",
        "length within 20 %",
        "share of answers",
        "higher",
        f"First answers of at least 0.8 and at most 1.2 times as many units as wanted / N: {_WANTED}.",
        _SETTINGS,
        same=_SAME,
    ),
    Definition(
        "length_exact",
        "length exact",
        "share of answers",
        "higher",
        f"First answers of exactly as many units as wanted / N, as couplets are: {_WANTED}.",
        _SETTINGS,
        same=_SAME,
    ),
)


def measure(task: Task) -> Findings:
    """Return how lengths compare with those given, or else with those of the first references."""
    ours = np.array([len(task.split(text)) for text in task.main])
    wanted = task.lengths or [len(task.split(text)) for text in task.first_references or []]
    wanted = np.array(wanted)
    measures = {
        "length_ratio": Tally.ratio(ours, wanted),
        "length_near": Tally.mean(np.abs(ours - wanted) <= NEAR * wanted + 1e-9),
        "length_exact": Tally.mean(ours == wanted),
    }
    told = "as given" if task.lengths else "of the first reference"
    return Findings(measures=measures, settings={"wanted": told})


FAMILY = Family(
    name="lengths",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.lengths is not None or task.has_parallel,
)
