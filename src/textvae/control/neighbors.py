"""The texts nearest to a text in latent space."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from textvae.config.fields import check_choice, check_count
from textvae.errors import DataError, LatentError

METRICS = ("cosine", "euclidean")
DISTANCES_AT_ONCE = 2**23
"""Distances held in memory: 64 MiB."""


@dataclass(frozen=True)
class Neighbor:
    """One text of the corpus and how far it is."""

    text: str
    index: int
    """Its place in the corpus."""
    distance: float
    """1 - cosine, or Euclidean."""


def nearest_rows(queries: Tensor, corpus: Tensor, *, k: int, metric: str = "cosine") -> tuple[Tensor, Tensor]:
    """Return distances and indices, (Q, k) each, of the corpus rows nearest to each query; equal ones by index.

    In float64, so that a text is nearest to itself and copies of one text are equally near.

    Args:
        queries: (Q, D).
        corpus: (N, D); cosine is taken about its mean, as posterior means need not be centred.
        k: at most N are returned.
        metric: cosine or euclidean.

    Raises:
        ConfigError: an unknown metric, or a k below 1.
        DataError: the corpus is empty.
        LatentError: shapes differ.
    """
    check_choice("metric", metric, METRICS)
    check_count("k", k, 1)
    if queries.shape[1:] != corpus.shape[1:]:
        raise LatentError(
            f"queries are {tuple(queries.shape)} and the corpus {tuple(corpus.shape)}; D must agree"
        )
    if not len(corpus):
        raise DataError("the corpus has 0 texts; neighbours need at least one")
    queries, corpus = queries.double(), corpus.double()
    if metric == "cosine":
        centre = corpus.mean(dim=0)
        queries, corpus = normalize(queries - centre, dim=-1), normalize(corpus - centre, dim=-1)
    chunks = queries.split(max(1, DISTANCES_AT_ONCE // len(corpus)))
    found = [_nearest(rows, corpus, min(k, len(corpus)), metric) for rows in chunks]
    return torch.cat([distances for distances, _ in found]), torch.cat([indices for _, indices in found])


def neighbors(
    queries: Tensor, corpus: Tensor, texts: Sequence[str], *, k: int, metric: str = "cosine"
) -> list[list[Neighbor]]:
    """Return the k nearest texts of each query, nearest first; `texts` are those of the rows of `corpus`."""
    distances, indices = nearest_rows(queries, corpus, k=k, metric=metric)
    return [
        [Neighbor(texts[i], i, d) for d, i in zip(row_distances, row_indices, strict=True)]
        for row_distances, row_indices in zip(distances.tolist(), indices.tolist(), strict=True)
    ]


def _nearest(queries: Tensor, corpus: Tensor, k: int, metric: str) -> tuple[Tensor, Tensor]:
    # Not by a matrix product, in which equal rows may give unequal last digits.
    distances = torch.cdist(queries, corpus, compute_mode="donot_use_mm_for_euclid_dist")
    if metric == "cosine":
        distances = distances.square() / 2  # of unit vectors: 1 - cosine
    ordered, indices = distances.sort(dim=-1, stable=True)
    return ordered[:, :k], indices[:, :k]
