"""The velocity field of a prior fitted by flow matching: a network whose divergence costs no more than itself."""

import math

import torch
from torch import Tensor, nn

from textvae.distributions import Field

TIME_DIM = 64


class VelocityField(Field):
    """v(x, t) = [(2t - 1) u + W3 (g(t) * silu(W2 silu(W1 u + a(t)) + b(t)))] / r, r² = t² + (1 - t)², u = x / r.

    With W3 = 0, as at first, this carries N(0, I) to itself, along straight paths from independent ends; the network is what the
    data differ by. It has two hidden layers and no normalisation: so the trace of its Jacobian is d2ᵀ (W2 * (W1 W3)ᵀ) d1 with the
    derivatives d1, d2 of the two layers, exact for the cost of one more layer, where a deeper one would need D passes.

    Args:
        dim: D.
        width: hidden units of each layer, H.
    """

    frequencies: Tensor

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.dim, self.width = dim, width
        self.first, self.second = _heeding(nn.Linear(dim, width), 1.0), _heeding(nn.Linear(width, width), 1.5)
        self.last = _zero(nn.Linear(width, dim))
        self.clock = nn.Linear(TIME_DIM, TIME_DIM)
        self.shifts = _zero(nn.Linear(TIME_DIM, 3 * width))  # a, b and g - 1
        self.register_buffer("frequencies", torch.arange(TIME_DIM // 2) * math.pi / 2, persistent=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return `velocity`."""
        return self.velocity(x, t)

    def velocity(self, x: Tensor, t: Tensor) -> Tensor:
        """Return v, (N, D), at points x, (N, D), and times t, (N, 1) or (1, 1)."""
        place, radius = _placed(x, t)
        _, after, gains = self._layers(place, t)
        return self._turned(place, after, gains, t) / radius

    def velocity_and_divergence(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return v, (N, D), and the trace of its Jacobian dv/dx, (N,)."""
        place, radius = _placed(x, t)
        before, after, gains = self._layers(place, t)
        velocity = self._turned(place, after, gains, t) / radius
        loops = self.second.weight * (self.first.weight @ self.last.weight).T  # (H, H)
        trace = (gains * silu_slope(after) * (silu_slope(before) @ loops.T)).sum(dim=1, keepdim=True)
        return velocity, (((2 * t - 1) * self.dim + trace) / radius.square()).squeeze(1).expand(len(x))

    def _turned(self, place: Tensor, after: Tensor, gains: Tensor, t: Tensor) -> Tensor:
        """Return r v."""
        return (2 * t - 1) * place + self.last(gains * silu(after))

    def _layers(self, place: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what enters both activations, (N, H) each, and the gains of the second."""
        angles = t * self.frequencies
        time = silu(self.clock(torch.cat([angles.cos(), angles.sin()], dim=1)))
        first, second, gains = self.shifts(time).chunk(3, dim=1)
        before = self.first(place) + first
        return before, self.second(silu(before)) + second, 1 + gains


def silu(x: Tensor) -> Tensor:
    """Return x sigmoid(x)."""
    return nn.functional.silu(x)


def silu_slope(x: Tensor) -> Tensor:
    """Return the derivative of `silu`."""
    sigmoid = x.sigmoid()
    return sigmoid * (1 + x * (1 - sigmoid))


def _placed(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return x in units of its deviation at time t, were the data N(0, I), and that deviation."""
    radius = (t.square() + (1 - t).square()).sqrt()
    return x / radius, radius


def _heeding(layer: nn.Linear, gain: float) -> nn.Linear:
    """Return the layer with weights that keep the size of what they read; PyTorch's own make it smaller."""
    nn.init.normal_(layer.weight, std=gain / layer.in_features**0.5)
    return layer


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
