"""What a run is about to do, as the rows of a table."""

import dataclasses
from typing import TYPE_CHECKING

from textvae.cli.summary import data_rows, model_row
from textvae.config import ObjectiveConfig, TrainingConfig
from textvae.progress import clock

if TYPE_CHECKING:
    from textvae.training.progress import Start


def essentials(start: "Start") -> list[tuple[str, str]]:
    """Return the rows of a table on data, model, settings and machine."""
    config = start.config
    return [
        *data_rows(start.facts),
        model_row(dataclasses.asdict(config.model), start.num_parameters),
        *([_objective(config.objective)] if config.model.has_latent else []),
        ("training", _length(config.training, start.step)),
        ("device", _device(start)),
    ]


def _objective(objective: ObjectiveConfig) -> tuple[str, str]:
    if objective.beta != "target":
        return "beta", f"{objective.beta}, up to {objective.beta_max:g}"
    if objective.faithful:
        return "rate", f"as low as lets {objective.faithful:.0%} of tokens come back"
    return "target rate", f"{objective.target_rate:g} nats a text"


def _length(training: TrainingConfig, step: int) -> str:
    length = clock(training.max_time) if training.max_time else f"{training.epochs} epochs"
    begun = f", going on after {step:,} updates" if step else ""
    return f"{length} at most, seed {training.seed}{begun}"


def _device(start: "Start") -> str:
    ranks = f", {start.num_ranks} processes" if start.num_ranks > 1 else ""
    return f"{start.device}, {start.precision}{ranks}"
