"""The distance of two samples: maximum mean discrepancy."""

from collections.abc import Sequence

import torch
from torch import Tensor


def squared_mmd(a: Tensor, b: Tensor, scales: Sequence[float] = (1.0,)) -> Tensor:
    """Return the unbiased squared MMD of two samples, a scalar without unit; by chance it may be below 0.

    Gretton et al. 2012, JMLR 13, eq. 3, with the inverse multiquadratic kernel C / (C + |a - b|²), C = 2 D s, summed over
    scales s (Tolstikhin et al. 2018, arXiv:1711.01558, section 4).

    Args:
        a: (N, D), N at least 2.
        b: (M, D), M at least 2.
        scales: s.
    """
    n, m, own = len(a), len(b), len(scales)  # a point and itself: every kernel is 1
    within_a = (_kernel(a, a, scales).sum() - own * n) / (n * (n - 1))
    within_b = (_kernel(b, b, scales).sum() - own * m) / (m * (m - 1))
    return within_a + within_b - 2 * _kernel(a, b, scales).mean()


def _kernel(a: Tensor, b: Tensor, scales: Sequence[float]) -> Tensor:
    """Return the sum of kernels of all pairs, (N, M)."""
    # not cdist: its gradient at distance 0 is not finite
    squares = (a.square().sum(dim=1, keepdim=True) + b.square().sum(dim=1) - 2 * a @ b.T).clamp(min=0)
    total = torch.zeros_like(squares)
    for scale in scales:
        constant = 2 * a.shape[1] * scale
        total = total + constant / (constant + squares)
    return total
