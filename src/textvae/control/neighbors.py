"""The texts nearest to a text in latent space."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.config.fields import check_choice
from textvae.errors import LatentError

METRICS = ("cosine", "euclidean")
_CHUNK = 1024


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

    Args:
        queries: (Q, D).
        corpus: (N, D); cosine is taken about its mean, as posterior means need not be centred.
        k: at most N are returned.
        metric: cosine or euclidean.
    """
    check_choice("metric", metric, METRICS)
    if queries.shape[1:] != corpus.shape[1:]:
        raise LatentError(
            f"queries are {tuple(queries.shape)} and the corpus {tuple(corpus.shape)}; D must agree"
        )
    if metric == "cosine":
        centre = corpus.mean(dim=0)
        queries = torch.nn.functional.normalize(queries - centre, dim=-1)
        corpus = torch.nn.functional.normalize(corpus - centre, dim=-1)
    found = [_nearest(rows, corpus, min(k, len(corpus)), metric) for rows in queries.split(_CHUNK)]
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
    distances = 1 - queries @ corpus.T if metric == "cosine" else torch.cdist(queries, corpus)
    ordered, indices = distances.sort(dim=-1, stable=True)
    return ordered[:, :k], indices[:, :k]
