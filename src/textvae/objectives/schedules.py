"""Schedules: a beta that depends on the step alone."""

import math
from abc import ABC, abstractmethod


class Schedule(ABC):
    """A beta that depends on the step alone."""

    @abstractmethod
    def beta(self, step: int) -> float:
        """Return the weight at `step`."""

    def observe(self, rate: float, distortion: float = 0.0) -> None:  # noqa: B027  (a schedule does not listen)
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
