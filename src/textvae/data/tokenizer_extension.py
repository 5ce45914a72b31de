"""Tokens for what a tokenizer of another corpus spells badly: as `<unk>`, or in bytes.

New pieces come after all others, so that ids keep their meaning, and hold characters (a word tokenizer's: are words) that no
piece held before, so that whatever was spelt well is spelt as it was.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import pre_tokenizers

from textvae.data.normalization import normalized
from textvae.data.store import TokenStore
from textvae.data.tokenizer_training import trainable
from textvae.data.tokenizers import CONFIG_FILE, LIBRARY_FILE, Tokenizer
from textvae.data.vocabulary import FIRST_BYTE, NUM_BYTES, UNK

MIN_COUNT = 2
"""A word or character seen fewer times gets no token."""
COUNTED_TEXTS = 200_000


def extended(tokenizer: Tokenizer, texts: Iterable[str], *, vocab_size: int | None = None) -> Tokenizer:
    """Return the tokenizer with tokens for frequent words (word) or characters (all others) that it has none for.

    Rows of old tokens alone stay as they were, and round trips stay exact.

    Args:
        tokenizer: of another corpus.
        texts: the corpus.
        vocab_size: the most entries; None: no limit.
    """
    counts = Counter(_units(tokenizer, texts))
    frequent = sorted((unit for unit in counts if counts[unit] >= MIN_COUNT), key=lambda u: (-counts[u], u))
    known = _known(tokenizer)
    units = [unit for unit in frequent if unit not in known]
    if vocab_size is not None:
        units = units[: max(0, vocab_size - tokenizer.vocab_size)]
    return _with_pieces(tokenizer, units) if units else tokenizer


def spelling(tokenizer: Tokenizer, index: int) -> list[int]:
    """Return the ids that stood for a piece before the tokenizer was extended by it."""
    if tokenizer.kind == "word":
        return [UNK]
    return [FIRST_BYTE + byte for byte in (tokenizer.piece(index) or "").encode()]


@dataclass(frozen=True)
class Misspelt:
    """How much of a corpus a tokenizer spells as `<unk>` or in bytes."""

    texts: int
    num_texts: int
    tokens: int
    num_tokens: int


def misspelt(store: TokenStore, tokenizer: Tokenizer) -> Misspelt:
    """Count it on the first rows of a large corpus."""
    ids, lengths = store.take(np.arange(min(len(store), COUNTED_TEXTS)))
    last = UNK if tokenizer.kind == "word" else FIRST_BYTE + NUM_BYTES - 1
    bad = (ids >= UNK) & (ids <= last)
    rows = np.repeat(np.arange(len(lengths)), lengths)
    return Misspelt(len(np.unique(rows[bad])), len(lengths), int(bad.sum()), len(ids))


def _units(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[str]:
    words = pre_tokenizers.WhitespaceSplit()  # the library's own, so that words are those of encoding
    for text in trainable(normalized([text], tokenizer.normalize)[0] for text in texts):
        if tokenizer.kind == "word":
            yield from (word for word, _ in words.pre_tokenize_str(text))
        else:
            yield from text


def _known(tokenizer: Tokenizer) -> set[str]:
    """Return the words, or the characters of all pieces."""
    pieces = [tokenizer.piece(index) or "" for index in range(tokenizer.vocab_size)]
    return set(pieces if tokenizer.kind == "word" else "".join(pieces))


def _with_pieces(tokenizer: Tokenizer, units: Sequence[str]) -> Tokenizer:
    files = tokenizer.files()
    library, config = json.loads(files[LIBRARY_FILE]), json.loads(files[CONFIG_FILE])
    vocabulary = library["model"]["vocab"]
    if tokenizer.kind == "unigram":
        # The score decides nothing: these characters can be cut in one way only. The lowest one leaves
        # the library's penalty for unknown ones, which it takes from there, as it was.
        lowest = min(score for _, score in vocabulary[1:])
        vocabulary += [[unit, lowest] for unit in units]
    else:
        vocabulary |= {unit: len(vocabulary) + place for place, unit in enumerate(units)}
    config["vocab_size"] += len(units)
    return Tokenizer(json.dumps(library, ensure_ascii=False), config)
