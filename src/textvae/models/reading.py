"""What a decoder reads of a source: attention to it, and tokens copied from it.

Several rows in a row may read one source, as beams, candidates and latents of one condition do: it is held once, and their
positions attend to it together. G is how many do, R = B * G the rows.
"""

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad, scaled_dot_product_attention

from textvae.models.products import Linear

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of one layer, each (B, heads, S, width / heads)."""


@dataclass(frozen=True)
class Memory:
    """An encoded source; its first position stands for nothing, so that there is always something to attend to.

    Attributes:
        states: (B, S, M).
        real: (B, S), False at padding.
        tokens: the source's ids, (B, S), where the decoder may copy them; the first is no token.
        readers: G, rows that read each source.
    """

    states: Tensor
    real: Tensor
    tokens: Tensor | None = None
    readers: int = 1

    def rows(self, indices: Tensor) -> "Memory":
        """Return the memory of some of the R rows."""
        kept, readers = _read_by(indices, self.readers)
        tokens = None if self.tokens is None else self.tokens[kept]
        return Memory(self.states[kept], self.real[kept], tokens, readers)


@dataclass(frozen=True)
class OpenSource:
    """A memory as one decoder reads it: projected once a decode.

    Attributes:
        layers: keys and values of each attending layer.
        mask: where they may attend to, (B, 1, 1, S).
        copied: keys, (B, S, W), and tokens, (B, S), to copy; None: no copying.
        readers: G, rows that read each source.
    """

    layers: tuple[KeysValues, ...]
    mask: Tensor
    copied: tuple[Tensor, Tensor] | None = None
    readers: int = 1

    def rows(self, indices: Tensor) -> "OpenSource":
        """Return what some of the R rows read; nothing is copied while all sources are read, as in a step of beams."""
        kept, readers = _read_by(indices, self.readers)
        if len(kept) == len(self.mask) and bool((kept == torch.arange(len(kept), device=kept.device)).all()):
            return replace(self, readers=readers)
        return OpenSource(
            tuple((keys[kept], values[kept]) for keys, values in self.layers),
            self.mask[kept],
            None if self.copied is None else (self.copied[0][kept], self.copied[1][kept]),
            readers,
        )


def _read_by(rows: Tensor, readers: int) -> tuple[Tensor, int]:
    """Return the sources, (B,), that `rows`, (R,), read, and how many of them read each, one after another.

    Where their numbers differ, a source is there once for each row.
    """
    sources = rows // readers
    runs, counts = sources.unique_consecutive(return_counts=True)
    if len(runs) and bool((counts == counts[0]).all()):
        return runs, int(counts[0])
    return sources, 1


def _together(rows: Tensor, sources: Tensor) -> Tensor:
    """Return rows, (R, T, ...), as the positions of their sources, (B, G * T, ...)."""
    num = len(sources)
    return rows.reshape(num, rows.shape[1] * (len(rows) // max(num, 1)), *rows.shape[2:])


class CrossAttention(nn.Module):
    """Multi-head attention from a text to its source (Vaswani et al. 2017, arXiv:1706.03762, section 3.2)."""

    def __init__(self, width: int, memory_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(width)
        self.query = Linear(width, width)
        self.keys_values = Linear(memory_dim, 2 * width)
        self.merge = Linear(width, width)

    def project(self, states: Tensor) -> KeysValues:
        """Return keys and values of a memory's states, (B, S, M)."""
        keys, values = self.keys_values(states).unflatten(-1, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return keys, values

    def forward(self, hidden: Tensor, read: KeysValues, mask: Tensor) -> Tensor:
        """Return what each position, (R, T, width), attends to, (R, T, width)."""
        asking = _together(self.query(self.norm(hidden)), read[0])  # (B, G * T, width)
        queries = asking.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        keys, values = (part.to(queries.dtype) for part in read)
        attended = scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        return self.merge(attended.transpose(1, 2).flatten(2)).view(hidden.shape)


GOING_ON = ".copying.going_on"
"""How the name of the weights ends that models of before do not have; with zeros they are what they were."""


class Copying(nn.Module):
    """p(token) = (1 - g) p_vocabulary(token) + g * (attention to the source's positions that hold it).

    See et al. 2017, arXiv:1704.04368, equations 8 and 9; deviations: the pointer attends for itself, with one head, the gate g
    is a function of the decoder's features, and both learn how much likelier it is to go on copying: at the places behind
    those that hold the token just read (after the CopyNext of Singh et al. 2020, arXiv:2010.15266).
    """

    def __init__(self, width: int, memory_dim: int) -> None:
        super().__init__()
        self.key = Linear(memory_dim, width)
        self.gate = nn.Linear(width, 1)
        nn.init.constant_(self.gate.bias, -2.0)  # so that it learns to speak before it learns to copy
        self.going_on = nn.Parameter(torch.full((2,), 2.0))  # of such a place; of the gate where there is one

    def mixed(
        self,
        generated: Tensor,
        features: Tensor,
        read: Tensor,
        copied: tuple[Tensor, Tensor],
        targets: Tensor,
    ) -> Tensor:
        """Return log p of targets, (R, T), given their log p under the vocabulary alone, (R, T).

        Args:
            generated: (R, T) nats.
            features: (R, T, width).
            read: the token that the decoder read last, (R, T).
            copied: keys, (B, S, width), and tokens, (B, S); negative ones are none.
            targets: (R, T).
        """
        asking, before = _together(features, copied[1]), _together(read, copied[1])
        pointing, log_gate, log_rest = self._pointing(asking, before, *copied)
        holds = copied[1].unsqueeze(1) == _together(targets, copied[1]).unsqueeze(-1)  # (B, G * T, S)
        log_copied = pointing.masked_fill(~holds, -torch.inf).logsumexp(-1)
        spoken = log_rest + _together(generated, copied[1])
        return torch.logaddexp(spoken, log_gate + log_copied).view(targets.shape)

    def mixture(
        self, logits: Tensor, features: Tensor, read: Tensor, copied: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return the log probabilities, (R, V), of the next token from its logits, (R, V), features, (R, width), and the last, (R,)."""
        asking, before = (_together(part.unsqueeze(1), copied[1]) for part in (features, read))
        pointing, log_gate, log_rest = self._pointing(asking, before, *copied)
        wide = logits if logits.dtype == torch.float64 else logits.float()
        tokens = copied[1].unsqueeze(1).expand_as(pointing).flatten(0, 1)  # (R, S)
        shares = pointing.flatten(0, 1).exp().to(wide).masked_fill(tokens < 0, 0.0)
        held = torch.zeros_like(wide).scatter_add(1, tokens.clamp(min=0), shares)
        return torch.logaddexp(log_rest.view(-1, 1) + wide.log_softmax(-1), log_gate.view(-1, 1) + held.log())

    def _pointing(
        self, features: Tensor, read: Tensor, keys: Tensor, tokens: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return log attention, (B, T, S), and the logs of the gate and of what it leaves, (B, T) each."""
        scores = features @ keys.to(features.dtype).transpose(1, 2) / features.shape[-1] ** 0.5
        scores = scores if scores.dtype == torch.float64 else scores.float()
        there = (tokens >= 0).unsqueeze(1)  # (B, 1, S)
        behind = pad(tokens[:, None, :-1] == read.unsqueeze(-1), (1, 0)) & there  # (B, T, S)
        scores = scores + self.going_on[0] * behind
        pointing = scores.masked_fill(~there, -1e9).log_softmax(-1)
        gate = self.gate(features).squeeze(-1).to(scores.dtype) + self.going_on[1] * behind.any(-1)
        empty = ~there.any(-1)  # nothing to copy: all is left to the vocabulary
        log_gate = logsigmoid(gate).masked_fill(empty, -torch.inf)
        log_rest = logsigmoid(-gate).masked_fill(empty, 0.0)
        return pointing, log_gate, log_rest


class SourceReader(nn.Module):
    """A decoder's attention to a source in `num_layers` places, and its pointer where it copies."""

    def __init__(self, width: int, memory_dim: int, *, num_layers: int, num_heads: int, copies: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CrossAttention(width, memory_dim, num_heads) for _ in range(num_layers))
        self.copying = Copying(width, memory_dim) if copies else None

    def open(self, memory: Memory) -> OpenSource:
        """Project a memory for all layers."""
        copied = None
        if self.copying is not None and memory.tokens is not None:
            copied = self.copying.key(memory.states), memory.tokens
        projected = tuple(cast("CrossAttention", layer).project(memory.states) for layer in self.layers)
        return OpenSource(projected, memory.real[:, None, None, :], copied, memory.readers)

    def attended(self, hidden: Tensor, source: OpenSource, layer: int) -> Tensor:
        """Return what positions, (R, T, width), attend to at a layer, (R, T, width)."""
        return self.layers[layer](hidden, source.layers[layer], source.mask)

    def next_log_probs(self, logits: Tensor, features: Tensor, read: Tensor, source: OpenSource) -> Tensor:
        """Return logits, (R, V), as they are, or with the tokens copied from the source among them.

        Args:
            logits: (R, V).
            features: (R, width).
            read: the last tokens, (R,).
            source: as it was opened.
        """
        if self.copying is None or source.copied is None:
            return logits
        return self.copying.mixture(logits, features, read, source.copied)
