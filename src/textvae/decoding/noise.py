"""Noise that belongs to a row: a pure function of (seed, row, position), whatever batch the row is in.

Philox is a counter-based generator (Salmon et al. 2011, doi:10.1145/2063384.2063405): its key is (seed, row).
Only its raw words are used, which NumPy keeps the same across versions.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from textvae.errors import ConfigError

_TOKENS, _LATENTS = 0, 1


def row_uniforms(seed: int, rows: Sequence[int], num_steps: int) -> Tensor:
    """Return uniform numbers in [0, 1), (B, num_steps) float64, one a row and step.

    >>> alone, together = row_uniforms(1, [7], 3), row_uniforms(1, [2, 7], 5)
    >>> bool((alone[0] == together[1, :3]).all())
    True

    Raises:
        ConfigError: the seed or a row number is outside 0..2^64-1.
    """
    words = _words(seed, rows, num_steps, _TOKENS)
    return torch.from_numpy((words >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def row_normals(seed: int, rows: Sequence[int], dim: int) -> Tensor:
    """Return standard normal numbers, (B, dim) float64, independent of `row_uniforms` of the same seed and rows.

    Raises:
        ConfigError: the seed or a row number is outside 0..2^64-1.
    """
    words = _words(seed, rows, dim, _LATENTS)
    # Mid-points of 2^52 cells: never 0 or 1, where the quantile function is infinite.
    uniforms = ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return torch.special.ndtri(torch.from_numpy(uniforms))


def normal_points(num: int, dim: int) -> Tensor:
    """Return `num` points, (num, dim) float64, that stand for N(0, I) in a mean over it, always the same ones.

    A Sobol sequence, scrambled, at the quantiles of the normal: randomised quasi-Monte Carlo (Buchholz et al. 2018,
    arXiv:1807.01604), whose means are nearer than those of as many draws.
    """
    points = torch.quasirandom.SobolEngine(dim, scramble=True, seed=0).draw(num, dtype=torch.float64)
    return torch.special.ndtri(points.clamp(2.0**-31, 1 - 2.0**-31))


def derived_seed(seed: int, index: int) -> int:
    """Return the seed of the `index`-th of several draws that must not be related to those of other seeds."""
    return int(np.random.SeedSequence([_checked(seed, "seed"), index]).generate_state(1, np.uint64)[0])


def _words(seed: int, rows: Sequence[int], num_words: int, stream: int) -> np.ndarray:
    words = np.empty((len(rows), num_words), np.uint64)
    generator = np.random.Philox(key=0)
    fresh = generator.state
    fresh["state"]["counter"] = np.array([0, 0, 0, stream], np.uint64)
    for i, row in enumerate(rows):
        fresh["state"]["key"] = np.array([_checked(seed, "seed"), _checked(row, "row")], np.uint64)
        generator.state = fresh
        words[i] = generator.random_raw(num_words)
    return words


def _checked(number: int, name: str) -> int:
    if not 0 <= number < 2**64:
        raise ConfigError(f"{name} is {number}; it must be in 0..2^64-1")
    return int(number)
