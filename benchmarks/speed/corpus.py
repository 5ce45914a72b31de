"""The corpus of the speed benchmarks: the Penn Treebank where it is at hand, else a synthetic one like it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.process import ROOT
from benchmarks.synthetic import synthetic_texts
from textvae.data.sources import open_corpus
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer

VOCAB_SIZE = 10_002
MAX_LENGTH = 100
NUM_HELD_OUT = 3_370
NUM_SYNTHETIC = 42_068
PTB = ROOT.parent / "shared" / "data" / "ptb" / "train.txt.gz"
"""Mikolov's split; it is not ours to hand on, so it lies beside the project or not at all."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkCorpus:
    """Texts to train on, and the last ones held out, in words."""

    name: str
    tokenizer: Tokenizer
    train: TokenStore
    held_out: TokenStore
    held_out_texts: list[str]

    @property
    def word_ids(self) -> dict[str, int]:
        """The vocabulary as the baseline holds it."""
        pieces = {self.tokenizer.piece(index): index for index in range(self.tokenizer.vocab_size)}
        return {piece: index for piece, index in pieces.items() if piece}


def read_corpus(path: Path | None = None) -> BenchmarkCorpus:
    """Read a file of one text a line; None: PTB's training part, or synthetic texts where it is missing."""
    path = path or (PTB if PTB.exists() else None)
    if path is None:
        texts = list(synthetic_texts(NUM_SYNTHETIC, VOCAB_SIZE))
        name = "synthetic: PTB's lengths, Zipf-Mandelbrot words"
    else:
        texts, name = list(open_corpus(path)), "/".join(path.parts[-2:])
    return cut_corpus(texts, name)


def cut_corpus(texts: list[str], name: str) -> BenchmarkCorpus:
    """Tokenize texts by words, all of which are in the vocabulary; the last 3,370, at most a fifth, are held out."""
    num_train = len(texts) - min(NUM_HELD_OUT, len(texts) // 5)
    tokenizer = Tokenizer.train(texts, kind="word", vocab_size=VOCAB_SIZE)
    return BenchmarkCorpus(
        name=f"{name}, {len(texts):,} texts, V = {tokenizer.vocab_size:,}",
        tokenizer=tokenizer,
        train=TokenStore.from_texts(texts[:num_train], tokenizer, MAX_LENGTH),
        held_out=TokenStore.from_texts(texts[num_train:], tokenizer, MAX_LENGTH),
        held_out_texts=texts[num_train:],
    )


def save_store(store: TokenStore, path: Path) -> None:
    """Write a store's rows, for processes that must not spend memory on texts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, ids=store.take(np.arange(len(store)))[0], lengths=store.lengths)


def load_store(path: Path) -> TokenStore:
    """Read what `save_store` wrote."""
    arrays = np.load(path)
    return TokenStore.from_rows(np.split(arrays["ids"], np.cumsum(arrays["lengths"])[:-1]))
