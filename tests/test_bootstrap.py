"""Intervals: what they are of constants, how often they hold the truth, and what is drawn together."""

import numpy as np
import pytest
import torch

from textvae.distributions.discrepancy import squared_mmd
from textvae.errors import DataError
from textvae.evaluation.bootstrap import RESAMPLES, Tally, difference


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_the_interval_of_a_constant_is_the_constant():
    tally = Tally.mean([2.5] * 30)
    assert tally.value == 2.5
    assert tally.interval == pytest.approx((2.5, 2.5))
    assert Tally.ratio([0.0, 0.0], [0, 0]).value == 0.0  # nothing of nothing
    same = Tally.ratio([3.0, 6.0, 12.0], [1, 2, 4])  # texts of other lengths, one ratio
    assert same.interval == pytest.approx((3.0, 3.0))
    assert Tally.ratio([3.0, 6.0], [1, 2], formula="perplexity").interval == pytest.approx((np.exp(3),) * 2)


def test_a_single_text_has_no_interval():
    assert Tally.mean([1.0]).interval is None
    assert difference(Tally.mean([1.0]), Tally.mean([3.0])) == (2.0, None)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(100):
        low, high = Tally.mean(normal(50, seed=seed)).interval
        held += low <= 0 <= high
    assert 88 <= held <= 99  # 95 %, a little less for percentiles of 50 texts


def test_the_interval_of_a_mean_is_as_wide_as_its_standard_error_says():
    values = normal(400)
    low, high = Tally.mean(values).interval
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_draws_depend_on_the_seed_and_the_number_of_texts_alone():
    first, second = normal(2, 20) ** 2
    together = Tally("ratio", np.stack([first, second], axis=1)).resampled(1)
    assert together.shape == (RESAMPLES,)
    apart = Tally.mean(first).resampled(1) / Tally.mean(second).resampled(1)
    np.testing.assert_allclose(together, apart)
    assert not np.array_equal(together, Tally("ratio", np.stack([first, second], axis=1)).resampled(2))


def test_what_both_models_share_leaves_the_paired_difference():
    hard = 10 * normal(60)
    ours, theirs = Tally.mean(hard), Tally.mean(hard + 0.5)
    value, interval = difference(ours, theirs)
    assert value == pytest.approx(0.5)
    assert interval == pytest.approx((0.5, 0.5))
    _, apart = difference(Tally.mean(hard, aligned=False), Tally.mean(hard + 0.5, aligned=False))
    assert apart[0] < -1
    assert apart[1] > 2
    with pytest.raises(DataError, match="60 texts against 5"):
        difference(ours, Tally.mean([1.0] * 5))


def test_a_tally_survives_json():
    tally = Tally.ratio([1.5, 2.25], [3, 4], formula="bits", aligned=False)
    again = Tally.from_json(tally.to_json())
    assert again == tally
    assert again.interval == tally.interval
    assert not again.aligned
    assert tally != Tally.ratio([1.5, 2.25], [3, 5], formula="bits")


def test_mmd_is_about_0_for_one_distribution_and_above_for_two():
    a, b = (torch.from_numpy(normal(300, 4, seed=seed)) for seed in (1, 2))
    assert abs(squared_mmd(a, b)) < 0.005
    assert squared_mmd(a, b + 1) > 0.1
    assert squared_mmd(a, 0.3 * b) > 0.02
