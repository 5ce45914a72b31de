"""One point of the grid: `python -m benchmarks.growth.measure POINT`, a process of its own, prints a line of JSON."""

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.growth.corpora import prepared
from benchmarks.growth.grid import Point
from benchmarks.process import peak_mib
from benchmarks.speed.ours import CPU, Training, settings
from benchmarks.synthetic import lengths_like_ptb, ranks_like_ptb
from textvae.config import DecodingConfig
from textvae.data.batching import collate, epoch_batches
from textvae.data.store import TokenStore
from textvae.data.vocabulary import NUM_SPECIAL
from textvae.decoding.engine import decode
from textvae.models import VAEModel
from textvae.training.distributed import Ranks, joined_ranks
from textvae.training.precision import fast_products
from textvae.training.preparation import target_counts

Clock = Callable[[], float]

TOKENS = 8_000
"""Targets trained on, and evaluated, for a figure; at least three batches."""
SAMPLED_ROWS, SAMPLED_STEPS = 64, 20


def main(point: Point) -> None:
    """Print what a point costs; under `torchrun`, the first rank prints for all."""
    torch.set_num_threads(point.threads)
    with joined_ranks(CPU) as ranks:
        found = prepared(point.num_lines) if point.num_lines else trained(point, ranks)
        if ranks.is_main:
            print(json.dumps(found))


def trained(point: Point, ranks: Ranks) -> dict[str, float]:
    """Return what training, evaluation and sampling cost at size S, and the peak memory of training."""
    store = random_store(point)
    config = settings("S", "lstm", point.vocab_size, overrides(point, store))
    batches = [collate(store, rows) for rows in _some_batches(store, point, ranks)]
    before, clock = peak_mib(), clock_of(point)
    training = Training(config, batches[:1], target_counts(store, point.vocab_size), ranks=ranks)
    with fast_products(CPU):
        training.run()  # the first update sets up the optimiser
        training.batches = batches
        ranks.barrier()
        start = clock()
        num_targets = training.run()
        found = {"training tok/s": num_targets * ranks.world_size / (clock() - start)}
        found["training MiB"] = peak_mib() - before
        if point.processes == 1:
            found["evaluation tok/s"] = evaluated(training, num_targets, clock)
    if point.processes == 1:
        found["sampling ms/step"] = sampled(training.model, clock)
    return {name: round(value, 2) for name, value in found.items()}


def clock_of(point: Point) -> Clock:
    """Return the clock of CPU seconds, which other work leaves alone; of wall seconds where workers are compared."""
    return time.perf_counter if point.axis in ("threads", "processes") else time.process_time


def overrides(point: Point, store: TokenStore) -> dict:
    """Return the settings a point stands for."""
    model = {"latent_dim": point.latent_dim, "max_length": max(int(store.lengths.max()), SAMPLED_STEPS)}
    return {"model": model, "training": {"batch_tokens": point.batch_tokens}}


def random_store(point: Point) -> TokenStore:
    """Return enough random texts for the batches."""
    random = np.random.default_rng(0)
    num = max(2000, 16 * point.batch_tokens // max(point.length, 20))
    lengths = np.full(num, point.length) if point.length else lengths_like_ptb(num, random)
    ids = ranks_like_ptb(int(lengths.sum()), point.vocab_size - NUM_SPECIAL, random) + NUM_SPECIAL
    return TokenStore.from_rows(np.split(ids.astype(np.int32), np.cumsum(lengths)[:-1]))


@torch.no_grad()
def evaluated(training: Training, num_targets: int, clock: Clock) -> float:
    """Return target tokens a second of the ELBO on the batches of training."""
    model = training.model.eval()
    start = clock()
    for batch in training.batches:
        tokens, lengths = torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths)
        model.log_likelihood(tokens, lengths, model.posterior(tokens, lengths).loc)
    return num_targets / (clock() - start)


def sampled(model: VAEModel, clock: Clock) -> float:
    """Return milliseconds a step of 64 prior samples."""
    plain = DecodingConfig(known_words=False, min_length=SAMPLED_STEPS)
    z = torch.randn(SAMPLED_ROWS, model.config.latent_dim)
    start = clock()
    decode(model.decoder, z, plain, max_length=SAMPLED_STEPS)
    return 1000 * (clock() - start) / (SAMPLED_STEPS + 1)


def _some_batches(store: TokenStore, point: Point, ranks: Ranks) -> list[np.ndarray]:
    batches = epoch_batches(
        store.lengths, point.batch_tokens, 0, 0, rank=ranks.rank, world_size=ranks.world_size
    )
    return batches[: max(3, TOKENS // point.batch_tokens)]


if __name__ == "__main__":
    main(Point.from_json(sys.argv[1]))
