"""Posterior means as points in the plane."""

from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor

from textvae.config.fields import check_choice
from textvae.control.principal import principal_axes
from textvae.errors import DataError, MissingExtraError

PCA, UMAP = "pca", "umap"
METHODS = (PCA, UMAP)
MIN_TEXTS = 3
NUM_NEIGHBORS = 15
"""UMAP's own default: texts whose distances it tries to keep."""


def check_method(method: str) -> None:
    """Refuse what cannot be done, before anything is read.

    Raises:
        ConfigError: an unknown method.
        MissingExtraError: umap-learn is needed and not installed.
    """
    check_choice("method", method, METHODS)
    if method == UMAP:
        _umap()


def project(
    loc: Tensor, method: str = PCA, *, seed: int = 0
) -> tuple[np.ndarray, tuple[float, float] | None]:
    """Return points, (N, 2) float64, and the shares of the variance of the means along both axes.

    pca: the first two principal axes, distances shrunk by what is left out. umap: neighbours stay neighbours as far as they
    can (McInnes et al. 2018, arXiv:1802.03426); distances between groups and the axes mean nothing, and there are no shares.

    Args:
        loc: posterior means, (N, D).
        method: pca or umap.
        seed: of umap.

    Raises:
        ConfigError: an unknown method.
        DataError: fewer than three texts.
        MissingExtraError: umap-learn is needed and not installed.
    """
    check_method(method)
    if len(loc) < MIN_TEXTS:
        raise DataError(f"a map of {len(loc)} texts was asked for; give at least {MIN_TEXTS}")
    if method == UMAP:
        near = min(NUM_NEIGHBORS, len(loc) - 1)
        start = "spectral" if len(loc) > MIN_TEXTS + 1 else "random"
        reducer = _umap().UMAP(n_components=2, n_neighbors=near, init=start, random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(loc.float().numpy()), dtype=np.float64), None
    axes = principal_axes(loc)
    first, second, *_ = [*axes.shares.tolist(), 0.0]
    return axes.places(loc, 2).numpy(), (first, second)


def _umap() -> Any:
    try:
        return import_module("umap")
    except ImportError as error:
        raise MissingExtraError("umap-learn", "map") from error
