"""GRU and LSTM encoders."""

from typing import Any, cast

import torch
from torch import Tensor, nn

from textvae.config import ModelConfig
from textvae.models.binding import BoundWords, binds
from textvae.models.cells import CELLS, PAYS, read_tokens, run_over
from textvae.models.parts import Encoder
from textvae.models.products import is_plain, linear
from textvae.models.registry import register_encoder

BOUND = 2
"""Width of a text's bound words, in hidden units of one direction of its encoder."""


def flip(sequences: Tensor, lengths: Tensor) -> Tensor:
    """Reverse the first `lengths`, (B,), positions of each row of (B, T, H); padding stays in place."""
    positions = torch.arange(sequences.shape[1], device=sequences.device)
    mirrored = lengths.unsqueeze(1) - 1 - positions
    within = torch.where(mirrored >= 0, mirrored, positions)  # (B, T)
    starts = torch.arange(sequences.shape[0], device=sequences.device) * sequences.shape[1]
    index = (starts.unsqueeze(1) + within).flatten()
    return _Exchanged.apply(sequences.flatten(0, 1), index).view_as(sequences)


class _Exchanged(torch.autograd.Function):
    """Rows (N, H) in an order (N,) that undoes itself, so that gradients go the same way, without sums into zeros."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return rows.index_select(0, order)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Exchanged.apply(*gradients, *ctx.saved_tensors), None


class RecurrentEncoder(Encoder):
    """A bidirectional GRU or LSTM; features are the last states of both directions and the maximum over positions.

    Two one-directional passes over flipped rows stand for the bidirectional module: they need no packing, whose
    kernels are slower on a CPU, and padding is never read. The maximum: Conneau et al. 2017, arXiv:1705.02364.
    """

    def __init__(
        self,
        cell: str,
        embed_dim: int,
        hidden_dim: int,
        *,
        num_layers: int,
        dropout: float,
        bound: BoundWords | None = None,
    ) -> None:
        super().__init__()
        self.bound = bound
        widths = [embed_dim] + [2 * hidden_dim] * (num_layers - 1)
        self.ahead = nn.ModuleList(CELLS[cell](width, hidden_dim, batch_first=True) for width in widths)
        self.back = nn.ModuleList(CELLS[cell](width, hidden_dim, batch_first=True) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.feature_dim = 4 * hidden_dim + (0 if bound is None else bound.width)
        self.state_dim = 2 * hidden_dim

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return (B, 4H): last state ahead, last state back, maximum of both over real positions; then bound words."""
        features = self._features(*self._both(0, embedded, lengths), lengths)
        return (
            features if self.bound is None else torch.cat([features, self.bound(embedded, lengths)], dim=-1)
        )

    def read(self, tokens: Tensor, lengths: Tensor, embedding: nn.Embedding) -> Tensor:
        """Return the same of tokens, (B, T)."""
        distinct, places = tokens.unique(return_inverse=True)
        if not is_plain(embedding.weight) or PAYS * len(distinct) > tokens.numel():
            return self(embedding(tokens), lengths)
        embedded = embedding(distinct)
        mirrored = flip(places.unsqueeze(-1), lengths).squeeze(-1)
        forwards = _read_shared(cast("nn.RNNBase", self.ahead[0]), embedded, places)
        backwards = _read_shared(cast("nn.RNNBase", self.back[0]), embedded, mirrored)
        features = self._features(forwards, backwards, lengths)
        if self.bound is None:
            return features
        return torch.cat([features, self.bound(embedded[places], lengths)], dim=-1)

    def states(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return the last layer's states of both directions, (B, T, 2H)."""
        forwards, backwards = self._last(*self._both(0, embedded, lengths), lengths)
        return torch.cat([forwards, flip(backwards, lengths)], dim=-1)

    def _both(self, depth: int, layer: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of both directions, (B, T, H) each, in the order each has read."""
        mirrored = flip(layer, lengths)
        return run_over(self.ahead[depth], layer)[0], run_over(self.back[depth], mirrored)[0]

    def _features(self, forwards: Tensor, backwards: Tensor, lengths: Tensor) -> Tensor:
        """Return features from the first layer's states, as `_both` gives them."""
        forwards, backwards = self._last(forwards, backwards, lengths)
        rows = torch.arange(forwards.shape[0], device=forwards.device)
        padding = torch.arange(forwards.shape[1], device=forwards.device) >= lengths.unsqueeze(1)
        states = (forwards, backwards)  # last states and maxima are the same in either order
        lasts = [part[rows, lengths - 1] for part in states]
        maxima = [part.masked_fill(padding.unsqueeze(-1), float("-inf")).amax(dim=1) for part in states]
        return torch.cat([*lasts, *maxima], dim=-1)

    def _last(self, forwards: Tensor, backwards: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last layer's states from the first's, both as `_both` gives them."""
        for depth in range(1, len(self.ahead)):
            layer = torch.cat([forwards, flip(backwards, lengths)], dim=-1)  # (B, T, 2H)
            forwards, backwards = self._both(depth, self.dropout(layer), lengths)
        return forwards, backwards


def _read_shared(cell: nn.RNNBase, embedded: Tensor, places: Tensor) -> Tensor:
    """Return features, (B, T, H), of the tokens at `places`, (B, T), among distinct ones, (N, E)."""
    weight, _, bias, _ = cell.all_weights[0]
    gates = linear(embedded, weight, bias)[places]
    zeros = gates.new_zeros(cell.num_layers, len(places), cell.hidden_size)
    return read_tokens(cell, gates, (zeros,) * (2 if isinstance(cell, nn.LSTM) else 1))[0]


@register_encoder("gru")
@register_encoder("lstm")
def build_recurrent_encoder(config: ModelConfig) -> RecurrentEncoder:
    """Build the encoder from its part of the config; its name is its cell's."""
    return RecurrentEncoder(
        config.encoder,
        config.embed_dim,
        config.encoder_dim,
        num_layers=config.encoder_layers,
        dropout=config.encoder_dropout,
        bound=BoundWords(config.embed_dim, BOUND * config.encoder_dim, config.max_length)
        if binds(config.injection)
        else None,
    )
