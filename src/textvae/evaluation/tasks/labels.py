"""Whether the answers are of the label that was asked for, by the word of an independent judge."""

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.tasks.classifier import LabelJudge
from textvae.evaluation.tasks.task import Task

_JUDGE = (
    "the judge is a linear classifier (words and runs of two and three, letters in scripts without spaces; features are "
    "hashed) trained on T different training texts and their labels, one in ten of them held out"
)
_SAME = ("training", "seed")

DEFINITIONS = (
    Definition(
        "label_accuracy",
        "label accuracy",
        "share of answers",
        "higher",
        f"Mean over N sources of the share of the answers, M at most, that a judge gives the label asked for: {_JUDGE}. To be read "
        "beside the judge's own.",
        ("N", "M", "T"),
        same=("texts", *_SAME),
    ),
    Definition(
        "label_accuracy_judge",
        "label accuracy of the judge",
        "share of texts",
        "neither",
        f"Held-out real texts, N of them, that the judge gives their label: {_JUDGE}. The yardstick.",
        ("N", "T"),
        same=_SAME,
    ),
    Definition(
        "label_accuracy_ratio",
        "label accuracy / judge's",
        "ratio",
        "higher",
        f"Label accuracy over N sources and M answers each at most / the judge's own on held-out real texts: {_JUDGE}. 1: labels are as clear as in real texts. The "
        "interval is of the answers alone.",
        ("N", "M", "T"),
        same=("texts", *_SAME),
    ),
)


def measure(task: Task) -> Findings:
    """Return how often answers are judged to be of their label."""
    training, labels = task.training or [], task.training_labels or []
    judge = LabelJudge.train(training, labels, seed=task.seed)
    found = judge.judge([text for several in task.answers for text in several])
    said = iter(found)
    pairs = zip(task.answers, task.labels or [], strict=True)
    right = np.array([np.mean([next(said) == label for _ in several]) for several, label in pairs])
    measures = {
        "label_accuracy": Tally.mean(right),
        "label_accuracy_judge": Tally.mean(judge.held_out, aligned=False),
        "label_accuracy_ratio": Tally.ratio(right, np.full(len(right), judge.accuracy)),
    }
    unknown = sorted(set(task.labels or []) - set(judge.labels))
    told = ", ".join(map(repr, unknown[:5]))
    notes = (f"no training text has the label {told}: answers of it count as wrong",) if unknown else ()
    return Findings(
        measures=measures,
        settings={"T": len(dict(zip(training, labels, strict=True)))},
        own_settings={"label_accuracy_judge": {"N": len(judge.held_out)}},
        notes=notes,
    )


FAMILY = Family(
    name="labels",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.labels is not None and task.training_labels is not None,
)
