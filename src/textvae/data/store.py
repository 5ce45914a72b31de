"""`TokenStore`: a corpus as rows of ids, in memory or memory-mapped."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import numpy as np

from textvae.data.conditions import Conditions
from textvae.data.token_cache import TokenArrays, cached, default_cache_dir, encode_all
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConditionError, ConfigError, DataError

__all__ = ["FingerprintedTexts", "TokenStore", "default_cache_dir"]


class FingerprintedTexts(Protocol):
    """What `TokenStore.cached` needs of a corpus."""

    @property
    def fingerprint(self) -> str:
        """A digest of the content."""
        ...

    def __iter__(self) -> Iterator[str]: ...


class TokenStore:
    """Rows of ids without specials; texts of no token are left out, longer ones cut to `max_length`.

    Attributes:
        max_length: the most tokens a row shows; None: all of them.
        conditions: what each row answers to; None: nothing.
        num_empty: texts left out because they have no token.
    """

    def __init__(
        self, arrays: TokenArrays, max_length: int | None = None, conditions: Conditions | None = None
    ) -> None:
        if max_length is not None and max_length < 1:
            raise ConfigError(f"max_length is {max_length}; it must be at least 1")
        num_texts = len(arrays.offsets) - 1
        if conditions is not None and len(conditions) != num_texts:
            raise ConditionError(
                f"{len(conditions)} conditions for {num_texts} texts; one for each is needed"
            )
        self._arrays = arrays
        self.max_length = max_length
        self.conditions = conditions
        self.num_empty = arrays.num_empty

    @classmethod
    def from_texts(cls, texts: Iterable[str], tokenizer: Tokenizer, max_length: int | None = None) -> Self:
        """Encode texts into memory."""
        return cls(encode_all(texts, tokenizer), max_length)

    @classmethod
    def from_rows(
        cls,
        rows: Sequence[np.ndarray],
        max_length: int | None = None,
        conditions: Conditions | None = None,
    ) -> Self:
        """Join rows of ids; an empty row stays."""
        offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        arrays = TokenArrays(np.concatenate([np.empty(0, np.int32), *rows]), offsets, 0)
        return cls(arrays, max_length, conditions)

    @classmethod
    def cached(
        cls,
        corpus: FingerprintedTexts,
        tokenizer: Tokenizer,
        max_length: int | None = None,
        cache_dir: str | Path | None = None,
    ) -> Self:
        """Map the tokens of a corpus from disk; the first time they are written there, a chunk at a time.

        One cache serves every `max_length`: rows are cut when read.

        Args:
            corpus: texts with a fingerprint.
            tokenizer: it encodes; another tokenizer has another cache.
            max_length: see `cut`.
            cache_dir: None: `default_cache_dir()`.

        Raises:
            DataError: the cache cannot be written.
        """
        folder = default_cache_dir() if cache_dir is None else Path(cache_dir)
        return cls(cached(corpus, corpus.fingerprint, tokenizer, folder), max_length)

    def cut(self, max_length: int | None) -> Self:
        """Return a view whose rows show at most `max_length` tokens; None: all."""
        return type(self)(self._arrays, max_length, self.conditions)

    def rows(self, indices: np.ndarray) -> "TokenStore":
        """Return a store of some rows, in memory, as cut."""
        conditions = None if self.conditions is None else self.conditions.rows(indices)
        return TokenStore.from_rows([self[row] for row in indices], conditions=conditions)

    def repeated(self, times: int) -> "TokenStore":
        """Return a store of all rows, then all again, so many times; once: this one."""
        return self if times == 1 else self.rows(np.tile(np.arange(len(self)), times))

    def given(self, conditions: Conditions | None) -> Self:
        """Return a view of the same rows under other conditions."""
        return type(self)(self._arrays, self.max_length, conditions)

    @property
    def batch_lengths(self) -> np.ndarray:
        """What rows are batched by, (N,): their tokens, and those of their sources where they have some."""
        return self.lengths if self.conditions is None else self.lengths + self.conditions.source_lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: int) -> np.ndarray:
        if not -len(self) <= index < len(self):
            raise IndexError(f"row {index} of a store with {len(self)} rows")
        index %= len(self)
        start = int(self._arrays.offsets[index])
        return self._arrays.ids[start : start + int(self.lengths[index])]

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of every row, cut ones as cut; `</s>` not counted; (N,) int32."""
        full = np.diff(self._arrays.offsets)
        return np.asarray(full if self.max_length is None else np.minimum(full, self.max_length), np.int32)

    @cached_property
    def num_tokens(self) -> int:
        """Tokens of all rows as cut; `</s>` not counted."""
        return int(self.lengths.sum(dtype=np.int64))

    @cached_property
    def num_cut(self) -> int:
        """Rows that lost tokens to `max_length`."""
        return 0 if self.max_length is None else int((np.diff(self._arrays.offsets) > self.max_length).sum())

    def quantile_length(self, quantile: float) -> int:
        """Return the shortest length that this share of the rows does not exceed.

        Raises:
            DataError: there are no rows.
        """
        if not len(self):
            raise DataError("the corpus has 0 texts with a token; check the file and its text column")
        return int(np.quantile(self.lengths, quantile, method="inverted_cdf"))

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the ids of some rows end to end, (sum of lengths,), and their lengths, (B,) int64."""
        lengths = self.lengths[indices].astype(np.int64)
        ends = np.cumsum(lengths)
        shifts = self._arrays.offsets[indices] - (ends - lengths)
        return self._arrays.ids[np.repeat(shifts, lengths) + np.arange(lengths.sum())], lengths
