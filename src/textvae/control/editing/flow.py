"""The flow up the goals' log probability, dz/dtau = sum_i weight_i grad log p(value_i|z), solved to a tolerance.

It is stiff: sure goals bend within 1e-5 of the time that it goes on for, where explicit steps overshoot or diverge. The log
probability is concave and changes along the attributes' weights alone, so that linearly implicit steps are stable at any
length, and each is one Cholesky factor of the size of that subspace.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.control.editing.goals import Goal

TOLERANCE = 1e-4
"""Error a step in z, in log odds, and in standard deviations that a number is off: absolute, and relative to them."""
GAMMA = 0.5
STAGES = (((), ()), ((0.0,), (4.0,)), ((2.0, 0.0), (1.0, -1.0)), ((2.0, 0.0, 1.0), (1.0, -1.0, -8 / 3)))
"""RODAS3 (Sandu et al. 1997, doi:10.1016/S1352-2310(97)83212-8): L-stable, of order 3, stiffly accurate. Of each stage, the
weights of those before in its argument, and in its right-hand side. The step is its last argument and its last stage,
which is the difference to the embedded solution of order 2."""
SHORTEST, LONGEST, SAFETY = 0.1, 5.0, 0.9
"""Bounds of the ratio of a step to the one before, and the share taken of the longest step that seems right."""
NOTCHES = 4
"""Step sizes an octave: rounding, which differs from batch to batch, hardly ever changes which one is taken."""


@dataclass(frozen=True)
class _Part:
    """A goal in the subspace: what it reads is slope y + offset."""

    slope: Tensor  # (C, R): of a number in standard deviations, C = 1
    offset: Tensor  # (C,)
    place: int | None  # of the wanted category; None: a number, wanted at 0
    weight: float

    @classmethod
    def of(cls, goal: Goal, basis: Tensor) -> "_Part":
        """Return a goal along a basis, (D, R)."""
        weight, bias = (
            torch.from_numpy(part).to(basis) for part in (goal.attribute.weight, goal.attribute.bias)
        )
        slope = weight @ basis
        if not goal.attribute.is_number:
            return cls(slope, bias, goal.attribute.place(goal.value), goal.weight)
        deviation = goal.attribute.deviation
        off = bias - goal.attribute.number(goal.value)
        return cls(slope / deviation, off / deviation, None, goal.weight)

    def reading(self, y: Tensor) -> Tensor:
        """Return logits, or the standard deviations that a number is off, (N, C)."""
        return _products(self.slope, y) + self.offset

    def ascent(self, y: Tensor) -> Tensor:
        """Return weight times the gradient of the log probability, (N, R)."""
        reading = self.reading(y)
        if self.place is None:
            return -self.weight * reading * self.slope
        missing = -reading.softmax(-1)
        missing[:, self.place] += 1
        return self.weight * _products(self.slope.T, missing)

    def curvature(self, y: Tensor) -> Tensor:
        """Return weight times the Hessian of -log p, (N, R, R): positive semi-definite."""
        if self.place is None:
            return (self.weight * self.slope.T @ self.slope).expand(len(y), -1, -1)
        probabilities = self.reading(y).softmax(-1)
        centred = self.slope - _products(self.slope.T, probabilities).unsqueeze(1)  # (N, C, R)
        return self.weight * centred.mT @ (probabilities.unsqueeze(2) * centred)


def flowed(z: Tensor, goals: Sequence[Goal], duration: float) -> Tensor:
    """Return where the flow takes each z after a time tau, (N, D) float64.

    Each row has its own steps: what becomes of it does not depend on the others.

    Args:
        z: (N, D).
        goals: one at least.
        duration: tau, at least 0.
    """
    z = z.double()
    weights = torch.cat([torch.from_numpy(goal.attribute.weight).to(z) for goal in goals])
    basis, _ = torch.linalg.qr(weights.T)  # (D, R); what lies across it stays
    parts = [_Part.of(goal, basis) for goal in goals]
    start = _products(basis.T, z)
    return z + _products(basis, _solved(start, parts, duration) - start)


def _solved(y: Tensor, parts: Sequence[_Part], duration: float) -> Tensor:
    y = y.clone()
    left = torch.full_like(y[:, 0], duration)
    steepest = torch.stack([part.weight * part.slope.square().sum() for part in parts]).sum()
    steps = (left / (1 + steepest * duration)).clamp(max=duration)
    rows = torch.arange(len(y), device=y.device)[left > 0]
    while len(rows):
        step = torch.minimum(steps[rows], left[rows])
        after, error = _step(y[rows], parts, step)
        good = (error <= 1) | ~error.isfinite()  # no shorter step mends a goal beyond all numbers
        y[rows[good]] = after[good]
        left[rows[good]] -= step[good]
        ratio = (SAFETY * error ** (-1 / 3)).clamp(SHORTEST, LONGEST)
        ratio = torch.where(good, ratio, ratio.clamp(max=SAFETY))
        steps[rows] = step * (NOTCHES * ratio.log2()).floor().div(NOTCHES).exp2()
        rows = rows[left[rows] > 0]
    return y


def _step(y: Tensor, parts: Sequence[_Part], step: Tensor) -> tuple[Tensor, Tensor]:
    """Return y, (N, R), after a step, (N,), and its error, (N,), 1 where it is what is allowed."""
    curvature = torch.stack([part.curvature(y) for part in parts]).sum(0)
    shift = torch.diag_embed((1 / (GAMMA * step)).unsqueeze(1).expand_as(y))
    factor, _ = torch.linalg.cholesky_ex(curvature + shift)
    stages: list[Tensor] = []
    for inside, beside in STAGES:
        at = y + _summed(inside, stages, y)
        slope = torch.stack([part.ascent(at) for part in parts]).sum(0)
        slope = slope + _summed(beside, stages, y) / step.unsqueeze(1)
        stages.append(torch.cholesky_solve(slope.unsqueeze(2), factor).squeeze(2))
    after = at + stages[-1]
    return after, _error(after, stages[-1], parts)


def _error(y: Tensor, difference: Tensor, parts: Sequence[_Part]) -> Tensor:
    """Return the largest error, of y and of what is read from it, in what is allowed of each, (N,)."""
    pairs = [(y, difference), *((part.reading(y), _products(part.slope, difference)) for part in parts)]
    shares = [off.abs() / (TOLERANCE * (1 + value.abs())) for value, off in pairs]
    return torch.cat(shares, dim=1).amax(1)


def _summed(weights: Sequence[float], stages: Sequence[Tensor], like: Tensor) -> Tensor:
    found = torch.zeros_like(like)
    for weight, stage in zip(weights, stages, strict=True):
        found = found + weight * stage
    return found


def _products(matrix: Tensor, rows: Tensor) -> Tensor:
    """Return the product of a matrix, (M, R), with each row, (N, R), as (N, M): a matrix product's rounding goes by N."""
    return (matrix * rows.unsqueeze(1)).sum(2)
