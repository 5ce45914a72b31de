"""The mixture of diagonal Gaussians, as a `torch.distributions.Distribution`."""

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily

from textvae.distributions.gaussian import DiagonalGaussian


class GaussianMixture(MixtureSameFamily):
    """sum_k weights_k N(loc_k, diag(scale_k²)) over the last dimension.

    Args:
        weights: (C,), positive, of sum 1.
        loc: means of the components, (C, D).
        scale: standard deviations, (C, D), positive.
    """

    def __init__(self, weights: Tensor, loc: Tensor, scale: Tensor) -> None:
        self.weights, self.loc, self.scale = weights, loc, scale
        components = DiagonalGaussian(loc, scale)
        super().__init__(Categorical(probs=weights, validate_args=False), components, validate_args=False)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Weights, means and standard deviations."""
        return self.weights, self.loc, self.scale

    def with_tensors(self, *tensors: Tensor) -> "GaussianMixture":
        """Return the mixture of other weights, means and standard deviations."""
        return GaussianMixture(*tensors)

    @property
    def noise_dim(self) -> int:
        """D, and one for the component."""
        return self.loc.shape[1] + 1

    def at(self, noise: Tensor) -> Tensor:
        """Return a draw for each row of standard normal `noise`, (..., D + 1).

        The first D numbers choose the place in a component, the last one the component: by its quantile.
        """
        bounds = self.weights.cumsum(dim=0)
        quantiles = torch.special.ndtr(noise[..., -1:]).to(bounds)
        chosen = (quantiles >= bounds).sum(dim=-1).clamp(max=len(bounds) - 1)
        return self.loc[chosen] + self.scale[chosen] * noise[..., :-1]
