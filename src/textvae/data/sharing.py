"""Whether source texts are cut into tokens as the texts are, and what both learn their tokens from."""

import dataclasses
from collections.abc import Iterable, Iterator
from itertools import islice

from textvae.config.conditions import label_columns
from textvae.config.data import DataConfig
from textvae.data.columns import as_source
from textvae.data.normalization import set_apart
from textvae.data.scripts import script_counts
from textvae.data.sources import Corpus

SAMPLE = 2000
"""Rows whose scripts are looked at."""


class SpokenBoth:
    """The texts of a corpus and their sources, for a tokenizer that serves both; re-iterable."""

    def __init__(self, corpus: Corpus, column: int, *, apart: bool) -> None:
        self.corpus, self.column, self.apart = corpus, column, apart

    def __iter__(self) -> Iterator[str]:
        for row in self.corpus.rows():
            yield row.text
            if (source := as_source(row.cells[self.column])) is not None:
                yield set_apart(source) if self.apart else source


def with_source_tokenizer(config: DataConfig, corpus: Corpus) -> DataConfig:
    """Return settings that say whether the tokenizer is shared: it is where texts and sources are in the same script."""
    if config.source_tokenizer != "auto" or not config.columns.has_source:
        return config
    choice = "shared"
    if config.source is not None:
        column = len(label_columns(config.labels))
        rows = list(islice(corpus.rows(), SAMPLE))
        sources = [as_source(row.cells[column]) or "" for row in rows]
        choice = "shared" if _main_script(sources) == _main_script([row.text for row in rows]) else "own"
    return dataclasses.replace(config, source_tokenizer=choice)


def tokenizer_texts(config: DataConfig, corpus: Corpus) -> Iterable[str]:
    """Return what the texts' tokenizer is trained on."""
    if config.source is None or config.source_tokenizer != "shared":
        return corpus
    return SpokenBoth(corpus, len(label_columns(config.labels)), apart=config.source_apart)


def _main_script(texts: list[str]) -> str | None:
    counts = script_counts("".join(texts))
    return max(counts, key=counts.__getitem__) if counts else None
