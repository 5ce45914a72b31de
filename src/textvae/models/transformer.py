"""Transformer encoder and decoder."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from textvae.config import ModelConfig
from textvae.models.attention import Block, KeysValues
from textvae.models.binding import POSITION, BoundWords, PlaceInjection, binds
from textvae.models.injection import AddInjection, parse_injection
from textvae.models.output import OutputLayer
from textvae.models.parts import Decoder, Encoder
from textvae.models.positions import Positions
from textvae.models.products import Linear
from textvae.models.reading import OpenSource, SourceReader
from textvae.models.registry import build_reader, register_decoder, register_encoder

STD = 0.02
"""Of position embeddings at first."""


class TransformerEncoder(Encoder):
    """Self-attention over the whole text; features are mean and maximum over real positions."""

    def __init__(
        self,
        embed_dim: int,
        width: int,
        *,
        num_layers: int,
        num_heads: int,
        dropout: float,
        max_length: int,
        binds_words: bool = False,
    ) -> None:
        super().__init__()
        self.bound = BoundWords(embed_dim, width, max_length) if binds_words else None
        self.widen = Linear(embed_dim, width)
        self.positions = Positions(max_length + 1, width, STD)
        self.blocks = nn.ModuleList(Block(width, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        self.feature_dim, self.state_dim = (3 if binds_words else 2) * width, width

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return (B, 2 * width)."""
        real = torch.arange(embedded.shape[1], device=embedded.device) < lengths.unsqueeze(1)  # (B, T)
        hidden = self.states(embedded, lengths)
        total = hidden.masked_fill(~real.unsqueeze(-1), 0).sum(dim=1)
        maximum = hidden.masked_fill(~real.unsqueeze(-1), float("-inf")).amax(dim=1)
        features = torch.cat([total / lengths.unsqueeze(1), maximum], dim=-1)
        return (
            features if self.bound is None else torch.cat([features, self.bound(embedded, lengths)], dim=-1)
        )

    def states(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return the last layer's states, (B, T, width)."""
        real = torch.arange(embedded.shape[1], device=embedded.device) < lengths.unsqueeze(1)  # (B, T)
        hidden = self.widen(embedded) + self.positions(
            torch.arange(embedded.shape[1], device=embedded.device)
        )
        for block in self.blocks:
            hidden, _ = block(hidden, real[:, None, None, :])
        return self.norm(hidden)


TransformerState = tuple[Tensor, tuple[KeysValues, ...]] | tuple[Tensor, tuple[KeysValues, ...], OpenSource]
"""z, and the keys and values of each layer, the memory slot's first where there is one; and the source, likewise."""


class TransformerDecoder(Decoder):
    """A causal Transformer that reads z as a memory slot in every layer, added to its inputs or to what its output reads, or in several of these ways."""

    injections: Sequence[str] = ("add", "memory", "skip", POSITION)

    def __init__(
        self,
        *,
        vocab_size: int,
        embed_dim: int,
        width: int,
        num_layers: int,
        num_heads: int,
        latent_dim: int,
        injection: frozenset[str],
        tie_embeddings: bool,
        dropout: float,
        embed_dropout: float,
        max_length: int,
        reader: SourceReader | None = None,
    ) -> None:
        super().__init__()
        self.reader = reader
        self.vocab_size, self.width, self.num_heads = vocab_size, width, num_heads
        self.embedding = nn.Embedding(vocab_size, embed_dim)
        nn.init.normal_(self.embedding.weight, std=embed_dim**-0.5)
        self.embed_dropout = nn.Dropout(embed_dropout)
        self.widen = Linear(embed_dim, width)
        self.positions = Positions(max_length + 1, width, STD)
        self.blocks = nn.ModuleList(Block(width, num_heads, dropout) for _ in range(num_layers))
        self.cross_dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width)
        self.add = AddInjection(latent_dim, width) if "add" in injection else None
        self.memory = Linear(latent_dim, 2 * num_layers * width) if "memory" in injection else None
        self.skip = Linear(latent_dim, width) if "skip" in injection else None
        self.placed = PlaceInjection(latent_dim, width, max_length) if POSITION in injection else None
        tied = self.embedding if tie_embeddings else None
        self.output = OutputLayer(width, vocab_size, tied=tied, dropout=dropout)

    def forward(self, tokens: Tensor, z: Tensor, source: OpenSource | None = None) -> Tensor:
        """Return features, (B, T, width), after each input token."""
        return self._run(tokens, z, self._memory(z), source)[0]

    def prefill(
        self, z: Tensor, tokens: Tensor, source: OpenSource | None = None
    ) -> tuple[Tensor, TransformerState]:
        """Return logits (B, V) after `tokens` (B, P), and the state."""
        return self._advance(tokens, z, self._memory(z), source)

    def step(self, tokens: Tensor, state: TransformerState) -> tuple[Tensor, TransformerState]:
        """Return logits (B, V) after one more token a row, and the new state."""
        return self._advance(tokens.unsqueeze(1), *state)

    def select(self, state: TransformerState, rows: Tensor) -> TransformerState:
        """Return the state of `rows`."""
        z, cache, *sources = state
        kept = z[rows], tuple((keys[rows], values[rows]) for keys, values in cache)
        return (*kept, sources[0].rows(rows)) if sources else kept

    def _advance(
        self, tokens: Tensor, z: Tensor, cache: tuple[KeysValues, ...], source: OpenSource | None = None
    ) -> tuple[Tensor, TransformerState]:
        features, cache = self._run(tokens, z, cache, source)
        last = features[:, -1]
        if self.reader is None or source is None:
            return self.output(last), (z, cache)
        return self.reader.next_log_probs(self.output(last), last, tokens[:, -1], source), (z, cache, source)

    def _memory(self, z: Tensor) -> tuple[KeysValues, ...]:
        """Return the keys and values that stand before the first token: one slot from z, or none."""
        if self.memory is None:
            empty = z.new_zeros(z.shape[0], self.num_heads, 0, self.width // self.num_heads)
            return tuple((empty, empty) for _ in self.blocks)
        slots = self.memory(z).view(z.shape[0], len(self.blocks), 2, self.num_heads, 1, -1)
        return tuple((keys, values) for keys, values in (layer.unbind(1) for layer in slots.unbind(1)))

    def _run(
        self, tokens: Tensor, z: Tensor, cache: tuple[KeysValues, ...], source: OpenSource | None = None
    ) -> tuple[Tensor, tuple[KeysValues, ...]]:
        seen, length = cache[0][0].shape[2], tokens.shape[1]
        num_slots = 0 if self.memory is None else 1
        hidden = self.widen(self.embed_dropout(self.embedding(tokens)))
        places = torch.arange(seen + length, device=tokens.device)
        hidden = hidden + self.positions(places[seen:] - num_slots)
        if self.add is not None:
            hidden = self.add(hidden, z)
        mask = places <= places[seen:].unsqueeze(1)  # (T, S): nothing that comes later
        after = []
        for layer, (block, past) in enumerate(zip(self.blocks, cache, strict=True)):
            hidden, keys_values = block(hidden, mask, past)
            if self.reader is not None and source is not None:
                hidden = hidden + self.cross_dropout(self.reader.attended(hidden, source, layer))
            after.append(keys_values)
        hidden = self.norm(hidden)
        if self.skip is not None:
            hidden = hidden + self.skip(z).unsqueeze(1)
        if self.placed is not None:
            hidden = self.placed(hidden, self.placed.bind(z), places[seen:] - num_slots)
        return hidden, tuple(after)


@register_encoder("transformer")
def build_transformer_encoder(config: ModelConfig) -> TransformerEncoder:
    """Build the encoder from its part of the config."""
    return TransformerEncoder(
        config.embed_dim,
        config.encoder_dim,
        num_layers=config.encoder_layers,
        num_heads=config.num_heads,
        dropout=config.encoder_dropout,
        max_length=config.max_length,
        binds_words=binds(config.injection),
    )


@register_decoder("transformer")
def build_transformer_decoder(config: ModelConfig) -> TransformerDecoder:
    """Build the decoder from its part of the config."""
    assert config.vocab_size is not None
    return TransformerDecoder(
        vocab_size=config.vocab_size,
        embed_dim=config.embed_dim,
        width=config.decoder_dim,
        num_layers=config.decoder_layers,
        num_heads=config.num_heads,
        latent_dim=config.code_dim,
        injection=parse_injection(
            config.injection,
            suited=TransformerDecoder.injections,
            default="add+memory",
            decoder="transformer",
        ),
        tie_embeddings=config.tie_embeddings,
        dropout=config.dropout,
        embed_dropout=config.embed_dropout,
        max_length=config.max_length,
        reader=build_reader(config, num_layers=config.decoder_layers),
    )
