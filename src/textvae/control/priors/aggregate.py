"""The aggregate posterior (1/N) sum_n q(z|x_n) as something to draw from, in units in which it is nearly N(0, I)."""

import torch
from torch import Tensor

from textvae.distributions import Affine, DiagonalGaussian, Posterior, Prior, rows


class Aggregate:
    """Draws x = spread⁻¹ (z - loc) of the aggregate posterior of N texts, in float32; of mean 0 and covariance about I.

    The covariance is that of the aggregate posterior, drawn towards its diagonal as if D of N + D texts knew only that.

    Args:
        posterior: q(z|x) of N texts, over (N, D), on the CPU.
    """

    def __init__(self, posterior: DiagonalGaussian) -> None:
        self.posterior = posterior.with_tensors(*(tensor.float() for tensor in posterior.tensors))
        loc, num = posterior.loc.double(), len(posterior.loc)
        centred = loc - loc.mean(dim=0)
        covariance = centred.T @ centred / num + posterior.scale.double().square().mean(dim=0).diag()
        share = covariance.shape[0] / (num + covariance.shape[0])
        covariance = covariance.lerp(covariance.diagonal().diag(), share)
        self.loc, self.spread = loc.mean(dim=0), torch.linalg.cholesky(covariance)
        self._inverse = torch.linalg.inv(self.spread).float()

    def __len__(self) -> int:
        return len(self.posterior.loc)

    def draw(self, index: Tensor, generator: torch.Generator) -> Tensor:
        """Return a draw for each text of `index`, (B, D)."""
        chosen = rows(self.posterior, index)
        z = chosen.at(torch.randn(chosen.loc.shape, generator=generator))
        return (z - self.loc.float()) @ self._inverse.T

    def restored(self, inner: Prior) -> Affine:
        """Return the distribution of z, where x is distributed as `inner`: in float32."""
        return Affine(inner, self.loc.float(), self.spread.float())


def moments(posterior: Posterior, generator: torch.Generator) -> DiagonalGaussian:
    """Return means and scales of each text; of a posterior that is no Gaussian those of one draw, which has no spread."""
    if isinstance(posterior, DiagonalGaussian):
        return posterior
    shape = posterior.loc.shape
    z = posterior.at(torch.randn(shape, generator=generator, dtype=torch.float64))
    return DiagonalGaussian(z, torch.zeros_like(z))
