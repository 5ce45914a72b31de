"""What a run is about to do, from the files it writes before its first update."""

import dataclasses
import json
from pathlib import Path

from textvae.cli.summary import data_rows, model_row, num_parameters
from textvae.config import RunConfig, read_settings


def essentials(run: Path) -> tuple[list[tuple[str, str]], str]:
    """Return the rows of a table on data, model and settings, and "/10" where the number of epochs is known."""
    from textvae.codec.files import WEIGHTS_FILE
    from textvae.training.checkpoints import checkpoints
    from textvae.training.run import DATA_FILE

    config = RunConfig().updated(read_settings(run / "config.yaml"))
    weights = [folder / WEIGHTS_FILE for folder in checkpoints(run)][-1:]
    rows = [
        *data_rows(json.loads((run / DATA_FILE).read_bytes())),
        model_row(dataclasses.asdict(config.model), num_parameters(weights[0]) if weights else None),
        *_objective(config),
        *_length(config),
    ]
    return rows, "" if config.training.max_time else f"/{config.training.epochs}"


def _objective(config: RunConfig) -> list[tuple[str, str]]:
    objective = config.objective
    if objective.beta != "target":
        return [("beta", f"{objective.beta}, up to {objective.beta_max:g}")]
    raised = f", raised until {objective.faithful:.0%} of tokens come back" if objective.faithful else ""
    return [("target rate", f"{objective.target_rate:g} nats a text{raised}")]


def _length(config: RunConfig) -> list[tuple[str, str]]:
    training = config.training
    if training.max_time:
        return [("training", f"{training.max_time / 60:g} minutes, seed {training.seed}")]
    return [("training", f"{training.epochs} epochs at most, seed {training.seed}")]
