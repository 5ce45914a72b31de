"""The diagonal Gaussian, as a `torch.distributions.Distribution`."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Independent, Normal


class DiagonalGaussian(Independent):
    """N(loc, diag(scale²)) over the last dimension.

    Args:
        loc: means, (..., D).
        scale: standard deviations, (..., D), positive.
    """

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(Normal(loc, scale, validate_args=False), 1, validate_args=False)

    @property
    def loc(self) -> Tensor:
        """Means, (..., D)."""
        return self.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """Standard deviations, (..., D)."""
        return self.base_dist.scale

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Means and standard deviations."""
        return self.loc, self.scale

    def with_tensors(self, *tensors: Tensor) -> "DiagonalGaussian":
        """Return the Gaussian of other means and standard deviations."""
        return DiagonalGaussian(*tensors)

    @property
    def noise_dim(self) -> int:
        """D."""
        return self.event_shape[0]

    def expand(self, batch_shape: Sequence[int], _instance: object = None) -> "DiagonalGaussian":
        """Return the same distribution repeated over `batch_shape`."""
        shape = (*batch_shape, *self.event_shape)
        return DiagonalGaussian(self.loc.expand(shape), self.scale.expand(shape))

    def at(self, noise: Tensor) -> Tensor:
        """Return z = loc + scale * noise: the reparameterised sample for standard normal `noise`.

        Kingma and Welling 2014, arXiv:1312.6114, section 2.4.
        """
        return self.loc + self.scale * noise


def standard_normal(dim: int, *, like: Tensor) -> DiagonalGaussian:
    """Return N(0, I) of `dim` dimensions on the device and in the precision of `like`."""
    zeros = torch.zeros(dim, device=like.device, dtype=like.dtype)
    return DiagonalGaussian(zeros, torch.ones_like(zeros))
