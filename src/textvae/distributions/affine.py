"""A distribution moved and spread: what is fitted to standardised latents, in the latents' own units."""

from typing import cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from textvae.distributions.protocol import Prior


class Affine(Distribution):
    """z = loc + spread x for x ~ inner: log p(z) = log inner(spread⁻¹ (z - loc)) - log det spread.

    Args:
        inner: over (D,).
        loc: (D,).
        spread: a lower triangular matrix with a positive diagonal, (D, D).
    """

    arg_constraints = {}  # noqa: RUF012  (torch's own class attribute)

    def __init__(self, inner: Prior, loc: Tensor, spread: Tensor) -> None:
        self.inner, self.loc, self.spread = inner, loc, spread
        super().__init__(event_shape=loc.shape, validate_args=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Shift and spread, and what the inner distribution is made of."""
        return self.loc, self.spread, *self.inner.tensors

    def with_tensors(self, *tensors: Tensor) -> "Affine":
        """Return the same kind of distribution made of other `tensors`."""
        loc, spread, *inner = tensors
        return Affine(self.inner.with_tensors(*inner), loc, spread)

    @property
    def noise_dim(self) -> int:
        """Standard normal numbers that a draw of the inner distribution takes."""
        return self.inner.noise_dim

    def at(self, noise: Tensor) -> Tensor:
        """Return loc + spread x for the inner draw x, (..., D), that `noise` stands for."""
        return self.loc + self.inner.at(noise) @ self.spread.T

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density of z = `value`, (..., D): nats."""
        moved = (value - self.loc).unsqueeze(-1)
        x = cast(Tensor, torch.linalg.solve_triangular(self.spread, moved, upper=False)).squeeze(-1)
        return self.inner.log_prob(x) - self.spread.diagonal().log().sum()
