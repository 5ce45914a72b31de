"""Peak memory and time of bringing a large corpus into training form: python -m benchmarks.corpus_memory [LINES]."""

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from textvae.config import DataConfig
from textvae.data.splits import open_splits
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer


def main(num_lines: int) -> None:
    """Write a corpus of random words, split, tokenize and map it; print what it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.txt"
        write_corpus(path, num_lines)
        before, start = peak(), time.perf_counter()
        splits = open_splits(path, DataConfig())
        tokenizer = Tokenizer.train(splits.train, kind="unigram", vocab_size=8000)
        store = TokenStore.cached(splits.train, tokenizer, cache_dir=Path(folder) / "cache")
        print(
            f"{num_lines:,} lines, {path.stat().st_size / 2**20:.0f} MiB, {store.num_tokens:,} tokens: "
            f"{time.perf_counter() - start:.0f} s, peak {peak():.0f} MiB ({before:.0f} MiB before)"
        )


def write_corpus(path: Path, num_lines: int) -> None:
    """Write lines of 5 to 30 words of a Zipf-like vocabulary."""
    random = np.random.default_rng(0)
    words = np.array(
        ["".join(random.choice(list("aeioulnrstmk"), random.integers(2, 9))) for _ in range(20_000)]
    )
    with path.open("w") as file:
        for start in range(0, num_lines, 10_000):
            size = min(10_000, num_lines - start)
            ends = np.cumsum(random.integers(5, 31, size))
            ranks = np.minimum(random.zipf(1.3, ends[-1]) - 1, len(words) - 1)
            file.writelines(" ".join(line) + "\n" for line in np.split(words[ranks], ends[:-1]))


def peak() -> float:
    """Return the process's peak resident memory, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
