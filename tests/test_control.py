"""Paths and neighbours in latent space."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.control.interpolation import METHODS, path
from textvae.control.neighbors import nearest_rows, neighbors
from textvae.errors import ConfigError, DataError, LatentError

vectors = st.lists(st.floats(-5, 5), min_size=6, max_size=6).map(
    lambda values: torch.tensor(values, dtype=torch.float64).view(2, 3)
)


def angles(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Angles between rows, by the sine and the cosine."""
    a, b = a / a.norm(dim=-1, keepdim=True), b / b.norm(dim=-1, keepdim=True)
    return 2 * torch.atan2((a - b).norm(dim=-1), (a + b).norm(dim=-1))


@given(ends=vectors, steps=st.integers(2, 9), method=st.sampled_from(METHODS), single=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_ends_of_a_path_are_exact_and_all_of_it_finite(ends, steps, method, single):
    start, end = ends.float() if single else ends
    latents = path(start, end, steps=steps, method=method)
    assert latents.shape == (steps, 3)
    assert latents.dtype == start.dtype
    assert torch.equal(latents[0], start)
    assert torch.equal(latents[-1], end)
    assert bool(latents.isfinite().all())


@pytest.mark.parametrize("apart", [1e-5, 1e-3, 1.0, math.pi / 2, 3.0, math.pi - 1e-3, math.pi - 1e-5])
def test_along_the_arc_length_and_angle_change_evenly(apart):
    start = torch.tensor([2.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    end = 5 * torch.tensor([math.cos(apart), 0.0, math.sin(apart), 0.0], dtype=torch.float64)
    latents = path(start, end, steps=7)
    share = torch.linspace(0, 1, 7, dtype=torch.float64)
    torch.testing.assert_close(latents.norm(dim=1), 2 + 3 * share, rtol=1e-9, atol=0)
    torch.testing.assert_close(angles(latents, start.expand_as(latents)), apart * share, rtol=1e-6, atol=1e-9)


def test_single_precision_keeps_the_length_near_opposite_directions():
    start = torch.tensor([1.0, 0.0])
    end = torch.tensor([-1.0, 1e-3])
    torch.testing.assert_close(path(start, end, steps=5).norm(dim=1), torch.ones(5), rtol=1e-5, atol=0)


def test_a_straight_line_is_one():
    start, end = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -2.0])
    steps = path(start, end, steps=5, method="lerp").diff(dim=0)
    torch.testing.assert_close(steps, torch.tensor([0.5, -1.0]).expand(4, 2))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ([1.0, 2.0], [2.0, 4.0]),
        ([1.0, 2.0], [-2.0, -4.0]),
        ([0.0, 0.0], [1.0, 1.0]),
        ([0.0, 0.0], [0.0, 0.0]),
    ],
)
def test_where_there_is_no_arc_the_path_is_straight(start, end):
    start, end = torch.tensor(start), torch.tensor(end)
    torch.testing.assert_close(path(start, end, steps=6), path(start, end, steps=6, method="lerp"))


def test_paths_that_cannot_be_taken():
    a = torch.zeros(3)
    with pytest.raises(ConfigError, match="method is 'slurp'; did you mean slerp"):
        path(a, a, steps=3, method="slurp")
    with pytest.raises(ConfigError, match="steps is 1; it must be at least 2"):
        path(a, a, steps=1)
    with pytest.raises(LatentError, match=r"the ends have shapes \(3,\) and \(4,\); both must be \(D,\)"):
        path(a, torch.zeros(4), steps=3)


# Neighbours


def brute_force(queries, corpus, k, metric):
    centre = corpus.mean(0)
    found = []
    for query in queries:
        if metric == "cosine":
            pairs = [torch.stack([query - centre, row - centre]) for row in corpus]
            distances = [1 - float(torch.nn.functional.cosine_similarity(p[0], p[1], dim=0)) for p in pairs]
        else:
            distances = [float(((query - row) ** 2).sum() ** 0.5) for row in corpus]
        found.append(sorted(zip(distances, range(len(corpus)), strict=True))[:k])
    return found


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 4, 40])
def test_neighbours_are_those_of_a_search_one_by_one(metric, k, monkeypatch):
    monkeypatch.setattr("textvae.control.neighbors.DISTANCES_AT_ONCE", 100)  # several chunks
    torch.manual_seed(1)
    queries, corpus = torch.randn(11, 4, dtype=torch.float64) + 2, torch.randn(30, 4, dtype=torch.float64) + 2
    distances, indices = nearest_rows(queries, corpus, k=k, metric=metric)
    expected = brute_force(queries, corpus, k, metric)
    assert indices.tolist() == [[index for _, index in row] for row in expected]
    wanted = torch.tensor([[distance for distance, _ in row] for row in expected], dtype=torch.float64)
    torch.testing.assert_close(distances, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_a_text_is_nearest_to_itself_and_copies_come_in_order(metric):
    torch.manual_seed(2)
    rows = torch.randn(25, 33)
    corpus = torch.cat([rows, rows, rows[:3]])
    distances, indices = nearest_rows(rows, corpus, k=3, metric=metric)
    assert torch.equal(distances[:, :2], torch.zeros(25, 2, dtype=torch.float64))
    for row, found in enumerate(indices.tolist()):
        copies = [row, row + 25] + ([row + 50] if row < 3 else [])
        assert found[: len(copies)] == copies


def test_a_corpus_of_one_text_has_one_neighbour():
    z = torch.tensor([[1.0, 2.0]])
    for metric in ("cosine", "euclidean"):
        [[found]] = neighbors(z, z, ["only"], k=3, metric=metric)
        assert (found.text, found.index, found.distance) == ("only", 0, 0.0)


def test_neighbours_that_cannot_be_found():
    z = torch.zeros(2, 3)
    with pytest.raises(ConfigError, match="metric is 'cosin'; did you mean cosine"):
        nearest_rows(z, z, k=1, metric="cosin")
    with pytest.raises(ConfigError, match="k is 0; it must be at least 1"):
        nearest_rows(z, z, k=0)
    with pytest.raises(LatentError, match=r"queries are \(2, 3\) and the corpus \(2, 4\); D must agree"):
        nearest_rows(z, torch.zeros(2, 4), k=1)
    with pytest.raises(DataError, match="the corpus has 0 texts"):
        neighbors(z, torch.zeros(0, 3), [], k=1)
    assert neighbors(torch.zeros(0, 3), z, ["a", "b"], k=1) == []
