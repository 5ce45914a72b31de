"""Peak memory of training, each contender in a process of its own, less what its imports and the data take."""

import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch

from benchmarks.process import BUILD, peak_mib, run_module
from benchmarks.speed import baseline
from benchmarks.speed.corpus import VOCAB_SIZE, load_store, save_store
from benchmarks.speed.ours import CPU, Training, even_batches, settings
from benchmarks.speed.record import Row, measured
from benchmarks.speed.scope import CELLS, Scope
from textvae.training.precision import fast_products
from textvae.training.preparation import target_counts

NUM_BATCHES = {"S": 8, "L": 3}


def rows(scope: Scope) -> Iterator[Row]:
    """Give the peak of training at both sizes, MiB."""
    store = BUILD / "train.npz"
    save_store(scope.corpus.train, store)
    for size in scope.sizes:
        samples = {
            name: [float(run_module("benchmarks.speed.memory", name, size, str(store)))]
            for name in ("baseline", *CELLS)
        }
        for cell in CELLS:
            yield measured("training memory", size, cell, "MiB", samples, ours=cell)


def growth(contender: str, size: str, path: Path) -> float:
    """Return by how much this process's peak grows while a contender trains, MiB."""
    store, num = load_store(path), NUM_BATCHES[size]
    torch.zeros(1024, 1024) @ torch.zeros(1024, 1024)  # what the matrix library sets up once
    before = peak_mib()
    if contender == "baseline":
        batches = list(islice(baseline.random_batches(store), num))
        baseline.train_run(baseline.of_size(size, VOCAB_SIZE), batches)()
    else:
        config, counts = settings(size, contender, VOCAB_SIZE), target_counts(store, VOCAB_SIZE)
        with fast_products(CPU):
            Training(config, even_batches(store, num), counts).run()
    return peak_mib() - before


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(growth(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
