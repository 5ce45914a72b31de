"""How far the main answers are from the training texts."""

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.novelty import DISTANCE, NEAR
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.tasks.yardstick import beside, both
from textvae.evaluation.texts import copies

DEFINITIONS = (
    *beside(
        "answer_copy_rate",
        "copy rate",
        "share of texts",
        "lower",
        "Those of the N {texts} that are a training text / N; case, runs of white space and terminal punctuation are ignored.",
        same=("texts", "training"),
    ),
    *beside(
        "answer_distance",
        "distance to training",
        "0 to 1",
        "neither",
        f"Mean over the N {{texts}} of the {DISTANCE}.",
        same=("texts", "units", "training"),
    ),
    *beside(
        "answer_near_copy_rate",
        "near copies (< 0.2)",
        "share of texts",
        "lower",
        f"Those of the N {{texts}} that are less than 0.2 from a training text / N, by {DISTANCE}.",
        same=("texts", "units", "training"),
    ),
)


def measure(task: Task) -> Findings:
    """Return copies, and distances to the nearest training text."""
    measures: dict[str, float | Tally] = {}
    measures |= both(task, "answer_copy_rate", lambda texts: Tally.mean(copies(texts, task.training or [])))
    measures |= both(task, "answer_distance", lambda texts: Tally.mean(task.distances(texts)))
    measures |= both(task, "answer_near_copy_rate", lambda texts: Tally.mean(task.distances(texts) < NEAR))
    return Findings(measures=measures)


FAMILY = Family(
    name="originality",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: task.training is not None,
)
