"""One number for a purpose: naturalness of dialogue, creativity of drafts. Geometric means of parts that stand beside them."""

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.tasks.fluency import coherence, fluency, has_coherence
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.tasks.variety import repetition

DEFINITIONS = (
    Definition(
        "naturalness",
        "naturalness",
        "0 to 1",
        "higher",
        "For dialogue: (fluency * max(0, 2 coherence - 1) * (1 - repetition))^(1/3) of the N first answers, with fluency, coherence with the "
        "source and repetition as defined beside. It is 0 where answers fit their source no better than chance.",
        ("N",),
        same=("texts", "units", "judge", "training", "seed"),
    ),
    Definition(
        "creativity",
        "creativity",
        "0 to 1",
        "higher",
        "For drafts: (distance to training * fluency * diversity of answers)^(1/3) over N sources, the first two of the first answers, the last of all, M at most, as defined "
        "beside. It is 0 where answers are copies, broken, or all alike.",
        ("N", "M"),
        same=("texts", "units", "tokenizer", "judge", "training", "seed"),
    ),
)


def measure(task: Task) -> Findings:
    """Return what there are parts for."""
    measures: dict[str, float | Tally] = {}
    if has_coherence(task) and (fits := coherence(task.main, task)).columns[:, 1].any():
        measures["naturalness"] = naturalness(fits, task)
    if is_creative(task):
        parts = Tally.mean(task.distances(task.main)), fluency(task.main, task), Tally.mean(task.diversity)
        measures["creativity"] = Tally.geometric(*parts)
    return Findings(measures=measures, settings={"judge": task.judge_digest, "tokenizer": task.tokenizer})


def naturalness(fits: Tally, task: Task) -> Tally:
    """Return fluency, coherence above chance, of `fits`, and lack of repetition in one."""
    above, below = fits.columns.T
    above_chance = Tally.ratio(2 * above - below, below)
    return Tally.geometric(fluency(task.main, task), above_chance, less=repetition(task.main, task))


def is_creative(task: Task) -> bool:
    """Return whether novelty and diversity of the answers are known."""
    return task.training is not None and task.num_answers > 1


FAMILY = Family(
    name="scenarios",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda task: (
        task.judge is not None and task.has_real_texts and (has_coherence(task) or is_creative(task))
    ),
)
