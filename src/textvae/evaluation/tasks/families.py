"""The families of measures of answers."""

from textvae.evaluation.family import Family
from textvae.evaluation.tasks import (
    context,
    fluency,
    labels,
    lengths,
    originality,
    overlap,
    scenarios,
    several,
    slots,
    variety,
)
from textvae.evaluation.tasks.task import Task

TASK_FAMILIES: tuple[Family[Task], ...] = (
    overlap.FAMILY,
    several.FAMILY,
    variety.FAMILY,
    context.FAMILY,
    lengths.FAMILY,
    slots.FAMILY,
    labels.FAMILY,
    originality.FAMILY,
    fluency.FAMILY,
    scenarios.FAMILY,
)
"""In the order in which they are measured and printed."""
