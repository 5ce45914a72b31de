"""GRU and LSTM decoders."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from textvae.config import ModelConfig
from textvae.models.binding import POSITION, PlaceInjection
from textvae.models.cells import CELLS, PAYS, States, read_token, read_tokens, run_over
from textvae.models.injection import AddInjection, parse_injection
from textvae.models.output import OutputLayer
from textvae.models.parts import Decoder
from textvae.models.products import Linear, is_plain, linear
from textvae.models.reading import OpenSource, SourceReader
from textvae.models.registry import build_reader, register_decoder

Shifts = tuple[Tensor, ...]
"""What z adds at every step: to the first layer's gates, (B, gates); by a skip connection to the features, (B, H); and bound,
what it says of places, (B, H)."""
RecurrentState = tuple[Shifts, States] | tuple[Shifts, States, OpenSource]
"""And the cell's own states, each (layers, B, H), behind them the place, (1, B), where z is asked for it; and the source, where
there is one."""


class RecurrentDecoder(Decoder):
    """A GRU or LSTM language model that reads z."""

    injections: Sequence[str] = ("initial", "input", "add", "skip", POSITION)

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
        max_length: int = 0,
        weight_dropout: float = 0.0,
        reader: SourceReader | None = None,
    ) -> None:
        super().__init__()
        self.vocab_size = vocab_size
        self.injection = injection
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        nn.init.normal_(self.embedding.weight, std=embed_dim**-0.5)
        self.embed_dropout = nn.Dropout(embed_dropout)
        self.add = AddInjection(latent_dim, embed_dim) if "add" in injection else None
        self.skip = Linear(latent_dim, hidden_dim) if "skip" in injection else None
        self.placed = PlaceInjection(latent_dim, hidden_dim, max_length) if POSITION in injection else None
        width = embed_dim + (latent_dim if "input" in injection else 0)
        between = dropout if num_layers > 1 else 0.0
        self.weight_dropout = weight_dropout
        self.cell = CELLS[cell](width, hidden_dim, num_layers, batch_first=True, dropout=between)
        self.num_states = 2 if cell == "lstm" else 1
        self.initial = (
            Linear(latent_dim, self.num_states * num_layers * hidden_dim) if "initial" in injection else None
        )
        tied = self.embedding if tie_embeddings else None
        self.output = OutputLayer(hidden_dim, vocab_size, tied=tied, dropout=dropout)
        self.reader = reader
        if reader is not None:
            self.joint = Linear(2 * hidden_dim, hidden_dim)

    def forward(self, tokens: Tensor, z: Tensor, source: OpenSource | None = None) -> Tensor:
        """Return features, (B, T, H), after each input token."""
        return self._informed(self._told(self._read(tokens, z)[0], z), source)

    def prefill(
        self, z: Tensor, tokens: Tensor, source: OpenSource | None = None
    ) -> tuple[Tensor, RecurrentState]:
        """Return logits (B, V) after `tokens` (B, P), and the state."""
        if tokens.shape[1] == 1:
            return self._advance(tokens[:, 0], self._shifts(z), self._start(z), source)
        features, states = self._read(tokens, z)
        last = self._told(features[:, -1:], z, start=tokens.shape[1] - 1)[:, 0]
        return self._logits(last, tokens[:, -1], source), _state(self._shifts(z), states, source)

    def step(self, tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """Return logits (B, V) after one more token a row, and the new state."""
        return self._advance(tokens, *state)

    def select(self, state: RecurrentState, rows: Tensor) -> RecurrentState:
        """Return the state of `rows`."""
        shifts, states, *sources = state
        kept = tuple(shift[rows] for shift in shifts), tuple(part[:, rows] for part in states)
        return _state(*kept, sources[0].rows(rows) if sources else None)

    def _advance(
        self, tokens: Tensor, shifts: Shifts, states: States, source: OpenSource | None = None
    ) -> tuple[Tensor, RecurrentState]:
        own, place = states[: self.num_states], states[self.num_states :]
        features, own = read_token(self.cell, self._token_gates(tokens) + shifts[0], own)
        if self.skip is not None:
            features = features + shifts[1]
        if self.placed is not None:
            features = self.placed(features.unsqueeze(1), shifts[-1], place[0].T)[:, 0]
        after = (*own, *(number + 1 for number in place))
        return self._logits(features, tokens, source), _state(shifts, after, source)

    def _logits(self, features: Tensor, read: Tensor, source: OpenSource | None) -> Tensor:
        """Return logits, (B, V), of the token after features, (B, H), and the token read last, (B,)."""
        if self.reader is None or source is None:
            return self.output(features)
        features = self._informed(features.unsqueeze(1), source)[:, 0]
        return self.reader.next_log_probs(self.output(features), features, read, source)

    def _informed(self, features: Tensor, source: OpenSource | None) -> Tensor:
        """Return features, (B, T, H), joined with what they attend to (Luong et al. 2015, arXiv:1508.04025, eq. 5)."""
        if self.reader is None or source is None:
            return features
        return torch.tanh(
            self.joint(torch.cat([features, self.reader.attended(features, source, 0)], dim=-1))
        )

    def _told(self, features: Tensor, z: Tensor, start: int = 0) -> Tensor:
        """Return features, (B, T, H), of the places from `start`, with what goes from z to them directly."""
        if self.skip is not None:
            features = features + self.skip(z).unsqueeze(1)
        if self.placed is None:
            return features
        places = torch.arange(start, start + features.shape[1], device=features.device)
        return self.placed(features, self.placed.bind(z), places)

    def _shifts(self, z: Tensor) -> Shifts:
        direct = [] if self.skip is None else [self.skip(z)]
        direct += [] if self.placed is None else [self.placed.bind(z)]
        return (self._shift(z), *direct)

    def _read(self, tokens: Tensor, z: Tensor) -> tuple[Tensor, States]:
        """Return features, (B, T, H), and the states after the last token."""
        if not self.training and is_plain(z):
            distinct, places = tokens.unique(return_inverse=True)
            if PAYS * len(distinct) <= tokens.numel():
                gates = self._token_gates(distinct)[places] + self._shift(z).unsqueeze(1)
                features, after = read_tokens(self.cell, gates, self._start(z)[: self.num_states])
                return features, (*after, *self._place(z, tokens.shape[1]))
        embedded = self.embed_dropout(self.embedding(tokens))
        if self.add is not None:
            embedded = self.add(embedded, z)
        if "input" in self.injection:
            embedded = torch.cat([embedded, z.unsqueeze(1).expand(-1, tokens.shape[1], -1)], dim=-1)
        states = self._start(z)[: self.num_states]
        features, after = self._run_cell(embedded, states if self.num_states == 2 else states[0])
        own = after if self.num_states == 2 else (after,)
        return features, (*own, *self._place(z, tokens.shape[1]))

    def _run_cell(self, embedded: Tensor, states: Any) -> tuple[Tensor, Any]:
        """Run the cell; in training with its hidden-to-hidden weights dropped (Merity et al. 2018, arXiv:1708.02182)."""
        if not (self.training and self.weight_dropout):
            return run_over(self.cell, embedded, states)
        dropped = {
            name: nn.functional.dropout(weight, self.weight_dropout)
            for name, weight in self.cell.named_parameters()
            if name.startswith("weight_hh")
        }
        return run_over(lambda *given: functional_call(self.cell, dropped, given), embedded, states)

    def _token_gates(self, tokens: Tensor) -> Tensor:
        """Return what tokens, (N,), add to the first layer's gates, (N, gates)."""
        weight = self.cell.all_weights[0][0][:, : self.embedding.embedding_dim]
        return linear(self.embed_dropout(self.embedding(tokens)), weight)

    def _shift(self, z: Tensor) -> Tensor:
        """Return what z adds to the first layer's gates at every step, and its bias: (B, gates)."""
        weight, _, bias, _ = self.cell.all_weights[0]
        width = self.embedding.embedding_dim
        shift = bias.expand(z.shape[0], -1)
        if self.add is not None:
            shift = shift + linear(self.add.project(z), weight[:, :width])
        return shift + linear(z, weight[:, width:]) if "input" in self.injection else shift

    def _start(self, z: Tensor) -> States:
        shape = (self.num_states, self.cell.num_layers, self.cell.hidden_size)
        if self.initial is None:
            flat = z.new_zeros(z.shape[0], *shape)
        else:
            flat = torch.tanh(self.initial(z)).view(-1, *shape)
        return (*(part.contiguous() for part in flat.permute(1, 2, 0, 3)), *self._place(z, 0))

    def _place(self, z: Tensor, number: int) -> tuple[Tensor, ...]:
        """Return the place of the next token, (1, B), where z is asked for it."""
        if self.placed is None:
            return ()
        return (torch.full((1, z.shape[0]), number, dtype=torch.int64, device=z.device),)


def _state(shifts: Shifts, states: States, source: OpenSource | None) -> RecurrentState:
    return (shifts, states) if source is None else (shifts, states, source)


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
        latent_dim=config.code_dim,
        injection=parse_injection(
            config.injection,
            suited=RecurrentDecoder.injections,
            default="initial+input",
            decoder=config.decoder,
        ),
        tie_embeddings=config.tie_embeddings,
        dropout=config.dropout,
        embed_dropout=config.embed_dropout,
        max_length=config.max_length,
        weight_dropout=config.weight_dropout,
        reader=build_reader(config, num_layers=1),
    )
