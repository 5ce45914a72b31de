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
SOBOL_BITS = 30
"""Binary digits that PyTorch's Sobol sequences have."""


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
    return _quantiles(_sobol(num, dim))


def row_points(seed: int, rows: Sequence[int], num: int, dim: int) -> Tensor:
    """Return standard normal numbers, (B, num, dim) float64: those of a row lie apart from each other, as `normal_points` do.

    The same points for all rows, the digits of each row's shifted by noise of its own, which leaves a net a net (L'Ecuyer and
    Lemieux 2002, doi:10.1007/0-306-48102-2_20): a single one is N(0, I), and rows are independent.

    Raises:
        ConfigError: the seed or a row number is outside 0..2^64-1.
    """
    words = _words(seed, rows, dim, _LATENTS) >> np.uint64(64 - SOBOL_BITS)
    shifts = torch.from_numpy(words.astype(np.int64)).unsqueeze(1)  # (B, 1, dim)
    return _quantiles(_sobol(num, dim) ^ shifts)


def _sobol(num: int, dim: int) -> Tensor:
    """Return the points of a scrambled Sobol sequence, (num, dim), as `SOBOL_BITS` binary digits each."""
    if num == 0 or dim == 0:  # nothing asked for, or of a model without z
        return torch.empty(num, dim, dtype=torch.int64)
    points = torch.quasirandom.SobolEngine(dim, scramble=True, seed=0).draw(num, dtype=torch.float64)
    return (points * 2**SOBOL_BITS).to(torch.int64)


def _quantiles(digits: Tensor) -> Tensor:
    # Mid-points of cells: never 0 or 1, where the quantile function is infinite.
    return torch.special.ndtri((digits.double() + 0.5) * 2.0**-SOBOL_BITS)


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
