"""From what people pass to a `Task`: lists that agree, and texts that are there."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from textvae.codec import Codec
from textvae.data.labels import as_label
from textvae.errors import ConfigError, DataError
from textvae.evaluation.tasks.task import Task
from textvae.evaluation.texts import check_list


def checked_task(
    answers: Sequence[str] | Sequence[Sequence[str]],
    references: Sequence[str] | Sequence[Sequence[str]] | None = None,
    *,
    parallel: bool = True,
    sources: Sequence[str] | None = None,
    labels: Sequence[Any] | None = None,
    lengths: Sequence[int] | None = None,
    training: Sequence[str] | None = None,
    training_labels: Sequence[Any] | None = None,
    judge: Codec | None = None,
    chinese_words: bool = False,
    seed: int = 0,
) -> Task:
    """Return what is to be measured; a text alone stands for a list of one, no answer to a source for an empty one.

    Arguments are those of `evaluate_answers`; references that are not `parallel` are other texts of the same labels, and
    what answers share with them is not measured.

    Sources that are blank, as are their answers and references (blank lines of parallel files), are left out and counted.

    Raises:
        ConfigError: a judge that is no language model.
        DataError: numbers that do not agree, no answer, an empty reference, a string where a list belongs.
    """
    task = Task(
        answers=[several or [""] for several in _lists("answers", answers)],
        references=None if references is None else _lists("references", references),
        parallel=parallel,
        sources=_listed("sources", sources),
        labels=_labels("labels", labels),
        lengths=None if lengths is None else list(lengths),
        training=_listed("training", training),
        training_labels=_labels("training_labels", training_labels),
        judge=judge,
        by_words=chinese_words,
        seed=seed,
    )
    _check_numbers(task)
    task = _without_blank(task)
    _check_texts(task)
    if judge is not None and judge.model.config.has_latent:
        raise ConfigError("the judge has a latent; a language model is needed, as RUN/baseline of the doctor")
    if judge is not None and judge.model.config.has_condition:
        raise ConfigError(
            "the judge answers to conditions, as the baseline of a conditional run does; a language model of plain texts like "
            "'source answer' is needed: train one on them with --set model.encoder=none and without --source"
        )
    return task


def _check_numbers(task: Task) -> None:
    num = len(task.answers)
    if not num:
        raise DataError("no answers; at least one is needed")
    for name in ("references", "sources", "labels", "lengths"):
        given = getattr(task, name)
        if given is not None and len(given) != num:
            raise DataError(f"answers to {num} sources, but {name} for {len(given)}; one for each is needed")
    if task.training_labels is not None and len(task.training_labels) != len(task.training or []):
        raise DataError(
            f"{len(task.training_labels)} labels for {len(task.training or [])} training texts; one for each is needed"
        )


def _without_blank(task: Task) -> Task:
    """Return what is left without the sources that are blank in all files."""
    if task.sources is None or task.references is None:
        return task
    rows = zip(task.sources, task.answers, task.references, strict=True)
    kept = [
        number
        for number, (source, *texts) in enumerate(rows)
        if source.strip() or any(text.strip() for several in texts for text in several)
    ]
    if len(kept) in (0, len(task.answers)):
        return task
    columns = {
        name: getattr(task, name) for name in ("answers", "references", "sources", "labels", "lengths")
    }
    chosen = {name: column and [column[row] for row in kept] for name, column in columns.items()}
    return dataclasses.replace(task, **chosen, num_blank=len(task.answers) - len(kept))


def _check_texts(task: Task) -> None:
    for number, several in enumerate(task.references or [], 1):
        if not several or not all(text.strip() for text in several):
            raise DataError(f"a reference of source {number} is empty; remove it, or the source")
    if task.training is not None and not any(text.strip() for text in task.training):
        raise DataError("no training texts; leave them out, or give some")
    if not any(text.strip() for text in task.main):
        raise DataError("every first answer is empty; there is nothing to measure")


def _lists(name: str, rows: Sequence[str] | Sequence[Sequence[str]]) -> list[list[str]]:
    check_list(name, rows)
    return [[row] if isinstance(row, str) else list(row) for row in rows]


def _listed(name: str, texts: Sequence[str] | None) -> list[str] | None:
    if texts is None:
        return None
    check_list(name, texts)
    for number, text in enumerate(texts := list(texts), 1):
        if not isinstance(text, str):
            raise DataError(f"number {number} of {name} is {text!r:.40}; a string is needed")
    return texts


def _labels(name: str, labels: Sequence[Any] | None) -> list[str | None] | None:
    """Return labels as words; a missing one is None."""
    if labels is None:
        return None
    check_list(name, labels)
    return [as_label(label) for label in labels]
