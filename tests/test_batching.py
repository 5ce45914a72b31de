import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.data.batching import collate, epoch_batches, sequential_batches
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS, PAD
from textvae.errors import ConfigError

LENGTHS = np.maximum(1, np.random.default_rng(0).lognormal(2.9, 0.6, 7000)).astype(np.int32)
some_lengths = st.lists(st.integers(1, 80), max_size=40).map(lambda values: np.array(values, np.int32))


def targets(batches, lengths):
    return np.array([int((lengths[batch] + 1).sum()) for batch in batches])


def padded(batches, lengths):
    return np.array([len(batch) * (int(lengths[batch].max()) + 1) for batch in batches])


@given(some_lengths, st.integers(1, 300), st.integers(0, 2**63 - 1), st.integers(0, 1000), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_every_text_comes_once_an_epoch_and_ranks_stay_in_step(
    lengths, batch_tokens, seed, epoch, world_size
):
    shares = [
        epoch_batches(lengths, batch_tokens, seed, epoch, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    assert len({len(share) for share in shares}) == 1
    seen = [index for share in shares for batch in share for index in batch.tolist()]
    assert set(seen) == set(range(len(lengths)))
    if len(lengths) >= world_size:
        assert len(seen) == len(lengths)
    assert all(len(batch) for share in shares for batch in share)


@given(some_lengths, st.integers(1, 300))
@settings(max_examples=50, deadline=None)
def test_evaluation_batches_cover_all_texts_by_length(lengths, batch_tokens):
    batches = sequential_batches(lengths, batch_tokens)
    order = np.concatenate([np.empty(0, int), *batches])
    assert sorted(order.tolist()) == list(range(len(lengths)))
    assert (np.diff(lengths[order]) >= 0).all()
    restored = np.empty(len(lengths), int)
    restored[order] = lengths[order] * 10
    assert np.array_equal(restored, lengths * 10)


def test_padding_is_small_and_batches_are_about_as_large_as_asked():
    for batches in (epoch_batches(LENGTHS, 1400, 3, 5), sequential_batches(LENGTHS, 1400)):
        sizes = targets(batches, LENGTHS)
        assert 1 - sizes.sum() / padded(batches, LENGTHS).sum() < 0.03
        assert abs(sizes.mean() / 1400 - 1) < 0.02
        assert sizes.min() > 1400 - LENGTHS.max() - 1
        assert sizes.max() < 1400 + LENGTHS.max() + 1


def test_the_order_is_a_function_of_seed_and_epoch_alone():
    one, again = (epoch_batches(LENGTHS, 1400, 1, 2) for _ in range(2))
    assert all(map(np.array_equal, one, again))
    for other in (
        epoch_batches(LENGTHS, 1400, 1, 3),
        epoch_batches(LENGTHS, 1400, 2, 2),
        epoch_batches(LENGTHS, 1400, 2, 1),
    ):
        assert not any(set(batch.tolist()) in [set(b.tolist()) for b in one[:20]] for batch in other)


def test_batch_mates_differ_between_epochs_for_long_texts_too():
    longest = int(np.argmax(LENGTHS))
    mates = set()
    for epoch in range(6):
        (batch,) = (b for b in epoch_batches(LENGTHS, 1400, 0, epoch) if longest in b)
        mates.add(tuple(sorted(batch.tolist())))
    assert len(mates) > 1


def test_lengths_come_in_shuffled_order():
    batches = epoch_batches(LENGTHS, 1400, 0, 0)
    means = np.array([LENGTHS[batch].mean() for batch in batches])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 4 / np.sqrt(len(means))


def test_ranks_have_neighbouring_lengths_in_a_step_and_equal_work():
    shares = [epoch_batches(LENGTHS, 1400, 0, 0, rank=rank, world_size=4) for rank in range(4)]
    steps = np.array([padded(share, LENGTHS) for share in shares])  # (rank, step)
    longest = np.array([[LENGTHS[batch].max() for batch in share] for share in shares])
    assert np.median(longest.max(0) / longest.min(0)) < 1.1
    assert np.ptp(steps.sum(1)) / steps.sum(1).mean() < 0.05


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own():
    lengths = np.array([3, 4, 5000, 5], np.int32)
    batches = epoch_batches(lengths, 100, 0, 0)
    assert [2] in [batch.tolist() for batch in batches]


def test_batches_repeat_only_where_texts_are_fewer_than_ranks():
    shares = [epoch_batches(np.array([4, 9]), 100, 0, 0, rank=rank, world_size=3) for rank in range(3)]
    assert [len(share) for share in shares] == [1, 1, 1]
    assert {int(i) for share in shares for i in share[0]} == {0, 1}


@pytest.mark.parametrize(
    ("settings_", "message"),
    [
        ({"batch_tokens": 0}, "batch_tokens is 0; it must be at least 1"),
        ({"rank": 2, "world_size": 2}, "rank is 2 of 2; ranks are numbered from 0"),
        ({"rank": -1, "world_size": 2}, "rank is -1 of 2"),
    ],
)
def test_impossible_settings_are_refused(settings_, message):
    with pytest.raises(ConfigError, match=message):
        epoch_batches(LENGTHS, **{"batch_tokens": 100, "seed": 0, "epoch": 0, **settings_})


TEXTS = ["abc", "a", "aabbccdd", "cab cab", "我们 a"]
TOKENIZER = Tokenizer.train(TEXTS * 2, kind="char")


@pytest.mark.parametrize("max_length", [None, 2])
@given(indices=st.lists(st.integers(0, 4), min_size=1, max_size=8))
@settings(deadline=None)
def test_collated_rows_are_the_texts_with_an_end_and_padding(max_length, indices):
    store = TokenStore.from_texts(TEXTS, TOKENIZER, max_length)
    batch = collate(store, np.array(indices))
    assert batch.tokens.dtype == np.int64
    assert batch.tokens.shape == (len(indices), int(batch.lengths.max()))
    assert batch.num_targets == int((batch.tokens != PAD).sum())
    for row, length, index in zip(batch.tokens, batch.lengths, indices, strict=True):
        assert row[:length].tolist() == [*store[index].tolist(), EOS]
        assert (row[length:] == PAD).all()


def test_a_batch_of_nothing_has_no_rows():
    batch = collate(TokenStore.from_texts(TEXTS, TOKENIZER), np.empty(0, np.int64))
    assert batch.tokens.shape[0] == batch.num_targets == 0
