"""Remedies as commands: a run like this one, but for what ails it."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae.config import RunConfig

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
        objective = self.settings.objective if self.settings else None
        if objective is None:
            return self.retrain("--target-rate", f"{target:g}")
        changes: dict[str, Any] = {} if objective.beta == "target" else {"objective__beta": "target"}
        changes["objective__target_rate"] = target
        if objective.beta_max > 1:
            changes["objective__beta_max"] = 1
        return self.retrain(**changes)

    def train_for_editing(self) -> str:
        """Return the command that trains for faithful reconstruction, with the same texts."""
        data = self.settings.data if self.settings else None
        given = {"--text": data.text, "--valid": data.valid} if data else {}
        found = [word for name, value in given.items() if value is not None for word in (name, str(value))]
        return shlex.join([*self._train(), "--for", "editing", *found])

    def fit_prior(self) -> str:
        """Return the command that fits the prior to the latents."""
        return shlex.join(["textvae", "prior", "fit", self.run, self.data])

    def _train(self) -> list[str]:
        return ["textvae", "train", self.data, "--output", successor(self.run)]


def successor(run: str) -> str:
    """Return a name for the run after this one.

    >>> successor("runs/a"), successor("runs/a-2/")
    ('runs/a-2', 'runs/a-3')
    """
    run = run.rstrip("/")
    found = re.fullmatch(r"(.*)-(\d{1,3})", run)
    return f"{found[1]}-{int(found[2]) + 1}" if found else f"{run}-2"


def _yaml(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
