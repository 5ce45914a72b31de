"""Batches of near-equal length with about equally many target tokens; their order is a function of (seed, epoch).

Target tokens of a text: its tokens and `</s>`.
"""

from dataclasses import dataclass

import numpy as np

from textvae.data.conditions import Conditions
from textvae.data.store import TokenStore
from textvae.data.vocabulary import EOS, PAD
from textvae.errors import ConfigError

LENGTH_NOISE = 0.03
"""Share of its length by which a text is displaced when sorting, so that batches of rare lengths change too."""

SMALL_JUMP = 8
"""A batch ends where the next text is more than twice as long, and this many tokens more: one long text would pad
many short ones."""


@dataclass(frozen=True)
class Batch:
    """Rows of ids that end with `</s>` and are padded on the right."""

    tokens: np.ndarray
    """(B, T) int64."""
    lengths: np.ndarray
    """(B,) int64, `</s>` counted."""
    conditions: Conditions | None = None
    """What each text answers to; None: nothing."""

    @property
    def num_targets(self) -> int:
        """Tokens to predict: every token and every `</s>`."""
        return int(self.lengths.sum())


def epoch_batches(
    lengths: np.ndarray, batch_tokens: int, seed: int, epoch: int, *, rank: int = 0, world_size: int = 1
) -> list[np.ndarray]:
    """Divide all texts into shuffled batches of about `batch_tokens` target tokens, one rank's share of them.

    Every text is in exactly one batch of one rank, and all ranks get equally many batches; the ranks' batches of
    one step have neighbouring lengths, so that no rank waits long. To make the numbers equal, the batches with the
    most texts are halved (in tiny corpora, merged). Only where there are fewer texts than ranks do batches repeat.

    Args:
        lengths: (N,) tokens of each text, `</s>` not counted.
        batch_tokens: target tokens a batch; a longer text is a batch of its own.
        seed: with `epoch`, it determines everything.
        epoch: from 0.
        rank: whose share, 0 to world_size - 1.
        world_size: number of ranks.

    Returns:
        Batches in training order, each the indices of its texts.

    Raises:
        ConfigError: a batch_tokens, rank or world_size out of range.
    """
    _check(batch_tokens, rank, world_size)
    random = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], np.uint64)))
    mixed = random.permutation(len(lengths))
    keys = lengths[mixed] * (1 + LENGTH_NOISE * random.random(len(lengths), np.float32))
    batches = _evened(_divided(mixed[np.argsort(keys, kind="stable")], lengths, batch_tokens), world_size)
    steps = random.permutation(len(batches) // world_size)
    turns = random.integers(world_size, size=len(steps))  # so that no rank always has a step's longest texts
    return [
        batches[step * world_size + (rank + turn) % world_size]
        for step, turn in zip(steps, turns, strict=True)
    ]


def sequential_batches(lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Divide all texts into batches of about `batch_tokens` target tokens, shortest first, always the same.

    Returns:
        The indices of each batch's texts: a result r of the concatenated batches is put back in the texts' order by
        `out[np.concatenate(batches)] = r`.

    Raises:
        ConfigError: batch_tokens is below 1.
    """
    _check(batch_tokens, 0, 1)
    return _divided(np.argsort(lengths, kind="stable"), lengths, batch_tokens)


def collate(store: TokenStore, indices: np.ndarray) -> Batch:
    """Gather rows into a batch.

    Args:
        store: where the rows lie.
        indices: (B,) which.
    """
    ids, lengths = store.take(indices)
    tokens = np.full((len(indices), int(lengths.max(initial=0)) + 1), PAD, np.int64)  # (B, T)
    tokens[np.arange(tokens.shape[1]) < lengths[:, None]] = ids
    tokens[np.arange(len(indices)), lengths] = EOS
    conditions = None if store.conditions is None else store.conditions.rows(indices)
    return Batch(tokens, lengths + 1, conditions)


def _divided(order: np.ndarray, lengths: np.ndarray, batch_tokens: int) -> list[np.ndarray]:
    """Cut a sorted order into equal shares of the total; a text belongs to the share its middle token is in."""
    if not len(order):
        return []
    targets = lengths[order].astype(np.int64) + 1
    total = int(targets.sum())
    num_batches = max(1, round(total / batch_tokens))
    numbers = (np.cumsum(targets) - (targets + 1) // 2) * num_batches // total
    jumps = targets[1:] > 2 * targets[:-1] + SMALL_JUMP
    return np.split(order, np.flatnonzero((np.diff(numbers) > 0) | jumps) + 1)


def _evened(batches: list[np.ndarray], world_size: int) -> list[np.ndarray]:
    """Make the number of batches a multiple of `world_size`: halve the largest, or merge the shortest texts'."""
    num_texts = sum(map(len, batches))
    wanted = -(-len(batches) // world_size) * world_size
    if wanted > num_texts:
        wanted = num_texts // world_size * world_size
    if not wanted:
        return [batches[i * len(batches) // world_size] for i in range(world_size if batches else 0)]
    while len(batches) > wanted:
        batches[:2] = [np.concatenate(batches[:2])]
    while len(batches) < wanted:
        largest = max(range(len(batches)), key=lambda i: len(batches[i]))
        batches[largest : largest + 1] = np.array_split(batches[largest], 2)
    return batches


def _check(batch_tokens: int, rank: int, world_size: int) -> None:
    if batch_tokens < 1:
        raise ConfigError(f"batch_tokens is {batch_tokens}; it must be at least 1")
    if world_size < 1 or not 0 <= rank < world_size:
        raise ConfigError(f"rank is {rank} of {world_size}; ranks are numbered from 0 to world_size - 1")
