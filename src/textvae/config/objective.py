"""`ObjectiveConfig`: distortion + beta * rate-term, and who owns beta."""

from dataclasses import dataclass

from textvae.config.fields import check_choice, check_range, check_types
from textvae.errors import ConfigError

BETAS = ("target", "constant", "linear", "logistic", "cyclical")
FREE_BITS = ("none", "sentence", "dimension", "batch")


@dataclass(frozen=True, kw_only=True)
class ObjectiveConfig:
    """The training objective.

    `beta` has exactly one owner: the target-rate controller ("target") or a schedule.
    """

    beta: str = "target"
    target_rate: float | None = None
    """Nats a sentence; None: taken from the corpus's lengths and the preset. Only with beta: target."""
    faithful: float | None = None
    """Raise the target rate until held-out token accuracy of reconstructions is this; None: never."""
    beta_max: float = 1.0
    """The final value of a schedule, the upper end of a controller."""
    controller_gain: float = 0.02
    """Change of log beta a step when the rate is off by its whole target."""
    warmup_steps: int = 2000
    """Steps over which linear and logistic schedules reach `beta_max`."""
    cycles: int = 4
    """Ramps of the cyclical schedule, spread over `cycle_steps`."""
    cycle_steps: int = 8000
    free_bits: str = "none"
    free_nats: float = 0.0
    """The floor of the rate-term, nats a sentence (all dimensions together)."""

    def __post_init__(self) -> None:
        check_types("objective", self)
        check_choice("objective.beta", self.beta, BETAS)
        check_choice("objective.free_bits", self.free_bits, FREE_BITS)
        check_range("objective.target_rate", self.target_rate, above=0)
        check_range("objective.faithful", self.faithful, 0, 1)
        check_range("objective.beta_max", self.beta_max, above=0)
        check_range("objective.controller_gain", self.controller_gain, above=0)
        check_range("objective.free_nats", self.free_nats, 0)
        for name in ("warmup_steps", "cycles", "cycle_steps"):
            check_range(f"objective.{name}", getattr(self, name), 1)
        for name in ("target_rate", "faithful"):
            if self.beta != "target" and getattr(self, name) is not None:
                raise ConfigError(
                    f"objective.beta is {self.beta!r} and objective.{name} is {getattr(self, name)}; "
                    f"beta has one owner: set {name} to null, or beta to target"
                )
        if (self.free_bits == "none") != (self.free_nats == 0):
            raise ConfigError(
                f"objective.free_bits is {self.free_bits!r} with free_nats {self.free_nats}; set both or neither"
            )
