"""Diagnostics of latents: identities, bounds and exact counts."""

import math

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from textvae.diagnostics.latents import active_units, dimension_rates, mutual_information
from textvae.errors import LatentError


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def posteriors(n, dim, spread=1.0, seed=0, dtype=torch.float64):
    generator = seeded(seed)
    loc = spread * torch.randn(n, dim, generator=generator, dtype=dtype)
    return loc, 0.3 + torch.rand(n, dim, generator=generator, dtype=dtype)


def aggregate(loc, scale):
    return MixtureSameFamily(
        Categorical(logits=torch.zeros(len(loc)).double()), Independent(Normal(loc, scale), 1)
    )


def test_active_units_count_the_unbiased_variance_of_the_means():
    # The variance of (-a, 0, a) is a² with N - 1 below, 2a²/3 with N.
    columns = [math.sqrt(v) for v in (0.0, 0.0099, 0.0101, 0.012, 0.099, 0.101, 4.0)]
    loc = torch.tensor([[-a for a in columns], [0.0] * 7, columns], dtype=torch.float64) + 5.0
    assert active_units(loc) == 5
    assert active_units(loc, threshold=0.1) == 2
    assert active_units(torch.tensor([[-1.0, 7.0], [0.0, 7.0], [1.0, 7.0]]), threshold=1.0) == 1  # >=, not >


def test_rates_are_the_closed_form_and_zero_at_the_prior():
    loc, scale = torch.tensor([[1.0, 0.0], [-2.0, 0.0]]), torch.tensor([[0.5, 1.0], [2.0, 1.0]])
    first = (0.5 * (1 + 0.25 - 1) - math.log(0.5) + 0.5 * (4 + 4 - 1) - math.log(2.0)) / 2
    assert dimension_rates(loc, scale).tolist() == pytest.approx([first, 0.0], abs=1e-12)
    loc, scale = posteriors(50, 4)
    assert bool((dimension_rates(loc, scale) >= 0).all())


def test_rates_equal_monte_carlo_per_dimension():
    loc, scale = posteriors(3, 2)
    z = loc + scale * torch.randn(100_000, 3, 2, generator=seeded(1), dtype=torch.float64)
    terms = (Normal(loc, scale).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).mean(dim=1)  # (M, D)
    error = terms.std(dim=0) / math.sqrt(len(terms))
    assert bool(((terms.mean(dim=0) - dimension_rates(loc, scale)).abs() < 4 * error).all())


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_rate_is_mutual_information_plus_the_marginal_divergence(spread):
    """E[KL(q(z|x) || p)] = I(x; z) + KL(q(z) || p), the right side by torch's own mixture."""
    loc, scale = posteriors(200, 2, spread)
    mixture = aggregate(loc, scale)
    torch.manual_seed(3)
    z = mixture.sample((15_000,))
    log_ratio = mixture.log_prob(z) - Normal(0.0, 1.0).log_prob(z).sum(dim=1)
    estimates = torch.tensor([mutual_information(loc, scale, generator=seeded(seed)) for seed in range(36)])
    error = math.hypot(float(estimates.std()) / 6, float(log_ratio.std()) / math.sqrt(len(z)))
    total = float(estimates.mean() + log_ratio.mean())
    bias = 4 * loc.shape[1] / len(loc) ** 1.5  # the scaled noise costs less than O(D / N)
    assert total == pytest.approx(float(dimension_rates(loc, scale).sum()), abs=4 * error + bias)


def test_the_aggregate_is_that_of_the_whole_set_exactly():
    """The same noise through torch's mixture gives the same number, in any chunks."""
    loc, scale = posteriors(37, 3)
    noise = torch.randn(37, 3, generator=seeded(5), dtype=torch.float64)
    z = loc + scale * noise / noise.pow(2).mean(dim=0).sqrt()
    expected = -Independent(Normal(loc, scale), 1).entropy().mean() - aggregate(loc, scale).log_prob(z).mean()
    for chunk in (1, 10, 37, 1000):
        found = mutual_information(loc, scale, generator=seeded(5), chunk=chunk)
        assert found == pytest.approx(float(expected), abs=1e-10)


@pytest.mark.parametrize("spread", [0.5, 5.0, 1000.0])
def test_mutual_information_keeps_to_its_ceiling(spread):
    for seed in range(20):
        loc, scale = posteriors(100, 16, spread, seed)
        assert (
            mutual_information(loc, scale, generator=seeded(seed)) <= math.log(100) + 1e-7
        )  # rounding at loc / scale of 1,000s


def test_well_separated_posteriors_reach_the_ceiling_and_equal_ones_are_zero():
    loc = 100.0 * torch.arange(60.0).reshape(60, 1).expand(60, 4)
    assert mutual_information(loc, torch.full((60, 4), 0.1)) == pytest.approx(math.log(60), abs=1e-6)
    assert mutual_information(loc + 1e4, torch.full((60, 4), 1e-3)) == pytest.approx(math.log(60), abs=1e-3)
    same = torch.full((60, 4), 2.0)
    assert mutual_information(same, same) == pytest.approx(0.0, abs=1e-9)
    pairs = loc.clone()
    pairs[1::2] = pairs[::2]  # 30 places, two sentences each
    assert mutual_information(pairs, torch.full((60, 4), 0.1)) == pytest.approx(math.log(30), abs=1e-6)


def test_the_estimate_is_seeded_and_leaves_the_global_state_alone():
    loc, scale = posteriors(50, 4, dtype=torch.float32)
    torch.manual_seed(11)
    before = torch.get_rng_state()
    assert mutual_information(loc, scale) == mutual_information(loc, scale)
    assert torch.equal(before, torch.get_rng_state())
    assert mutual_information(loc, scale) != mutual_information(loc, scale, generator=seeded(1))


@pytest.mark.slow
def test_memory_is_bounded_for_ten_thousand_sentences():
    resource = pytest.importorskip("resource")
    loc, scale = posteriors(10_000, 32, dtype=torch.float32)
    mutual_information(loc[:300], scale[:300])  # what is allocated once and for all
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert 0 < mutual_information(loc, scale) <= math.log(10_000)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000  # KiB on Linux; all pairs at once would be 800,000


def test_bad_latents_are_told_in_one_line():
    ok = torch.ones(3, 2)
    for call, message in [
        (lambda: active_units(torch.ones(1, 2)), "at least 2 sentences"),
        (lambda: active_units(torch.ones(3)), r"shape \(3,\)"),
        (lambda: dimension_rates(ok, torch.zeros(3, 2)), "must be positive"),
        (lambda: dimension_rates(ok, torch.ones(2, 2)), "must agree"),
        (lambda: mutual_information(ok * float("nan"), ok), "NaN or Inf"),
    ]:
        with pytest.raises(LatentError, match=message):
            call()
