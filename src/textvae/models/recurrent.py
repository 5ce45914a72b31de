"""GRU and LSTM encoders and decoders."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from textvae.config import ModelConfig
from textvae.models.injection import AddInjection, parse_injection
from textvae.models.output import OutputLayer
from textvae.models.parts import Decoder, Encoder
from textvae.models.registry import register_decoder, register_encoder

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}


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
        self, cell: str, embed_dim: int, hidden_dim: int, *, num_layers: int, dropout: float
    ) -> None:
        super().__init__()
        widths = [embed_dim] + [2 * hidden_dim] * (num_layers - 1)
        self.ahead = nn.ModuleList(CELLS[cell](width, hidden_dim, batch_first=True) for width in widths)
        self.back = nn.ModuleList(CELLS[cell](width, hidden_dim, batch_first=True) for width in widths)
        self.dropout = nn.Dropout(dropout)
        self.feature_dim = 4 * hidden_dim

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return (B, 4H): last state ahead, last state back, maximum of both over real positions."""
        forwards, backwards = self._both(0, embedded, lengths)
        for depth in range(1, len(self.ahead)):
            layer = torch.cat([forwards, flip(backwards, lengths)], dim=-1)  # (B, T, 2H)
            forwards, backwards = self._both(depth, self.dropout(layer), lengths)
        rows = torch.arange(embedded.shape[0], device=embedded.device)
        padding = torch.arange(embedded.shape[1], device=embedded.device) >= lengths.unsqueeze(1)
        states = (forwards, backwards)  # last states and maxima are the same in either order
        lasts = [part[rows, lengths - 1] for part in states]
        maxima = [part.masked_fill(padding.unsqueeze(-1), float("-inf")).amax(dim=1) for part in states]
        return torch.cat([*lasts, *maxima], dim=-1)

    def _both(self, depth: int, layer: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the states of both directions, (B, T, H) each, in the order each has read."""
        return self.ahead[depth](layer)[0], self.back[depth](flip(layer, lengths))[0]


RecurrentState = tuple[Tensor, tuple[Tensor, ...]]
"""z, and the cell's own states, each (layers, B, H)."""


class RecurrentDecoder(Decoder):
    """A GRU or LSTM language model that reads z."""

    injections: Sequence[str] = ("initial", "input", "add")

    def __init__(
        self,
        cell: str,
        *,
        vocab_size: int,
        embed_dim: int,
        hidden_dim: int,
        num_layers: int,
        latent_dim: int,
        injection: frozenset[str],
        tie_embeddings: bool,
        dropout: float,
        embed_dropout: float,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.injection = injection
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        nn.init.normal_(self.embedding.weight, std=embed_dim**-0.5)
        self.embed_dropout = nn.Dropout(embed_dropout)
        self.add = AddInjection(latent_dim, embed_dim) if "add" in injection else None
        width = embed_dim + (latent_dim if "input" in injection else 0)
        between = dropout if num_layers > 1 else 0.0
        self.cell = CELLS[cell](width, hidden_dim, num_layers, batch_first=True, dropout=between)
        self.num_states = 2 if cell == "lstm" else 1
        self.initial = (
            nn.Linear(latent_dim, self.num_states * num_layers * hidden_dim)
            if "initial" in injection
            else None
        )
        tied = self.embedding if tie_embeddings else None
        self.output = OutputLayer(hidden_dim, vocab_size, tied=tied, dropout=dropout)

    def forward(self, tokens: Tensor, z: Tensor) -> Tensor:
        """Return features, (B, T, H), after each input token."""
        return self._run(tokens, z, self._start(z))[0]

    def prefill(self, z: Tensor, tokens: Tensor) -> tuple[Tensor, RecurrentState]:
        """Return logits (B, V) after `tokens` (B, P), and the state."""
        features, states = self._run(tokens, z, self._start(z))
        return self.output(features[:, -1]), (z, states)

    def step(self, tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """Return logits (B, V) after one more token a row, and the new state."""
        z, states = state
        features, states = self._run(tokens.unsqueeze(1), z, states)
        return self.output(features[:, -1]), (z, states)

    def select(self, state: RecurrentState, rows: Tensor) -> RecurrentState:
        """Return the state of `rows`."""
        z, states = state
        return z[rows], tuple(part[:, rows] for part in states)

    def _run(
        self, tokens: Tensor, z: Tensor, states: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        embedded = self.embed_dropout(self.embedding(tokens))
        if self.add is not None:
            embedded = self.add(embedded, z)
        if "input" in self.injection:
            embedded = torch.cat([embedded, z.unsqueeze(1).expand(-1, tokens.shape[1], -1)], dim=-1)
        features, after = self.cell(embedded, states if self.num_states == 2 else states[0])
        return features, after if self.num_states == 2 else (after,)

    def _start(self, z: Tensor) -> tuple[Tensor, ...]:
        shape = (self.num_states, self.cell.num_layers, self.cell.hidden_size)
        if self.initial is None:
            flat = z.new_zeros(z.shape[0], *shape)
        else:
            flat = torch.tanh(self.initial(z)).view(-1, *shape)
        return tuple(part.contiguous() for part in flat.permute(1, 2, 0, 3))


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
    )


@register_decoder("gru")
@register_decoder("lstm")
def build_recurrent_decoder(config: ModelConfig) -> RecurrentDecoder:
    """Build the decoder from its part of the config; its name is its cell's."""
    assert config.vocab_size is not None
    return RecurrentDecoder(
        config.decoder,
        vocab_size=config.vocab_size,
        embed_dim=config.embed_dim,
        hidden_dim=config.decoder_dim,
        num_layers=config.decoder_layers,
        latent_dim=config.latent_dim,
        injection=parse_injection(
            config.injection,
            suited=RecurrentDecoder.injections,
            default="initial+input",
            decoder=config.decoder,
        ),
        tie_embeddings=config.tie_embeddings,
        dropout=config.dropout,
        embed_dropout=config.embed_dropout,
    )
