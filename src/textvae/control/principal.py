"""Principal axes of the posterior means of a corpus."""

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.errors import DataError, LatentError


@dataclass(frozen=True)
class PrincipalAxes:
    """The directions along which posterior means vary most.

    Attributes:
        mean: (D,) float64.
        directions: rows of length 1, (D, D), the one of most variance first; the largest number of each is positive.
        variances: of the means along them, (D,), unbiased.
    """

    mean: Tensor
    directions: Tensor
    variances: Tensor

    @property
    def shares(self) -> Tensor:
        """The share of the whole variance along each direction, (D,); zeros where nothing varies."""
        return self.variances / self.variances.sum().clamp_min(1e-300)

    def places(self, loc: Tensor, num: int) -> Tensor:
        """Return the coordinates of means, (N, D), along the first `num` directions, (N, num); beyond D they are 0."""
        found = (loc.double() - self.mean) @ self.directions[:num].T
        return torch.nn.functional.pad(found, (0, num - found.shape[1]))


def principal_axes(loc: Tensor) -> PrincipalAxes:
    """Return the principal axes of posterior means, (N, D), by the eigenvectors of their covariance (Pearson 1901).

    Raises:
        DataError: fewer than two texts.
        LatentError: not (N, D).
    """
    if loc.ndim != 2:
        raise LatentError(f"means have shape {tuple(loc.shape)}; (N, D) is needed")
    if len(loc) < 2:
        raise DataError(f"axes along which {len(loc)} texts vary were asked for; give at least 2 texts")
    loc = loc.double()
    mean = loc.mean(dim=0)
    centred = loc - mean
    variances, vectors = torch.linalg.eigh(centred.T @ centred / (len(loc) - 1))
    directions = vectors.T.flip(0)
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return PrincipalAxes(mean, directions * largest.sign(), variances.flip(0).clamp_min(0))
