"""What a training run remembers besides tensors."""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np


@dataclass(kw_only=True)
class TrainState:
    """Where a run stands; with weights and optimiser tensors it determines all that follows."""

    step: int = 0
    """Updates made."""
    epoch: int = 0
    """Epochs finished."""
    batch: int = 0
    """Batches of the present epoch already used."""
    elapsed: float = 0.0
    """Seconds since the run began, evaluations and saving included, over all resumptions."""
    closing: float = 0.0
    """Seconds that an evaluation and the saving after it took at most; 0: none was made yet."""
    best: float | None = None
    """The lowest held-out criterion so far, nats a sentence."""
    best_epoch: int = 0
    beta: dict[str, float] = field(default_factory=dict)
    """The state of beta's owner."""
    recent: dict[str, float] = field(default_factory=dict)
    """Sums over the updates since the last record (`textvae.training.recent`)."""
    proper_step: int = 0
    """Updates made, and the share of the run done, when the objective proper began: after the pretraining."""
    proper_progress: float = 0.0
    aggressive: bool = True
    """Whether the encoder is still fitted before each update of the decoder, where the settings ask for it."""
    mutual_information: float = 0.0
    """The highest of held-out texts so far, nats, while it is."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; floats survive exactly."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Undo `to_json`."""
        return cls(**values)


def step_seed(seed: int, step: int, rank: int, part: int = 0) -> int:
    """Return the seed of all noise of one update on one rank: resuming needs no generator's state, ranks differ."""
    return int(np.random.SeedSequence([seed, step, rank, part]).generate_state(1, np.uint64)[0] >> 1)
