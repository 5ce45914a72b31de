"""Whether the answers are of the label that was asked for, by the word of an independent judge."""

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.tasks.classifier import MAX_TEXTS, LabelJudge
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
        f"Mean over the N sources with a label of the share of the answers, M at most, that a judge gives the label asked for: {_JUDGE}. To be read "
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
    real = zip(task.training or [], task.training_labels or [], strict=True)
    known = {text: label for text, label in real if label is not None}
    judge = LabelJudge.train(list(known), list(known.values()), seed=task.seed)
    said = iter(judge.judge([text for several in task.answers for text in several]))
    wanted = task.labels or []
    right = np.array(
        [np.mean([next(said) == label for _ in of]) for of, label in zip(task.answers, wanted, strict=True)]
    )
    asked = np.array([label is not None for label in wanted])
    measures = {
        "label_accuracy": Tally.ratio(right * asked, asked),
        "label_accuracy_judge": Tally.mean(judge.held_out, aligned=False),
        "label_accuracy_ratio": Tally.ratio(right * asked, asked * judge.accuracy),
    }
    unknown = sorted({label for label in wanted if label is not None} - set(judge.labels))
    told = ", ".join(map(repr, unknown[:5]))
    notes = (f"no training text has the label {told}: answers of it count as wrong",) if unknown else ()
    return Findings(
        measures=measures,
        settings={"T": min(len(known), MAX_TEXTS)},
        own_settings={
            "label_accuracy": {"N": int(asked.sum())},
            "label_accuracy_judge": {"N": len(judge.held_out)},
            "label_accuracy_ratio": {"N": int(asked.sum())},
        },
        notes=notes,
    )


def _has_some(labels: list[str | None] | None) -> bool:
    return labels is not None and any(label is not None for label in labels)


FAMILY = Family(
    name="labels",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: _has_some(task.labels) and _has_some(task.training_labels),
)
