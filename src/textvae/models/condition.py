"""The condition c: labels, a source text and features, encoded once a batch."""

import dataclasses
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from textvae.config import ModelConfig
from textvae.data.conditions import Conditions
from textvae.data.vocabulary import EOS, PAD
from textvae.models.parts import Encoder
from textvae.models.products import Linear
from textvae.models.reading import Memory
from textvae.models.registry import build_encoder


@dataclass(frozen=True, kw_only=True)
class ConditionTensors:
    """The conditions of a batch on a device; what a model does not take is None.

    Attributes:
        codes: (B, L).
        weights: (B, L).
        source: ids that end with `</s>`, padded, (B, S).
        source_lengths: (B,), `</s>` counted; 0: no source.
        features: (B, F) or (B, S, F).
        vectors: (B, C), added to the vector of the rest.
    """

    codes: Tensor | None = None
    weights: Tensor | None = None
    source: Tensor | None = None
    source_lengths: Tensor | None = None
    features: Tensor | None = None
    vectors: Tensor | None = None

    @classmethod
    def of(cls, conditions: Conditions, device: torch.device, dtype: torch.dtype) -> Self:
        """Move conditions to a device."""
        source, lengths = _padded(conditions)
        arrays = {
            "codes": conditions.codes,
            "weights": conditions.weights,
            "source": source,
            "source_lengths": lengths,
            "features": conditions.features,
            "vectors": conditions.vectors,
        }
        tensors = {
            name: torch.from_numpy(array).to(device) for name, array in arrays.items() if array is not None
        }
        return cls(**{n: t.to(dtype) if t.is_floating_point() else t for n, t in tensors.items()})

    @property
    def num_rows(self) -> int:
        """B."""
        parts = (self.codes, self.source, self.features)
        return next(len(part) for part in parts if part is not None)

    @property
    def empty(self) -> Tensor | None:
        """Which rows have no condition, (B,): labels are missing, the source is empty, the vector is 0; None: all have features."""
        if self.features is not None:
            return None
        missing = [] if self.weights is None else [(self.weights == 0).all(dim=1)]
        missing += [] if self.source_lengths is None else [self.source_lengths == 0]
        missing += [] if self.vectors is None else [(self.vectors == 0).all(dim=1)]
        return torch.stack(missing).all(dim=0)


@dataclass(frozen=True)
class Context:
    """An encoded condition.

    Attributes:
        vector: (B, C), what q(z|x,c), p(z|c) and each step of the decoder read.
        memory: what the decoder attends to; None: nothing.
    """

    vector: Tensor
    memory: Memory | None = None

    def rows(self, indices: Tensor) -> "Context":
        """Return the context of some rows, (R,); a row may come more than once."""
        return Context(self.vector[indices], None if self.memory is None else self.memory.rows(indices))


