"""What it takes to bring a corpus into training form: time of each part, and the peak memory of all."""

import tempfile
import time
from pathlib import Path

from benchmarks.process import peak_mib
from benchmarks.synthetic import synthetic_texts
from textvae.config import DataConfig
from textvae.data.batching import collate, epoch_batches
from textvae.data.splits import open_splits
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer

NUM_WORDS, PIECES, BATCH_TOKENS = 20_000, 8_000, 1000
ITERATED = 2_000
"""Batches gathered: a large epoch is not read to its end."""


def prepared(num_lines: int) -> dict[str, float]:
    """Write a synthetic corpus, then split, tokenize (Unigram), map and batch it; return seconds and MiB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        with path.open("w") as file:
            file.writelines(f"{text}\n" for text in synthetic_texts(num_lines, NUM_WORDS))
        found = {"file MiB": path.stat().st_size / 2**20}
        before, clock = peak_mib(), _Clock()
        splits = open_splits(path, DataConfig())
        found["splitting s"] = clock.lap()
        tokenizer = Tokenizer.train(splits.train, kind="unigram", vocab_size=PIECES)
        found["tokenizer s"] = clock.lap()
        store = TokenStore.cached(splits.train, tokenizer, cache_dir=Path(folder) / "cache")
        found["encoding s"] = clock.lap()
        batches = epoch_batches(store.lengths, BATCH_TOKENS, 0, 0)
        found["ordering an epoch s"] = clock.lap()
        gathered = sum(collate(store, rows).num_targets for rows in batches[:ITERATED])
        found["gathering tok/s"] = gathered / clock.lap()
        found["peak MiB"] = peak_mib() - before
        found["tokens"] = store.num_tokens
    return {name: round(value, 2) for name, value in found.items()}


class _Clock:
    """Wall seconds since the last lap."""

    def __init__(self) -> None:
        self.last = time.perf_counter()

    def lap(self) -> float:
        now = time.perf_counter()
        self.last, passed = now, now - self.last
        return passed
