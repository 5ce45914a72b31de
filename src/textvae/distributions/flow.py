"""Normalising flows, as `torch.distributions.Distribution`s: a Gaussian seen through an invertible network."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from textvae.distributions.gaussian import DiagonalGaussian


class FlowDistribution(Distribution):
    """z = T⁻¹(y) for y ~ base: log p(z) = log base(T(z)) + log |det dT/dz|.

    Rezende and Mohamed 2015, arXiv:1505.05770, eq. 5; T points from z to the base as in Papamakarios et al. 2017,
    arXiv:1705.07057.

    Args:
        base: the Gaussian, over (..., D).
        flow: from `context`, or None, to the transform T (a lazy transform of zuko).
        context: what T depends on, (..., H); None: nothing.
    """

    arg_constraints = {}  # noqa: RUF012  (torch's own class attribute)

    def __init__(self, base: DiagonalGaussian, flow: nn.Module, context: Tensor | None = None) -> None:
        self.base, self.flow, self.context = base, flow, context
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Means and standard deviations of the base, and the context where there is one."""
        return self.base.tensors if self.context is None else (*self.base.tensors, self.context)

    def with_tensors(self, *tensors: Tensor) -> "FlowDistribution":
        """Return the flow over another base and context; in another precision or place by a copy of its weights."""
        loc, scale, *context = tensors
        return FlowDistribution(DiagonalGaussian(loc, scale), _like(self.flow, loc), *context)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.event_shape[0]

    @property
    def loc(self) -> Tensor:
        """Where T⁻¹ takes the mean of the base, (..., D); the mean itself has no closed form."""
        return self._from_base(self.base.loc)

    def at(self, noise: Tensor) -> Tensor:
        """Return T⁻¹(loc + scale * noise)."""
        return self._from_base(self.base.at(noise))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density of z = `value`, which may have further dimensions in front of the batch's: nats."""
        value = value.expand(torch.broadcast_shapes(value.shape, self.base.loc.shape))
        with torch.autocast(value.device.type, enabled=False):
            places, log_determinant = self._transform().call_and_ladj(value)
            return self.base.log_prob(places) + log_determinant

    def _from_base(self, places: Tensor) -> Tensor:
        with torch.autocast(places.device.type, enabled=False):
            return self._transform().inv(places)

    def _transform(self) -> Any:
        return self.flow(self.context)


def _like(flow: nn.Module, tensor: Tensor) -> nn.Module:
    weights = next(flow.parameters())
    if (weights.dtype, weights.device) == (tensor.dtype, tensor.device):
        return flow
    return copy.deepcopy(flow).to(tensor)
