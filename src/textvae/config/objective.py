"""`ObjectiveConfig`: distortion + beta * rate-term, and who owns beta."""

from dataclasses import dataclass

from textvae.config.fields import check_choice, check_range, check_types
from textvae.errors import ConfigError

BETAS = ("target", "constant", "linear", "logistic", "cyclical")
CONTROLLERS = ("logarithmic", "pid", "lagrangian")
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
    """In place of a target rate: as low a rate as keeps this share of held-out tokens in reconstructions."""
    beta_max: float = 1.0
    """The final value of a schedule, the upper end of a controller."""
    controller: str = "logarithmic"
    """What holds the target rate: our own on log beta, ControlVAE's PID, or a Lagrangian's multiplier."""
    controller_gain: float = 0.02
    """Change of log beta a step when the rate is off by its whole target; pid has the paper's constants instead."""
    warmup_steps: int = 2000
    """Steps over which linear and logistic schedules reach `beta_max`."""
    cycles: int = 4
    """Ramps of the cyclical schedule, spread over `cycle_steps`."""
    cycle_steps: int = 8000
    free_bits: str = "none"
    free_nats: float = 0.0
    """The floor of the rate-term, nats a sentence (all dimensions together)."""
    capacity: float | None = None
    """The rate-term is the distance of the mean rate from C, which rises to so many nats over `warmup_steps`; None: the rate."""
    bag_of_words: float = 0.0
    """Weight of -log p(bag of words | z)."""
    mmd: float = 0.0
    """Weight of the squared MMD between aggregate posterior and prior, for each sentence (InfoVAE)."""
    pretraining_epochs: int = 0
    """Epochs at beta 0 before the objective proper begins: an autoencoder."""
    reset_decoder: bool = True
    """After the pretraining the decoder starts anew, and only the encoder is kept."""

    def __post_init__(self) -> None:
        check_types("objective", self)
        check_choice("objective.beta", self.beta, BETAS)
        check_choice("objective.controller", self.controller, CONTROLLERS)
        check_choice("objective.free_bits", self.free_bits, FREE_BITS)
        check_range("objective.target_rate", self.target_rate, above=0)
        check_range("objective.faithful", self.faithful, 0, 1)
        check_range("objective.beta_max", self.beta_max, above=0)
        check_range("objective.controller_gain", self.controller_gain, above=0)
        check_range("objective.capacity", self.capacity, above=0)
        for name in ("free_nats", "bag_of_words", "mmd", "pretraining_epochs"):
            check_range(f"objective.{name}", getattr(self, name), 0)
        for name in ("warmup_steps", "cycles", "cycle_steps"):
            check_range(f"objective.{name}", getattr(self, name), 1)
        for name in ("target_rate", "faithful"):
            if self.beta != "target" and getattr(self, name) is not None:
                raise ConfigError(
                    f"objective.beta is {self.beta!r} and objective.{name} is {getattr(self, name)}; "
                    f"beta has one owner: set {name} to null, or beta to target"
                )
        if self.faithful is not None and self.target_rate is not None:
            raise ConfigError(
                f"objective.faithful is {self.faithful:g} and objective.target_rate {self.target_rate:g}; faithful finds the "
                "rate that it takes: set one of them to null"
            )
        if (self.free_bits == "none") != (self.free_nats == 0):
            raise ConfigError(
                f"objective.free_bits is {self.free_bits!r} with free_nats {self.free_nats}; set both or neither"
            )
        if self.capacity is not None and (self.beta != "constant" or self.free_bits != "none"):
            raise ConfigError(
                f"objective.capacity is {self.capacity} with beta {self.beta!r} and free_bits {self.free_bits!r}; "
                "a capacity sets the rate by itself: it takes beta constant, as beta_max 10, and free_bits none"
            )
