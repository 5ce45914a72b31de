"""Controllers: a beta that holds the training rate at a target.

All keep beta within [low, beta_max], can be given another target while they run, and say where it is out of reach.
"""

import math
from abc import ABC, abstractmethod
from typing import Literal

START_BETA = 0.02
"""Low, so that the latents are in use before they are paid for."""
MIN_BETA = 1e-4


class RateController(ABC):
    """Holds the training rate at `target` nats.

    Attributes:
        target: nats a sentence; may be changed between steps.
    """

    def __init__(self, target: float, *, beta_max: float) -> None:
        self.target, self.beta_max = target, beta_max

    @abstractmethod
    def start(self, beta: float) -> None:
        """Begin at this weight, as near as the range allows."""

    @abstractmethod
    def beta(self, step: int) -> float:
        """Return the present weight; it does not depend on `step`."""

    @abstractmethod
    def observe(self, rate: float, distortion: float = 0.0) -> None:
        """Move towards the target."""

    @property
    @abstractmethod
    def pinned(self) -> Literal["low", "high"] | None:
        """Return the end of its range that beta rests at: the target is out of reach; else None."""

    @abstractmethod
    def state(self) -> dict[str, float]:
        """Return what a checkpoint has to keep."""

    @abstractmethod
    def restore(self, state: dict[str, float]) -> None:
        """Go on from `state`."""


class Logarithmic(RateController):
    """A proportional-integral controller on log beta; the default.

    log beta = integral + PROPORTIONAL * error, where error = (smoothed rate - target) / target, cut to [-1, 2], and the
    integral gains gain * error a step; both stay within [log MIN_BETA, log beta_max].

    After ControlVAE (Shao et al. 2020, arXiv:2004.05988) and the Lagrangian view of a constrained rate (Rezende and
    Viola 2018, arXiv:1810.00597). Deviations: it works on log beta, so that one gain serves all scales; it smooths the
    rate, which length-bucketed batches make noisy; it starts at a low beta.
    """

    SMOOTHING = 0.95
    PROPORTIONAL = 0.5

    def __init__(self, target: float, *, beta_max: float, gain: float) -> None:
        super().__init__(target, beta_max=beta_max)
        self.gain = gain
        self.low, self.high = math.log(min(MIN_BETA, beta_max)), math.log(beta_max)
        self.integral = self._clamped(math.log(START_BETA))
        self.smoothed: float | None = None

    def start(self, beta: float) -> None:
        """Begin at this weight, as near as the range allows."""
        self.integral = self._clamped(math.log(max(beta, MIN_BETA)))

    def beta(self, step: int) -> float:
        """Return the present weight, in [MIN_BETA, beta_max]."""
        return math.exp(self._clamped(self.integral + self.PROPORTIONAL * self._error()))

    def observe(self, rate: float, distortion: float = 0.0) -> None:
        """Move towards the target."""
        before = rate if self.smoothed is None else self.smoothed
        self.smoothed = self.SMOOTHING * before + (1 - self.SMOOTHING) * rate
        self.integral = self._clamped(self.integral + self.gain * self._error())

    @property
    def pinned(self) -> Literal["low", "high"] | None:
        """Return the end of its range that the integral rests at."""
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


class Lagrangian(RateController):
    """A multiplier of the constraint rate <= target that grows by exp(gain * C) a step.

    C is the moving average of (rate - target) / target. GECO (Rezende and Viola 2018, arXiv:1810.00597, algorithm 1).
    Deviations: there the distortion is constrained, here the rate; C is relative, cut to [-1, 2] and starts at a low
    multiplier.
    """

    SMOOTHING = 0.99

    def __init__(self, target: float, *, beta_max: float, gain: float) -> None:
        super().__init__(target, beta_max=beta_max)
        self.gain, self.low = gain, min(MIN_BETA, beta_max)
        self.multiplier = min(START_BETA, beta_max)
        self.constraint: float | None = None

    def start(self, beta: float) -> None:
        """Begin at this multiplier, as near as the range allows."""
        self.multiplier = max(self.low, min(self.beta_max, beta))

    def beta(self, step: int) -> float:
        """Return the multiplier, in [MIN_BETA, beta_max]."""
        return self.multiplier

    def observe(self, rate: float, distortion: float = 0.0) -> None:
        """Move towards the target."""
        now = max(-1.0, min(2.0, (rate - self.target) / self.target))
        before = now if self.constraint is None else self.constraint
        self.constraint = self.SMOOTHING * before + (1 - self.SMOOTHING) * now
        grown = self.multiplier * math.exp(self.gain * self.constraint)
        self.multiplier = max(self.low, min(self.beta_max, grown))

    @property
    def pinned(self) -> Literal["low", "high"] | None:
        """Return the end of its range that the multiplier rests at."""
        if self.multiplier <= self.low:
            return "low"
        return "high" if self.multiplier >= self.beta_max else None

    def state(self) -> dict[str, float]:
        """Return multiplier, target and the averaged constraint."""
        state = {"multiplier": self.multiplier, "target": self.target}
        return state if self.constraint is None else state | {"constraint": self.constraint}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from `state`."""
        self.multiplier, self.target = state["multiplier"], state["target"]
        self.constraint = state.get("constraint")


class PID(RateController):
    """ControlVAE's controller: beta = K_p / (1 + exp(e)) - K_i * sum of e, with e = target - rate.

    Shao et al. 2020, arXiv:2004.05988, with the paper's K_p = .01 and K_i = .0001 for language
    models and its guard against wind-up: the sum stands still while beta is at an end of [0, beta_max]. Deviation: the
    sum still moves there if that leads beta back into its range.
    """

    PROPORTIONAL, INTEGRAL = 0.01, 0.0001

    def __init__(self, target: float, *, beta_max: float) -> None:
        super().__init__(target, beta_max=beta_max)
        self.sum = 0.0
        self.error = 0.0

    def start(self, beta: float) -> None:
        """Begin at this weight, as near as the range allows, with an error of 0."""
        self.sum = max(0.0, min(self.beta_max, beta)) - self.PROPORTIONAL / 2

    def beta(self, step: int) -> float:
        """Return the present weight, in [0, beta_max]."""
        return max(0.0, min(self.beta_max, self._free()))

    def observe(self, rate: float, distortion: float = 0.0) -> None:
        """Move towards the target."""
        self.error = self.target - rate
        end = self.pinned
        if not (end == "low" and self.error > 0) and not (end == "high" and self.error < 0):
            self.sum -= self.INTEGRAL * self.error

    @property
    def pinned(self) -> Literal["low", "high"] | None:
        """Return the end of its range that beta is at."""
        if self._free() <= 0:
            return "low"
        return "high" if self._free() >= self.beta_max else None

    def state(self) -> dict[str, float]:
        """Return the sum, the last error and the target."""
        return {"sum": self.sum, "error": self.error, "target": self.target}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from `state`."""
        self.sum, self.error, self.target = state["sum"], state["error"], state["target"]

    def _free(self) -> float:
        return self.PROPORTIONAL / (1 + math.exp(min(self.error, 500.0))) + self.sum
