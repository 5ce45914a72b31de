"""Continuous normalising flows: a Gaussian carried along a velocity field, as a `torch.distributions.Distribution`."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from textvae.distributions.gaussian import DiagonalGaussian

NUM_STEPS = 12
"""Of the solver, each of four evaluations of the field."""

CHUNK = 4096
"""Points integrated at once."""


class Field(nn.Module, ABC):
    """v(x, t): a network."""

    @abstractmethod
    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """Return v, (N, D), at points x, (N, D), and times t, (N, 1) or (1, 1)."""

    @abstractmethod
    def velocity_and_divergence(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return v, (N, D), and the trace of its Jacobian dv/dx, (N,)."""


class OdeDistribution(Distribution):
    """x(1) of dx/dt = v(x, t) for x(0) ~ base: log p(x(1)) = log base(x(0)) - ∫ tr(dv/dx) dt along the way.

    Chen et al. 2018, arXiv:1806.07366, eq. 8. Solved in both directions by Runge and Kutta's classical method of fourth order in
    `num_steps` equal steps, in the precision of the field, whatever that of the base.

    Args:
        base: over (D,).
        field: v.
        num_steps: between t = 0 and t = 1.
    """

    arg_constraints = {}  # noqa: RUF012  (torch's own class attribute)

    def __init__(self, base: DiagonalGaussian, field: Field, *, num_steps: int = NUM_STEPS) -> None:
        self.base, self.field, self.num_steps = base, field, num_steps
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Means and standard deviations of the base."""
        return self.base.tensors

    def with_tensors(self, *tensors: Tensor) -> "OdeDistribution":
        """Return the flow over another base; on another device by a copy of the field."""
        base = DiagonalGaussian(*tensors)
        return OdeDistribution(base, _beside(self.field, base.loc.device), num_steps=self.num_steps)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.event_shape[0]

    def at(self, noise: Tensor) -> Tensor:
        """Return where the field carries loc + scale * noise, (..., D)."""
        start = self.base.at(noise)
        ends = [integrate(self.field.velocity, part, 0.0, 1.0, self.num_steps) for part in self._parts(start)]
        return torch.cat(ends).to(start).view(start.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density at `value`, (..., D): nats, up to the error of the solver."""
        ends = [
            integrate(self._both, _with_sum(part), 1.0, 0.0, self.num_steps) for part in self._parts(value)
        ]
        found = torch.cat(ends).to(value)
        start, change = found[:, :-1].view(value.shape), found[:, -1].view(value.shape[:-1])
        return self.base.log_prob(start) + change

    def _both(self, state: Tensor, t: Tensor) -> Tensor:
        velocity, divergence = self.field.velocity_and_divergence(state[:, :-1], t)
        return torch.cat([velocity, divergence.unsqueeze(1)], dim=1)

    def _parts(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.reshape(-1, self.noise_dim).to(next(self.field.parameters())).split(CHUNK)


def integrate(
    derivative: Callable[[Tensor, Tensor], Tensor], state: Tensor, start: float, stop: float, num_steps: int
) -> Tensor:
    """Return the solution at `stop` of dx/dt = derivative(x, t) from `state` at `start`, by classical Runge-Kutta steps."""
    step = (stop - start) / num_steps
    for number in range(num_steps):
        begin, middle, end = (state.new_full((1, 1), start + (number + part) * step) for part in (0, 0.5, 1))
        first = derivative(state, begin)
        second = derivative(state + step / 2 * first, middle)
        third = derivative(state + step / 2 * second, middle)
        last = derivative(state + step * third, end)
        state = state + step / 6 * (first + 2 * (second + third) + last)
    return state


def _with_sum(x: Tensor) -> Tensor:
    """Return x with a column in which the divergence adds up."""
    return torch.cat([x, torch.zeros_like(x[:, :1])], dim=1)


def _beside(field: Field, device: torch.device) -> Field:
    return field if next(field.parameters()).device == device else copy.deepcopy(field).to(device)
