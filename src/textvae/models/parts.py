"""What an encoder and a decoder have to offer; anything that offers it can be registered."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from textvae.errors import ConfigError
from textvae.models.reading import OpenSource, SourceReader


class Encoder(nn.Module, ABC):
    """Turns an embedded text into one feature vector."""

    feature_dim: int
    """Width of what `forward` returns."""
    state_dim: int
    """Width of what `states` returns, where there is that."""

    @abstractmethod
    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return features, (B, feature_dim), of `embedded`, (B, T, E); positions past `lengths`, (B,), are padding.

        Padding must change nothing.
        """

    def read(self, tokens: Tensor, lengths: Tensor, embedding: nn.Embedding) -> Tensor:
        """Return `forward` of embedded tokens, (B, T), without dropout; equal tokens may share work."""
        return self(embedding(tokens), lengths)

    def states(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return a vector a position, (B, T, state_dim), for a decoder to attend to; those of padding are not read."""
        raise ConfigError(
            f"model.source_encoder is a {type(self).__name__}, which has no states to attend to; use gru, lstm or transformer"
        )


class Decoder(nn.Module, ABC):
    """Turns z and the tokens so far into features of the next token; `output` turns those into logits."""

    vocab_size: int
    embedding: nn.Embedding
    output: nn.Module
    """From features, (..., feature_dim), to logits, (..., V)."""
    reader: SourceReader | None
    """How it reads a source; None: it does not. One without a reader is never given a `source`."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = None

    @abstractmethod
    def forward(self, tokens: Tensor, z: Tensor, source: OpenSource | None = None) -> Tensor:
        """Return features, (B, T, feature_dim), after each of the input `tokens`, (B, T), given z, (B, D).

        In a conditional model z comes with the condition's vector behind it, and D is `config.code_dim`.
        """

    @abstractmethod
    def prefill(self, z: Tensor, tokens: Tensor, source: OpenSource | None = None) -> tuple[Tensor, Any]:
        """Read `tokens`, (B, P), the first of them `<s>`; return logits (B, V) of the next one and a state."""

    @abstractmethod
    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one token a row, (B,); return logits (B, V) of the next one and the new state."""

    @abstractmethod
    def select(self, state: Any, rows: Tensor) -> Any:
        """Return the state of `rows`, (R,); a row may come more than once (beams) or not at all."""
