"""A beta that holds the distortion: as much is taken off the rate as faithful reconstructions can spare."""

import math

START_BETA, LEAST_BETA = 0.01, 0.01
"""A nat of distortion is not bought for more than a hundred nats of rate."""
FIRST_DISTORTION = 0.3
"""Nats a token at which about nine of ten tokens come back."""
LESS, MORE, SPARE = 0.75, 1.1, 0.03
"""Factors of the target after held-out texts were less faithful than wanted, or more so by `SPARE` at least."""


class Faithful:
    """A multiplier of the rate-term under the constraint distortion <= target.

    GECO (Rezende and Viola 2018, arXiv:1810.00597, algorithm 1): log beta moves by gain * C a step, where C is the moving
    average of (target - distortion) / target, cut to [-2, 1]; so an autoencoder comes first, and is compressed as far as
    it stays faithful. Deviations: the constraint is on nats a token; its target is moved by `hear`, until the share of
    held-out tokens that come back is the one asked for; beta does not fall below `LEAST_BETA`.

    Attributes:
        faithful: the share of held-out tokens that are to come back.
        target: nats a token.
    """

    SMOOTHING = 0.95

    def __init__(self, faithful: float, *, beta_max: float, gain: float) -> None:
        self.faithful, self.beta_max, self.gain = faithful, beta_max, gain
        self.target = FIRST_DISTORTION
        self.log_beta = math.log(min(START_BETA, beta_max))
        self.constraint: float | None = None

    def beta(self, step: int) -> float:
        """Return the multiplier, in [LEAST_BETA, beta_max]."""
        return math.exp(self.log_beta)

    def observe(self, rate: float, distortion: float) -> None:
        """Move: up where the distortion, nats a token, is below its target, down where it is above."""
        now = max(-2.0, min(1.0, (self.target - distortion) / self.target))
        before = now if self.constraint is None else self.constraint
        self.constraint = self.SMOOTHING * before + (1 - self.SMOOTHING) * now
        low, high = math.log(min(LEAST_BETA, self.beta_max)), math.log(self.beta_max)
        self.log_beta = max(low, min(high, self.log_beta + self.gain * self.constraint))

    def hear(self, accuracy: float) -> None:
        """Learn which share of held-out tokens came back; the target follows."""
        if accuracy < self.faithful:
            self.target *= LESS
        elif accuracy > self.faithful + SPARE:
            self.target *= MORE

    def state(self) -> dict[str, float]:
        """Return the multiplier's logarithm, the target and the averaged constraint."""
        state = {"log_beta": self.log_beta, "target": self.target}
        return state if self.constraint is None else state | {"constraint": self.constraint}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from `state`."""
        self.log_beta, self.target = state["log_beta"], state["target"]
        self.constraint = state.get("constraint")
