"""Samplers draw from exactly the filtered distribution; noise belongs to its row."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.decoding.noise import normal_points, row_normals, row_points, row_uniforms
from textvae.decoding.samplers import BLOCK, FLOOR, NUM_UNIFORMS, Sampler, draw, in_top_p, keep_top_p
from textvae.errors import ConfigError


def exact_distribution(scores, *, temperature=1.0, top_k=0, top_p=1.0, min_p=0.0):
    """The definition, for one row in float64: temperature, then each filter on what the last one left."""
    scaled = np.asarray(scores, dtype=np.float64) / temperature
    probs = np.exp(scaled - scaled.max())
    probs /= probs.sum()
    if top_k:
        probs = np.where(probs >= np.sort(probs)[::-1][min(top_k, len(probs)) - 1], probs, 0)
        probs /= probs.sum()
    if top_p < 1:
        order = np.argsort(-probs, kind="stable")
        total, kept = 0.0, 0
        while total < top_p and kept < len(order):
            total += probs[order[kept]]
            kept += 1
        probs = np.where(probs >= probs[order[kept - 1]], probs, 0)
        probs /= probs.sum()
    if min_p:
        probs = np.where(probs >= min_p * probs.max() * (1 - 1e-12), probs, 0)
    return probs / probs.sum()


SETTINGS = [
    {},
    {"temperature": 0.6},
    {"temperature": 1.7},
    {"top_k": 4},
    {"top_p": 0.7},
    {"min_p": 0.2},
    {"temperature": 0.8, "top_k": 7, "top_p": 0.9, "min_p": 0.05},
]


@pytest.mark.parametrize("options", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_draws_follow_the_exact_filtered_distribution(options, dtype):
    scores = torch.randn(12, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 1.5
    scores[5] = -math.inf
    expected = exact_distribution(scores.numpy(), **options)
    count = 20_000
    uniforms = row_uniforms(11, range(count), NUM_UNIFORMS)
    tokens = Sampler(**options)(scores.to(dtype).expand(count, -1).contiguous(), uniforms)
    observed = np.bincount(tokens.numpy(), minlength=12)
    possible = expected > 0
    assert observed[~possible].sum() == 0
    chi_square = ((observed - count * expected)[possible] ** 2 / (count * expected[possible])).sum()
    freedom = possible.sum() - 1
    assert chi_square < freedom + 4 * math.sqrt(2 * freedom)


@given(
    st.integers(0, 10**6),
    st.integers(2, 400),
    st.floats(0.1, 4),
    st.floats(0.05, 3),
    st.integers(0, 12),
    st.floats(0.02, 1),
    st.floats(0, 1),
)
@settings(max_examples=80, deadline=None)
def test_filters_keep_what_the_definition_keeps(seed, vocab_size, spread, temperature, top_k, top_p, min_p):
    scores = (
        torch.randn(3, vocab_size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        * spread
    )
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    kept = Sampler(**options).filtered(scores)
    probs = (kept / kept.sum(-1, keepdim=True)).numpy()
    for row, row_scores in zip(probs, scores.numpy(), strict=True):
        np.testing.assert_allclose(row, exact_distribution(row_scores, **options), atol=1e-9)


@pytest.mark.parametrize("p", [0.3, 0.9, 0.999])
def test_top_p_is_exact_above_the_first_floor_and_below_it(p):
    generator = torch.Generator().manual_seed(0)
    spreads = torch.tensor([[0.0001], [0.5], [1.0], [3.0], [10.0], [100.0]], dtype=torch.float64)
    scores = torch.randn(6, 6000, generator=generator, dtype=torch.float64) * spreads
    kept = keep_top_p(scores.softmax(-1), p) > 0
    least = scores.softmax(-1).where(kept, 1).amin(1)
    assert least[0] < FLOOR < least[-1]  # the first row needs more than the first look, the last does not
    for row, row_scores in zip(kept.numpy(), scores.numpy(), strict=True):
        assert (row == (exact_distribution(row_scores, top_p=p) > 0)).all()


@pytest.mark.parametrize("p", [0.2, 0.9, 0.999])
def test_a_token_lies_in_what_top_p_keeps_or_not(p):
    probs = rows_of_all_kinds(400).double()
    kept = keep_top_p(probs, p) > 0
    for token in range(0, 400, 7):
        tokens = torch.full((len(probs),), token)
        allowed = probs[:, token] > 0  # what is banned is never asked about
        assert torch.equal(in_top_p(probs, tokens, p)[allowed], kept[allowed, token])


def test_the_floor_of_top_p_changes_nothing():
    scores = torch.randn(8, 300, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    kept = [keep_top_p(scores.softmax(-1), 0.8, floor=floor) > 0 for floor in (0, 1e-6, 1e-3, 0.1, 1)]
    assert all((other == kept[0]).all() for other in kept)


def test_top_p_next_to_one_survives_rounding():
    scores = torch.randn(30, 700, generator=torch.Generator().manual_seed(4))
    scores[:, 3] = -math.inf
    kept = keep_top_p(scores.softmax(-1), 1 - 1e-16)
    assert kept.sum(1).min() > 1 - 1e-4
    assert not kept[:, 3].any()


def test_top_p_counts_mass_after_top_k():
    # .4 .3 .2 .1: of the top two, renormalised, the first holds 4/7 > .55 alone; of all four it holds .4.
    scores = torch.tensor([[0.4, 0.3, 0.2, 0.1]], dtype=torch.float64).log()
    assert Sampler(top_k=2, top_p=0.55).filtered(scores).bool().tolist() == [[True, False, False, False]]
    assert Sampler(top_p=0.55).filtered(scores).bool().tolist() == [[True, True, False, False]]


def test_ties_at_the_edge_are_all_kept():
    scores = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
    assert Sampler(top_k=2).filtered(scores).bool().tolist() == [[True, False, True, True]]
    assert Sampler(top_p=0.1).filtered(scores).bool().tolist() == [[True, False, True, True]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_extreme_uniforms_never_choose_a_banned_token(dtype):
    scores = torch.randn(400, 50, generator=torch.Generator().manual_seed(5), dtype=dtype) * 6
    scores[:, [0, 1, 20, 48, 49]] = -math.inf
    for uniform in (0.0, 1 - 2**-53, 1 - 2**-24, 1.0):
        tokens = draw(scores.softmax(-1), torch.full((400, 2), uniform, dtype=torch.float64))
        assert scores.gather(1, tokens.unsqueeze(1)).isfinite().all(), uniform


def both(uniforms):
    """Return the same number for the block and the place in it; there is one block."""
    return uniforms.unsqueeze(1).expand(-1, 2)


def test_the_inverse_cdf_maps_quantiles_to_tokens():
    probs = torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64).expand(5, -1)
    uniforms = torch.tensor([0.0, 0.24, 0.26, 0.74, 0.76], dtype=torch.float64)
    assert draw(probs, both(uniforms)).tolist() == [0, 0, 1, 1, 2]
    edges = torch.tensor([0.0, 0.25, 0.5, 0.75], dtype=torch.float64)
    assert draw(torch.ones(4, 4), both(edges)).tolist() == [0, 1, 2, 3]  # each token owns [from, to)


def rows_of_all_kinds(vocab_size):
    """Peaked, flat, tied, hardly any and one token allowed: probabilities, (B, V) float32, some 0."""
    scores = torch.randn(60, vocab_size, generator=torch.Generator().manual_seed(vocab_size))
    scores[10:20] *= 12
    scores[20:30] = 0
    scores[30:40] = scores[30:40].round()
    scores[40:, ::3] = -math.inf
    scores[50:55, 1:] = -math.inf
    scores[50:55, 0] = 1
    scores[55:, : vocab_size - 1] = -math.inf
    scores[55:, -1] = 1
    return scores.softmax(-1)


@pytest.mark.parametrize("vocab_size", [5, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK, 1000])
def test_a_draw_is_that_of_a_block_and_of_a_token_in_it(vocab_size):
    probs = rows_of_all_kinds(vocab_size)
    blocks = torch.nn.functional.pad(probs.double(), (0, -vocab_size % BLOCK)).unflatten(1, (-1, BLOCK))
    for uniforms in row_uniforms(3, range(60), 40).unflatten(1, (-1, 2)).unbind(1):
        tokens = draw(probs, uniforms)
        assert (probs.gather(1, tokens.unsqueeze(1)) > 0).all()
        block, near = plainly(blocks.sum(2), uniforms[:, 0])
        place, also_near = plainly(blocks[torch.arange(60), block], uniforms[:, 1])
        same = tokens == block * BLOCK + place
        assert (same | near | also_near).all()  # next to an edge, rounding decides
        assert same.double().mean() > 0.9
        assert draw(probs[7:8], uniforms[7:8])[0] == tokens[7]


def plainly(masses, uniforms):
    """Return where the cumulated masses pass each number, and whether that is next to an edge."""
    cumulated = masses.cumsum(1)
    targets = uniforms.unsqueeze(1) * cumulated[:, -1:]
    near = ((cumulated - targets).abs() < 1e-6 * cumulated[:, -1:]).any(1)
    return torch.searchsorted(cumulated, targets, right=True).squeeze(1), near


@pytest.mark.parametrize("vocab_size", [300, 1000])
def test_draws_over_many_blocks_follow_the_probabilities(vocab_size):
    probs = torch.randn(vocab_size, generator=torch.Generator().manual_seed(8)).mul(2).softmax(-1)
    count = 40_000
    tokens = torch.cat([
        draw(probs.expand(4000, -1), row_uniforms(12, range(start, start + 4000), 2))
        for start in range(0, count, 4000)
    ])  # fmt: skip
    order = probs.argsort(descending=True)
    groups = torch.empty(vocab_size, dtype=torch.int64)
    groups[order] = (probs[order].cumsum(0) * 50).long().clamp(max=49)  # about equally likely
    expected = count * torch.zeros(50).index_add_(0, groups, probs)
    observed = groups[tokens].bincount(minlength=50)
    kept = expected > 5
    chi_square = float(((observed - expected)[kept].square() / expected[kept]).sum())
    freedom = int(kept.sum()) - 1
    assert chi_square < freedom + 4 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("p", [0.2, 0.9, 0.999])
def test_top_p_of_tied_banned_peaked_and_flat_rows_is_the_definition(p):
    probs = rows_of_all_kinds(1000).double()
    kept = keep_top_p(probs, p)
    for row, before in zip(kept, probs, strict=True):
        assert ((row == 0) | (row == before)).all()
        least = row[row > 0].min()
        assert before[before >= least].sum() >= p - 1e-9  # it holds the mass,
        assert before[before > least].sum() < p + 1e-9  # the best alone do not,
        assert torch.equal(row > 0, before >= least)  # and ties are kept together


@pytest.mark.parametrize("temperature", [0.0, 1e-320, 1e-12])
def test_no_temperature_and_hardly_any_choose_the_best(temperature):
    scores = torch.randn(64, 30, generator=torch.Generator().manual_seed(2)) * 100
    tokens = Sampler(temperature=temperature)(scores, row_uniforms(0, range(64), NUM_UNIFORMS))
    assert (tokens == scores.argmax(-1)).all()


def test_noise_is_a_function_of_seed_row_and_step():
    whole = row_uniforms(5, [3, 9, 2**40], 40)
    assert (row_uniforms(5, [9], 7)[0] == whole[1, :7]).all()
    assert (row_uniforms(5, [2**40, 3], 40) == whole[[2, 0]]).all()
    assert not (row_uniforms(6, [3], 40) == whole[0]).any()
    latents = row_normals(5, [3, 9], 16)
    assert (row_normals(5, [9, 4], 16)[0] == latents[1]).all()


def test_noise_stays_the_same_between_versions():
    assert row_uniforms(0, [0], 2).tolist() == [[0.011546754286331562, 0.24154919656271812]]


def test_uniforms_are_uniform_and_independent_of_the_normals():
    uniforms = row_uniforms(1, range(500), 40).flatten()
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    positions = (torch.arange(len(uniforms)) + 0.5) / len(uniforms)
    assert (uniforms.sort().values - positions).abs().max() < 1.95 / math.sqrt(
        len(uniforms)
    )  # Kolmogorov, 1e-3
    normals = row_normals(1, range(500), 40).flatten()
    ranks = torch.special.ndtr(normals)
    assert (ranks.sort().values - positions).abs().max() < 1.95 / math.sqrt(len(ranks))
    assert torch.corrcoef(torch.stack([uniforms, ranks]))[0, 1].abs() < 4 / math.sqrt(len(ranks))


def test_a_seed_or_row_that_is_no_natural_number_is_named():
    with pytest.raises(ConfigError, match="seed is -1; it must be in"):
        row_uniforms(-1, [0], 3)
    with pytest.raises(ConfigError, match="row is -4; it must be in"):
        row_normals(0, [0, -4], 3)


def test_points_of_the_normal_give_means_nearer_than_draws_do():
    """E cos(sum z) over N(0, I) of D dimensions is exp(-D / 2); E z = 0, E z^2 = 1."""
    points, draws = normal_points(64, 4), row_normals(0, range(64), 4)
    for moment, expected in (
        (lambda z: z, 0.0),
        (lambda z: z**2, 1.0),
        (lambda z: torch.cos(z / 2), math.exp(-1 / 8)),
    ):
        errors = [(moment(z).mean(0) - expected).abs().mean() for z in (points, draws)]
        assert errors[0] < errors[1] / 3
    assert bool((points == normal_points(64, 4)).all())
    assert bool(normal_points(1, 3).isfinite().all())


def test_points_of_a_row_are_draws_that_lie_apart():
    points = row_points(3, range(500), 8, 3)
    assert torch.equal(row_points(3, [41], 8, 3)[0], points[41])
    assert not torch.equal(row_points(4, [41], 8, 3)[0], points[41])
    for place in (0, 5):  # each is N(0, I), in every row another
        ranked = torch.special.ndtr(points[:, place, 1]).sort().values
        steps = (torch.arange(500) + 0.5) / 500
        assert float((ranked - steps).abs().max()) < 1.63 / math.sqrt(500)  # Kolmogorov's bound at 1 %
    apart, drawn = points, row_normals(5, range(4000), 3).view(500, 8, 3)
    nearest = [
        torch.cdist(z, z).masked_fill(torch.eye(8).bool(), math.inf).amin(-1).mean() for z in (apart, drawn)
    ]
    assert nearest[0] > 1.1 * nearest[1]
    assert float(apart.mean(1).var()) < float(drawn.mean(1).var()) / 10
    assert row_points(0, [1], 0, 3).shape == (1, 0, 3)
    assert row_points(0, [1], 2, 0).shape == (1, 2, 0)