class ConditionEncoder(nn.Module):
    """c as a vector and, of source texts and feature sequences, a memory.

    The vector is a sum over parts: embeddings of labels, a projection of features, and mean and maximum of a memory. A
    row without a condition, or in training with it dropped, has a learned vector and a memory of nothing, so that one
    model is conditional and unconditional (Ho and Salimans 2022, arXiv:2207.12598, section 3.2).
    """

    def __init__(self, config: ModelConfig, embedding: nn.Embedding) -> None:
        """Build from the settings; `embedding` is the decoder's, through which a source in the same tokens is read."""
        super().__init__()
        self.config = config
        width = config.condition_dim
        self.nothing = nn.Parameter(torch.zeros(width))
        self.dropout = nn.Dropout(config.encoder_dropout)
        self.labels = nn.Embedding(config.label_codes, width) if config.label_codes else None
        if self.labels is not None:
            nn.init.normal_(self.labels.weight, std=width**-0.5)
        if config.feature_dim and not config.feature_length:
            self.feature = nn.Sequential(Linear(config.feature_dim, width), nn.GELU(), Linear(width, width))
        self.encoders = nn.ModuleDict()
        if config.source_vocab_size:
            self.embedding = embedding if config.source_shared else _own_embedding(config)
            self.encoders["source"] = _memory_encoder(config, config.embed_dim, config.source_max_length + 1)
        if config.feature_length:
            self.encoders["features"] = _memory_encoder(config, config.feature_dim, config.feature_length)
        if self.encoders:
            self.slot = nn.Parameter(torch.randn(self.memory_dim) * self.memory_dim**-0.5)
            self.pooled = nn.ModuleDict({name: Linear(2 * self.memory_dim, width) for name in self.encoders})

    @property
    def memory_dim(self) -> int:
        """M, the width of a memory's states."""
        return next(cast("Encoder", encoder).state_dim for encoder in self.encoders.values())

    def forward(self, condition: ConditionTensors, dropped: Tensor | None = None) -> Context:
        """Return the context of a batch; of the rows that are `dropped`, (B,), that of no condition."""
        vector = torch.zeros(
            condition.num_rows,
            self.config.condition_dim,
            device=self.nothing.device,
            dtype=self.nothing.dtype,
        )
        if self.labels is not None:
            assert condition.codes is not None
            assert condition.weights is not None
            weights = condition.weights.to(self.labels.weight.dtype)
            vector = vector + embedding_bag(
                condition.codes, self.labels.weight, per_sample_weights=weights, mode="sum"
            )
        if self.config.feature_dim and not self.config.feature_length:
            vector = vector + self.feature(condition.features)
        if condition.vectors is not None:
            vector = vector + condition.vectors
        memory = None
        if self.encoders:
            sequences = self._sequences(condition)
            vector = vector + sum(self._summary(name, read) for name, read in sequences.items())
            memory = self._memory(list(sequences.values()))
        context, empty = Context(vector, memory), condition.empty
        if empty is not None:
            dropped = empty if dropped is None else empty | dropped
        return context if dropped is None else self._without(context, dropped)

    def none(self, num: int) -> Context:
        """Return the context of `num` rows without a condition."""
        memory = self._slot(num) if self.encoders else None
        return Context(self.nothing.expand(num, -1), memory)

    def _without(self, context: Context, dropped: Tensor) -> Context:
        vector = torch.where(dropped.unsqueeze(1), self.nothing, context.vector)
        if (memory := context.memory) is None:
            return Context(vector)
        real = memory.real.clone()
        real[:, 1:] &= ~dropped.unsqueeze(1)
        tokens = None if memory.tokens is None else memory.tokens.masked_fill(dropped.unsqueeze(1), -1)
        return Context(vector, Memory(memory.states, real, tokens))

    def _sequences(self, condition: ConditionTensors) -> dict[str, Memory]:
        """Return the encoded source text and feature sequence, each (B, S, M)."""
        found = {}
        if "source" in self.encoders:
            source, lengths = condition.source, condition.source_lengths
            assert source is not None
            assert lengths is not None
            no_token = (source == PAD) | (source == EOS)
            copied = source.masked_fill(no_token, -1) if self.config.copy else None
            found["source"] = self._encoded("source", self.embedding(source), lengths, copied)
        if "features" in self.encoders:
            features = condition.features
            assert features is not None
            lengths = torch.full((len(features),), features.shape[1], device=features.device)
            copied = torch.full_like(features[:, :, 0], -1, dtype=torch.int64) if self.config.copy else None
            found["features"] = self._encoded("features", features, lengths, copied)
        return found

    def _encoded(self, name: str, embedded: Tensor, lengths: Tensor, tokens: Tensor | None) -> Memory:
        encoder = cast("Encoder", self.encoders[name])
        states = self.dropout(encoder.states(self.dropout(embedded), lengths.clamp(min=1)))
        real = torch.arange(states.shape[1], device=states.device) < lengths.unsqueeze(1)
        return Memory(states, real, tokens)

    def _summary(self, name: str, read: Memory) -> Tensor:
        """Return mean and maximum of the states, projected to the vector's width, (B, C); zeros of an empty source."""
        padding, there = ~read.real.unsqueeze(-1), read.real.any(1, keepdim=True)
        mean = read.states.masked_fill(padding, 0).sum(1) / read.real.sum(1, keepdim=True).clamp(min=1)
        maximum = read.states.masked_fill(padding, -torch.inf).amax(1).masked_fill(~there, 0)
        return self.pooled[name](torch.cat([mean, maximum], dim=-1)) * there

    def _memory(self, sequences: list[Memory]) -> Memory:
        """Join sequences behind the position that stands for nothing."""
        first = self._slot(len(sequences[0].states))
        dtype = sequences[0].states.dtype
        parts = [Memory(first.states.to(dtype), first.real, first.tokens), *sequences]
        tokens = [part.tokens for part in parts if part.tokens is not None]
        return Memory(
            torch.cat([part.states for part in parts], dim=1),
            torch.cat([part.real for part in parts], dim=1),
            torch.cat(tokens, dim=1) if tokens else None,
        )

    def _slot(self, num: int) -> Memory:
        """Return the memory of nothing, (num, 1, M)."""
        real = torch.ones(num, 1, dtype=torch.bool, device=self.slot.device)
        tokens = torch.full_like(real, -1, dtype=torch.int64) if self.config.copy else None
        return Memory(self.slot.expand(num, 1, -1), real, tokens)


def _memory_encoder(config: ModelConfig, embed_dim: int, max_length: int) -> Encoder:
    """Build an encoder of source texts, or of feature sequences."""
    return build_encoder(
        dataclasses.replace(
            config,
            encoder=config.source_encoder,
            encoder_dim=config.source_dim,
            encoder_layers=config.source_layers,
            embed_dim=embed_dim,
            max_length=max_length,
            injection=ModelConfig.injection,  # words are bound to places for z alone, not in a memory's states
        )
    )


def _own_embedding(config: ModelConfig) -> nn.Embedding:
    embedding = nn.Embedding(config.source_vocab_size, config.embed_dim)
    nn.init.normal_(embedding.weight, std=config.embed_dim**-0.5)
    return embedding


def _padded(conditions: Conditions) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Return source ids, `</s>` behind each, padded to (B, S), and their lengths; a missing source has length 0."""
    if conditions.sources is None:
        return None, None
    lengths = conditions.source_lengths
    lengths = lengths + (lengths > 0)
    ids = np.full((len(lengths), max(1, int(lengths.max(initial=1)))), PAD, np.int64)
    for row, source in enumerate(conditions.sources):
        if len(source):
            ids[row, : len(source)] = source
            ids[row, len(source)] = EOS
    return ids, lengths
