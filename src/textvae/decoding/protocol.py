"""What the engine asks of a decoder, and what it gives back."""

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

State = Any
"""What a decoder remembers between steps; only the decoder looks inside."""


class StepDecoder(Protocol):
    """An autoregressive p(x|z) that is run one token at a time, a batch of rows at once."""

    @property
    def vocab_size(self) -> int:
        """V."""
        ...

    def prefill(self, z: Tensor, tokens: Tensor) -> tuple[Tensor, State]:
        """Read `tokens`, (B, P) starting with `<s>`, given z, (B, D); return the next logits (B, V) and the state."""
        ...

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one more token a row, (B,); return the next logits (B, V) and the new state."""
        ...

    def select(self, state: State, rows: Tensor) -> State:
        """Return the state of `rows`, (R,) int64, in that order; rows may be missing or come twice."""
        ...


@dataclass(frozen=True)
class Decoded:
    """Decoded rows.

    Attributes:
        tokens: ids of each row, the prefix included, `<s>` and `</s>` not.
        log_probs: (B,) log p(continuation | prefix, z) under the model's own distribution, whatever settings
            shaped the choice; `</s>` counted where it was chosen. Nats, float32 or wider, on the CPU. None where
            they were not asked for.
        finished: whether the row ended with `</s>`, rather than at the length limit.
    """

    tokens: list[list[int]]
    log_probs: Tensor | None
    finished: list[bool]
