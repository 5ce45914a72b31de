"""Who sets beta: a schedule, or a controller that holds a target rate. A run has exactly one.

`beta(step)` is asked before a step; `observe(rate)` is told the batch's mean rate after it.
"""

import math
from abc import ABC, abstractmethod
from typing import Protocol

from textvae.config import ObjectiveConfig
from textvae.errors import ConfigError


class BetaOwner(Protocol):
    """The one owner of beta."""

    def beta(self, step: int) -> float:
        """Return the weight of the rate-term at `step` (from 0)."""
        ...

    def observe(self, rate: float) -> None:
        """Learn the training rate of the step just taken, nats a sentence."""
        ...

    def state(self) -> dict[str, float]:
        """Return what a checkpoint has to keep."""
        ...

    def restore(self, state: dict[str, float]) -> None:
        """Go on from a checkpoint's state."""
        ...


class Schedule(ABC):
    """A beta that depends on the step alone."""

    @abstractmethod
    def beta(self, step: int) -> float:
        """Return the weight at `step`."""

    def observe(self, rate: float) -> None:  # noqa: B027  (a schedule does not listen)
        """Do nothing."""

    def state(self) -> dict[str, float]:
        """Return nothing: the step says it all."""
        return {}

    def restore(self, state: dict[str, float]) -> None:  # noqa: B027  (there is nothing to restore)
        """Do nothing."""


class Constant(Schedule):
    """beta-VAE (Higgins et al. 2017); 1 is the ELBO."""

    def __init__(self, value: float) -> None:
        self.value = value

    def beta(self, step: int) -> float:
        """Return the constant."""
        return self.value


class Linear(Schedule):
    """From 0 to `value` over `warmup_steps` (Bowman et al. 2016, arXiv:1511.06349)."""

    def __init__(self, value: float, warmup_steps: int) -> None:
        self.value, self.warmup_steps = value, warmup_steps

    def beta(self, step: int) -> float:
        """Return value * min(1, step / warmup_steps)."""
        return self.value * min(1.0, step / self.warmup_steps)


class Logistic(Schedule):
    """value * sigmoid(10 (step / warmup_steps - 1/2)): .7 % of value at 0, 99.3 % after the warm-up (Bowman et al.)."""

    def __init__(self, value: float, warmup_steps: int) -> None:
        self.value, self.warmup_steps = value, warmup_steps

    def beta(self, step: int) -> float:
        """Return the sigmoid's value at `step`."""
        return self.value / (1 + math.exp(-10 * (min(step / self.warmup_steps, 10.0) - 0.5)))


class Cyclical(Schedule):
    """`cycles` ramps, each half rise and half plateau (Fu et al. 2019, arXiv:1903.10145); then `value`."""

    def __init__(self, value: float, cycles: int, cycle_steps: int) -> None:
        self.value, self.cycles, self.cycle_steps = value, cycles, cycle_steps

    def beta(self, step: int) -> float:
        """Return value * min(1, 2 * position in the cycle)."""
        if step >= self.cycle_steps:
            return self.value
        position = (
            step * self.cycles % self.cycle_steps / self.cycle_steps
        )  # whole numbers: no ramp starts late
        return self.value * min(1.0, 2 * position)


class TargetRate:
    """Holds the training rate at a target by a proportional-integral controller on log beta.

    log beta = integral + PROPORTIONAL * error, where error = (smoothed rate - target) / target, cut to [-1, 2], and the
    integral gains gain * error a step; both stay within [log MIN_BETA, log beta_max].

    After ControlVAE (Shao et al. 2020, arXiv:2004.05988) and the Lagrangian view of a constrained rate (Rezende and
    Viola 2018, arXiv:1810.00597). Deviations: the controller works on log beta, so that one gain serves all scales; it
    smooths the rate, which length-bucketed batches make noisy; it starts at a low beta, so that the latents are in use
    before they are paid for.
    """

    MIN_BETA = 1e-4
    START_BETA = 0.02
    SMOOTHING = 0.95
    PROPORTIONAL = 0.5

    def __init__(self, target: float, *, beta_max: float, gain: float) -> None:
        self.target, self.gain = target, gain
        self.low, self.high = math.log(min(self.MIN_BETA, beta_max)), math.log(beta_max)
        self.integral = self._clamped(math.log(self.START_BETA))
        self.smoothed: float | None = None

    def beta(self, step: int) -> float:
        """Return the present weight, in [MIN_BETA, beta_max]."""
        return math.exp(self._clamped(self.integral + self.PROPORTIONAL * self._error()))

    def observe(self, rate: float) -> None:
        """Move towards the target."""
        before = rate if self.smoothed is None else self.smoothed
        self.smoothed = self.SMOOTHING * before + (1 - self.SMOOTHING) * rate
        self.integral = self._clamped(self.integral + self.gain * self._error())

    @property
    def pinned(self) -> str | None:
        """Return the end of its range that beta rests at, "low" or "high": the target is out of reach; else None."""
        if self.integral <= self.low:
            return "low"
        return "high" if self.integral >= self.high else None

    def state(self) -> dict[str, float]:
        """Return integral, target and smoothed rate."""
        state = {"integral": self.integral, "target": self.target}
        return state if self.smoothed is None else state | {"smoothed": self.smoothed}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from `state`."""
        self.integral, self.target = state["integral"], state["target"]
        self.smoothed = state.get("smoothed")

    def _error(self) -> float:
        if self.smoothed is None:
            return 0.0
        return max(-1.0, min(2.0, (self.smoothed - self.target) / self.target))

    def _clamped(self, log_beta: float) -> float:
        return max(self.low, min(self.high, log_beta))


def build_beta(config: ObjectiveConfig) -> BetaOwner:
    """Build the owner that `config` names.

    Raises:
        ConfigError: the target rate was left to the corpus and is not resolved yet.
    """
    match config.beta:
        case "target":
            if config.target_rate is None:
                raise ConfigError("objective.target_rate is null; set it in nats, as 10")
            return TargetRate(config.target_rate, beta_max=config.beta_max, gain=config.controller_gain)
        case "linear":
            return Linear(config.beta_max, config.warmup_steps)
        case "logistic":
            return Logistic(config.beta_max, config.warmup_steps)
        case "cyclical":
            return Cyclical(config.beta_max, config.cycles, config.cycle_steps)
        case _:
            return Constant(config.beta_max)
