"""What every posterior and prior offers, and what can be done with any of them."""

from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

import torch
from torch import Tensor


class LatentDistribution(Protocol):
    """A `torch.distributions.Distribution` over z, (..., D), whose draws are functions of given noise."""

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What it is made of; of a posterior, a row of each belongs to a text."""
        ...

    def with_tensors(self, *tensors: Tensor) -> Self:
        """Return the same kind of distribution made of other `tensors`."""
        ...

    @property
    def noise_dim(self) -> int:
        """Standard normal numbers that one draw takes."""
        ...

    def at(self, noise: Tensor) -> Tensor:
        """Return the draw, (..., D), that standard normal `noise`, (..., noise_dim), stands for: reparameterised."""
        ...

    def log_prob(self, value: Tensor, /) -> Tensor:
        """Return the log density at `value`, (..., D): nats."""
        ...


class Prior(LatentDistribution, Protocol):
    """p(z): no batch dimension, so that `at` takes (N, noise_dim) to (N, D)."""


class Posterior(LatentDistribution, Protocol):
    """q(z|x) over (B, D); `noise_dim` is D."""

    @property
    def loc(self) -> Tensor:
        """The point that stands for the whole, (B, D): what is encoded, decoded and compared unless draws are asked for."""
        ...


L = TypeVar("L", bound=LatentDistribution)


def rows(posterior: L, index: Any) -> L:
    """Return the posterior of some texts: `index` as of a tensor's first dimension."""
    return posterior.with_tensors(*(tensor[index] for tensor in posterior.tensors))


def joined(parts: Sequence[L]) -> L:
    """Return the posterior of all texts of `parts`, one family's, in their order."""
    together = zip(*(part.tensors for part in parts), strict=True)
    return parts[0].with_tensors(*map(torch.cat, together))


def on_cpu(distribution: L, dtype: torch.dtype | None = None) -> L:
    """Return the distribution on the CPU, in another precision where one is given."""
    return distribution.with_tensors(*(tensor.to("cpu", dtype) for tensor in distribution.tensors))


def wide(distribution: L) -> L:
    """Return the distribution on the CPU in float64, in which densities are taken."""
    return on_cpu(distribution, torch.float64)
