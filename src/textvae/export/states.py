"""What a decoder's state is made of, found by watching it: graphs pass tensors, not Python objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textvae.data.vocabulary import BOS
from textvae.errors import ExportError
from textvae.models import Decoder


@dataclass(frozen=True, kw_only=True)
class Part:
    """One tensor of a state."""

    batch_dim: int
    """The dimension that counts rows."""
    growing_dim: int | None = None
    """The dimension that grows by a place a token, as of a cache."""
    constant: bool = False
    """Whether steps hand it on as it is, as z."""


def state_names(parts: Sequence[Part], stem: str) -> list[str]:
    """Return the names of the parts in a graph."""
    return [f"{stem}_{number}" for number in range(len(parts))]


def tensors(state: Any) -> list[Tensor]:
    """Return the tensors of a state, in order.

    Raises:
        ExportError: it holds something else than tensors in tuples or lists.
    """
    if isinstance(state, Tensor):
        return [state]
    if type(state) not in (tuple, list):
        raise ExportError(
            f"the decoder's state holds a {type(state).__name__}; only tensors in tuples or lists can be exported"
        )
    return [tensor for part in state for tensor in tensors(part)]


def rebuilt(like: Any, parts: Iterator[Tensor]) -> Any:
    """Return a state made as `like` is, of the tensors of `parts`."""
    return next(parts) if isinstance(like, Tensor) else type(like)(rebuilt(inner, parts) for inner in like)


@torch.no_grad()
def observe(decoder: Decoder, latent_dim: int) -> tuple[Part, ...]:
    """Return the parts of the decoder's state.

    Raises:
        ExportError: a part whose rows cannot be told.
    """
    (two, _), (three, later) = (_first_states(decoder, rows, latent_dim) for rows in (2, 3))
    parts = zip(tensors(two), tensors(three), tensors(later), strict=True)
    return tuple(_part(number, *seen) for number, seen in enumerate(parts))


def _first_states(decoder: Decoder, rows: int, latent_dim: int) -> tuple[Any, Any]:
    """Return the states after one token and after two."""
    weight = decoder.embedding.weight
    tokens = torch.full((rows, 1), BOS, device=weight.device)
    _, first = decoder.prefill(weight.new_zeros(rows, latent_dim), tokens)
    return first, decoder.step(tokens[:, 0], first)[1]


def _part(number: int, two: Tensor, three: Tensor, later: Tensor) -> Part:
    batch = _differing(two, three)
    growing = _differing(three, later)
    if len(batch) != 1 or len(growing) > 1:
        raise ExportError(
            f"part {number} of the decoder's state has shapes {tuple(two.shape)} for 2 rows and {tuple(three.shape)} "
            "for 3; one dimension must count rows to be exported"
        )
    return Part(batch_dim=batch[0], growing_dim=growing[0] if growing else None, constant=later is three)


def _differing(a: Tensor, b: Tensor) -> list[int]:
    return [dim for dim, (m, n) in enumerate(zip(a.shape, b.shape, strict=True)) if m != n]
