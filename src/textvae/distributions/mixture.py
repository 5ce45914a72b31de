"""The mixture of diagonal Gaussians, as a `torch.distributions.Distribution`."""

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

    def at(self, noise: Tensor, uniforms: Tensor) -> Tensor:
        """Return a sample for each row of standard normal `noise`, (B, D), and each of `uniforms` in [0, 1), (B,).

        The uniform number chooses the component, the noise the place in it.
        """
        bounds = self.weights.cumsum(dim=0)
        chosen = (uniforms.to(bounds).unsqueeze(1) >= bounds).sum(dim=1).clamp(max=len(bounds) - 1)
        return self.loc[chosen] + self.scale[chosen] * noise
