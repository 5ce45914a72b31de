"""Who sets beta: a schedule, or a controller that holds a target rate or faithful reconstructions. A run has exactly one.

`beta(step)` is asked before a step; `observe` is told the batch's mean rate and distortion after it.
"""

from typing import Protocol

from textvae.config import ObjectiveConfig
from textvae.errors import ConfigError
from textvae.objectives.controllers import PID, Lagrangian, Logarithmic, RateController
from textvae.objectives.faithfulness import Faithful
from textvae.objectives.schedules import Constant, Cyclical, Linear, Logistic


class BetaOwner(Protocol):
    """The one owner of beta."""

    def beta(self, step: int) -> float:
        """Return the weight of the rate-term at `step` (from 0)."""
        ...

    def observe(self, rate: float, distortion: float) -> None:
        """Learn the training rate of the step just taken, nats a sentence, and its distortion, nats a token."""
        ...

    def state(self) -> dict[str, float]:
        """Return what a checkpoint has to keep."""
        ...

    def restore(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint's state."""
        ...


def build_beta(config: ObjectiveConfig) -> BetaOwner:
    """Build the owner that `config` names.

    Raises:
        ConfigError: the target rate was left to the corpus and is not resolved yet.
    """
    match config.beta:
        case "target" if config.faithful is not None:
            return Faithful(config.faithful, beta_max=config.beta_max, gain=config.controller_gain)
        case "target":
            return build_controller(config)
        case "linear":
            return Linear(config.beta_max, config.warmup_steps)
        case "logistic":
            return Logistic(config.beta_max, config.warmup_steps)
        case "cyclical":
            return Cyclical(config.beta_max, config.cycles, config.cycle_steps)
        case _:
            return Constant(config.beta_max)


def build_controller(config: ObjectiveConfig) -> RateController:
    """Build the controller that `config` names.

    Raises:
        ConfigError: the target rate was left to the corpus and is not resolved yet.
    """
    if config.target_rate is None:
        raise ConfigError("objective.target_rate is null; set it in nats, as 10")
    match config.controller:
        case "pid":
            return PID(config.target_rate, beta_max=config.beta_max)
        case "lagrangian":
            return Lagrangian(config.target_rate, beta_max=config.beta_max, gain=config.controller_gain)
        case _:
            return Logarithmic(config.target_rate, beta_max=config.beta_max, gain=config.controller_gain)
