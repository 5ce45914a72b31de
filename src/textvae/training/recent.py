"""What the updates since the last record saw, as means: single batches hold texts of like length, so their figures jump."""

import dataclasses
from typing import Any

from textvae.training.step import StepReport

WEIGHED = ("distortion", "rate")


def add(recent: dict[str, float], report: StepReport) -> None:
    """Add an update to sums over sentences; keys are names of measures, and those of auxiliaries after a dot."""
    for name, mean in _means(report).items():
        recent[name] = recent.get(name, 0.0) + mean * report.num_sentences
    for name in ("num_sentences", "num_targets"):
        recent[name] = recent.get(name, 0.0) + getattr(report, name)


def closed(recent: dict[str, float], report: StepReport) -> dict[str, Any]:
    """Return the means, a sentence, over what was added; the rest is of the last update; begin anew."""
    number = recent["num_sentences"]
    record = dataclasses.asdict(report)
    record |= {name: recent[name] / number for name in WEIGHED}
    record |= {name: recent[name] for name in ("num_sentences", "num_targets")}
    record["auxiliaries"] = {name: recent[f".{name}"] / number for name in report.auxiliaries}
    recent.clear()
    return record


def _means(report: StepReport) -> dict[str, float]:
    means = {name: getattr(report, name) for name in WEIGHED}
    return means | {f".{name}": value for name, value in report.auxiliaries.items()}
