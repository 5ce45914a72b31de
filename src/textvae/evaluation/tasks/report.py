"""`evaluate_answers`: the measures of answers, in one record."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from textvae.codec import Codec
from textvae.evaluation.bootstrap import LEVEL, RESAMPLES
from textvae.evaluation.plan import Tell
from textvae.evaluation.record import Evaluation, Part
from textvae.evaluation.tasks.checking import checked_task
from textvae.evaluation.tasks.families import TASK_FAMILIES
from textvae.evaluation.tasks.task import Task


def evaluate_answers(
    answers: Sequence[str] | Sequence[Sequence[str]],
    references: Sequence[str] | Sequence[Sequence[str]] | None = None,
    *,
    sources: Sequence[str] | None = None,
    labels: Sequence[Any] | None = None,
    lengths: Sequence[int] | None = None,
    training: Sequence[str] | None = None,
    training_labels: Sequence[Any] | None = None,
    judge: Codec | None = None,
    chinese_words: bool = False,
    tell: Tell | None = None,
    seed: int = 0,
) -> Evaluation:
    """Measure texts that a model gave to sources or labels; what is given decides what is measured.

    Args:
        answers: M texts at most for each of N sources, the main one first; a text alone is one answer. Measures over
            several answers use those there are; none counts as an empty one.
        references: one or more good texts a source; a text alone is one.
        sources: what was answered: coherence, copying, and slots where each is a meaning representation.
        labels: what the answers were to be of, words or numbers, None where that is unknown; with labelled training texts: label
            accuracy.
        lengths: units that an answer was to have; None: those of the first reference.
        training: the answers that the model was trained on: copies, distances.
        training_labels: their labels.
        judge: a language model (as the doctor's baseline) of texts like "source answer": perplexity, coherence,
            naturalness, creativity.
        chinese_words: count Chinese in words (rjieba), not characters.
        tell: hears a line at each family of measures.
        seed: of the order of sources, of what judges are trained and tried on.

    Returns:
        A record as of `textvae.evaluation.report.evaluate`: intervals are over sources, and `compare` pairs two
        systems' answers to the same sources.

    Raises:
        ConfigError: a judge that is no language model.
        DataError: numbers that do not agree, no answer, an empty reference, too few labelled texts.
        MissingExtraError: Chinese words without rjieba.
    """
    task = checked_task(
        answers,
        references,
        sources=sources,
        labels=labels,
        lengths=lengths,
        training=training,
        training_labels=training_labels,
        judge=judge,
        chinese_words=chinese_words,
        seed=seed,
    )
    return evaluate_task(task, tell)


def evaluate_task(task: Task, tell: Tell | None = None) -> Evaluation:
    """Return what each family that applies finds; each part holds all the settings that it depends on."""
    parts = {}
    for family in TASK_FAMILIES:
        if family.applies(task):
            if tell:
                tell(family.name)
            found = family.measure(task)
            found = dataclasses.replace(found, settings={**task.settings, **found.settings})
            parts[family.name] = Part.of(found)
    intervals = f"{LEVEL:.0%} percentile bootstrap over sources, {RESAMPLES:,} draws"
    return Evaluation(parts=parts, settings={**task.settings, "intervals": intervals}, num_cut=0)
