"""Where the decoder was trained: a region of z outside which a search has no business."""

import torch
from torch import Tensor
from torch.nn.functional import normalize

from textvae.decoding.noise import row_normals
from textvae.distributions import Prior, SphereUniform, wide

SHARE = 0.99
"""Of the prior's mass that lies within the region."""
NUM_DRAWS = 1000
"""Draws from which its bound, its scale and its anchors are taken."""
HALVINGS = 25
"""Of the way from an anchor to a point outside: to about 1e-7 of it."""


class TrustRegion:
    """The region of highest density that holds 99 % of the prior: every z with log p(z) at or above a bound.

    Hyndman 1996, doi:10.1080/00031305.1996.10474359, section 3.2: the bound is the 1 % quantile of log p(z) over draws. Of a
    Gaussian it is the ball in Mahalanobis distance, of a mixture the union of what lies near its components. A point outside
    is moved straight towards the nearest of the draws, or of their mean where that lies in the region, until it is in. On the sphere of a von
    Mises-Fisher posterior all directions are alike, and a point is moved to the sphere.

    Attributes:
        scale: standard deviations of the draws, (D,).
        low: least coordinates of the draws, (D,).
        high: greatest ones, (D,).

    Args:
        prior: p(z) over (D,), or p(z|c) of one condition over (1, D).
        seed: of the draws.
    """

    def __init__(self, prior: Prior, *, seed: int = 0) -> None:
        self._prior, self._on_sphere = wide(prior), isinstance(prior, SphereUniform)
        draws = self.draws(range(NUM_DRAWS), seed=seed)
        densities = self._prior.log_prob(draws)
        self.bound = float(densities.quantile(1 - SHARE))
        self.scale, self.low, self.high = draws.std(dim=0), draws.amin(dim=0), draws.amax(dim=0)
        anchors = torch.cat([draws[densities >= self.bound], draws.mean(dim=0, keepdim=True)])
        self._anchors = anchors[self.contains(anchors)]

    def draws(self, rows: range, *, seed: int) -> Tensor:
        """Return z ~ p(z), (N, D) float64, noise by (seed, row)."""
        return self._prior.at(row_normals(seed, rows, self._prior.noise_dim))

    def contains(self, z: Tensor) -> Tensor:
        """Return whether each z, (N, D), lies in the region, (N,)."""
        if self._on_sphere:
            return (z.norm(dim=-1) - 1).abs() < 1e-6
        return self._prior.log_prob(z.double()) >= self.bound

    def projected(self, z: Tensor) -> Tensor:
        """Return z, (N, D), those outside moved to the region's edge, float64."""
        z = z.double()
        if self._on_sphere:
            return normalize(z, dim=-1)
        outside = (~self.contains(z)).nonzero().squeeze(1)
        if not len(outside):
            return z
        far = z[outside]
        near = self._anchors[torch.cdist(far, self._anchors).argmin(dim=1)]
        inside, beyond = torch.zeros(len(far), 1, dtype=z.dtype), torch.ones(len(far), 1, dtype=z.dtype)
        for _ in range(HALVINGS):
            middle = (inside + beyond) / 2
            is_in = self.contains(near + middle * (far - near)).unsqueeze(1)
            inside, beyond = torch.where(is_in, middle, inside), torch.where(is_in, beyond, middle)
        return z.index_copy(0, outside, near + inside * (far - near))
