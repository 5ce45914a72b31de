"""What a run tells while it trains, and who listens."""

from dataclasses import dataclass
from typing import Any, Protocol

from textvae.config import RunConfig
from textvae.training.measures import HeldOut
from textvae.training.step import StepReport


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a run is about to do."""

    config: RunConfig
    """All settings; nothing is left to the corpus."""
    facts: dict[str, Any]
    """Names, hashes and counts of texts, of tokens and of what was cut; kind and size of the tokenizer."""
    num_parameters: int
    device: str
    precision: str
    """fp32, bf16 or fp64."""
    num_ranks: int
    step: int
    """Updates made already: above 0 where a run goes on."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a run stands, for a progress line."""

    step: int
    epoch: int
    """From 1."""
    progress: float
    """Share of the whole run, 0 to 1."""
    tokens_per_second: float
    """Real target tokens of all ranks, a moving mean."""
    eta: float
    """Seconds to the end, about."""
    target_rate: float | None
    """Nats a sentence; None without a target."""
    active_units: int | None
    """Of the last held-out evaluation."""


class Observer(Protocol):
    """Listens to a run; every method may do nothing."""

    def on_start(self, start: Start) -> None:
        """Hear, before the first update, what the run is about to do."""
        ...

    def on_step(self, report: StepReport, standing: Standing) -> None:
        """Hear of an update."""
        ...

    def on_epoch(self, held_out: HeldOut, standing: Standing, *, best: bool) -> None:
        """Hear of an evaluation on held-out texts."""
        ...

    def on_message(self, text: str) -> None:
        """Hear a sentence meant for the user."""
        ...


class Silent:
    """An observer that does nothing."""

    def on_start(self, start: Start) -> None:
        """Do nothing."""

    def on_step(self, report: StepReport, standing: Standing) -> None:
        """Do nothing."""

    def on_epoch(self, held_out: HeldOut, standing: Standing, *, best: bool) -> None:
        """Do nothing."""

    def on_message(self, text: str) -> None:
        """Do nothing."""


class Clock:
    """Moving means of step time and token rate."""

    SMOOTHING = 0.95

    def __init__(self) -> None:
        self._tokens = self._seconds = 0.0

    def add(self, num_targets: float, seconds: float) -> None:
        """Count one step."""
        self._tokens = self.SMOOTHING * self._tokens + num_targets
        self._seconds = self.SMOOTHING * self._seconds + seconds

    @property
    def tokens_per_second(self) -> float:
        """Target tokens a second over the last steps."""
        return self._tokens / self._seconds if self._seconds else 0.0
