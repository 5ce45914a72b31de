"""Remedies as commands: a run like this one, but for what ails it."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae.config import DataConfig, RunConfig
from textvae.config.model import BATCH_NORM, CONDITIONAL, DELTA, SPHERE

UNNAMED = "DATA"
"""Stands in a command for data that have no name."""


@dataclass(frozen=True, kw_only=True)
class Remedies:
    """Writes commands for one run."""

    run: str
    """Its folder, as the user names it."""
    data: str = UNNAMED
    """Its training data, as the user names them."""
    settings: RunConfig | None = None
    """None: those of the run are not there; a command then states nothing but the cure."""
    origin: str | None = None
    """The name of the run that it began from, if it did."""

    @property
    def on_sphere(self) -> bool:
        """Whether the run's posterior is von Mises-Fisher."""
        return self.settings is not None and self.settings.model.posterior == SPHERE

    def retrain(self, *options: str, **settings: Any) -> str:
        """Return the command that trains anew with some settings changed.

        Args:
            options: words of the command line.
            settings: by name, with two underscores for the dot: `training__epochs=5`.

        >>> Remedies(run="runs/a", data="my texts.txt").retrain(training__epochs=5)
        "textvae train 'my texts.txt' --output runs/a-2 --set training.epochs=5"
        """
        words = [*self._train(), *options]
        words += ["--config", str(Path(self.run) / "config.yaml")] if self.settings else []
        for name, value in settings.items():
            words += ["--set", f"{name.replace('__', '.')}={_yaml(value)}"]
        return shlex.join(words)

    def hold_rate(self, target: float) -> str:
        """Return the command that trains anew with the rate held at a target."""
        if self.settings is None:
            return self.retrain("--target-rate", f"{target:g}")
        objective = self.settings.objective
        changes: dict[str, Any] = {} if objective.beta == "target" else {"objective__beta": "target"}
        changes["objective__target_rate"] = target
        if objective.beta_max > 1:
            changes["objective__beta_max"] = 1
        rivals = {"objective__faithful": objective.faithful, "objective__capacity": objective.capacity}
        changes |= {name: None for name, value in rivals.items() if value is not None}
        return self.retrain(**changes, **_within_reach(self.settings, target))

    def free_bits(self, floor: float) -> str | None:
        """Return the command that trains anew with a floor in each dimension; None: the settings know none."""
        if self.settings and not (
            self.settings.model.rate_has_dimensions and self.settings.objective.capacity is None
        ):
            return None
        return self.retrain(objective__free_bits="dimension", objective__free_nats=floor)

    def with_latent_dim(self, latent_dim: int) -> str | None:
        """Return the command that trains anew with more dimensions; None: the weights that the run began from have no more."""
        return None if self.origin else self.retrain(model__latent_dim=latent_dim)

    def train_longer(self) -> str:
        """Return the command that trains anew for twice the time."""
        training = self.settings.training if self.settings else None
        if training and training.max_time:
            return self.retrain(training__max_time=2 * training.max_time)
        return self.retrain(training__epochs=2 * ((training.epochs if training else None) or 10))

    def train_for_editing(self) -> str:
        """Return the command that trains for faithful reconstruction, with the same texts."""
        data = self.settings.data if self.settings else None
        return shlex.join([*self._train(), "--for", "editing", *(_reading(data) if data else ())])

    def fit_prior(self) -> str | None:
        """Return the command that fits the prior to the latents; None: those of a sphere, or of p(z|c), are not fitted."""
        if self.on_sphere or (self.settings and self.settings.model.prior == CONDITIONAL):
            return None
        return shlex.join(["textvae", "prior", "fit", self.run, self.data])

    def _train(self) -> list[str]:
        begin = ["--init-from", self.origin] if self.origin else []
        return ["textvae", "train", self.data, "--output", successor(self.run), *begin]


def _reading(data: DataConfig) -> list[str]:
    """Return the options that read a corpus as these settings do."""
    given = [
        ("--text", data.text), ("--encoding", data.encoding), ("--valid", data.valid), ("--source", data.source),
        ("--feature", data.feature), *(("--label", label) for label in (data.labels or "").split(",") if label),
    ]  # fmt: skip
    found = [word for name, value in given if value is not None for word in (name, str(value))]
    found += ["--blank-line"] if data.blank_line else []
    return found + (["--set", f"data.pairs={data.pairs}"] if data.pairs != "none" else [])


def successor(run: str) -> str:
    """Return a name for the run after this one.

    >>> successor("runs/a"), successor("runs/a-2/")
    ('runs/a-2', 'runs/a-3')
    """
    run = run.rstrip("/")
    found = re.fullmatch(r"(.*)-(\d{1,3})", run)
    return f"{found[1]}-{int(found[2]) + 1}" if found else f"{run}-2"


def _within_reach(settings: RunConfig, target: float) -> dict[str, Any]:
    """Return what else has to change for the posterior to have a rate of `target`: a floor at it or above, a kappa."""
    model = settings.model
    if model.posterior == SPHERE:
        return {"model__kappa": None}
    if target > model.rate_floor:
        return {}
    halved = {
        DELTA: ("model__delta", target / 2),
        BATCH_NORM: ("model__gamma", (target / model.latent_dim) ** 0.5),
    }
    name, value = halved[model.posterior]
    return {name: value}


def _yaml(value: Any) -> str:
    if value is None:
        return "null"
    return f"{value:g}" if isinstance(value, float) else str(value)
