"""Texts rewritten as latents ask: `decoding.rewriting` over strings."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor, nn

from textvae.codec.codec import Codec
from textvae.codec.given import decoder_given
from textvae.data.conditions import Conditions
from textvae.data.normalization import normalized
from textvae.data.tokenizers import Tokenizer
from textvae.decoding.rewriting import Rewriting, rewrite

TEXTS_AT_ONCE = 32
"""Each takes two rows a beam."""


def rewrite_texts(
    codec: Codec,
    texts: Sequence[str],
    z: Tensor,
    opposite: Tensor,
    how: Rewriting,
    *,
    keep: Sequence[str] = (),
    conditions: Conditions | None = None,
) -> list[str]:
    """Rewrite each text at `how.price` a change so that z explains it and `opposite` does not.

    Args:
        codec: the model.
        texts: N of them; of one that is longer than the model takes, the rest is lost.
        z: (N, D).
        opposite: (N, D).
        how: see `Rewriting`.
        keep: words that stay where a text has them.
        conditions: one a text; None: none.
    """
    found: list[str] = []
    if isinstance(codec.model, nn.Module):
        codec.model.eval()
    with codec.work.part("rewriting", len(texts)):
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = list(texts[start : start + TEXTS_AT_ONCE])
            size = len(part)
            rows = [row.tolist() for row in codec.tokenizer.encode(part)]
            places = slice(start, start + size)
            given = conditions and conditions.rows(np.arange(start, start + size))
            tokens = rewrite(
                decoder_given(codec.model, given, size, 2, codec.decoding.guidance),
                z[places].to(codec.dtype).to(codec.device),
                opposite[places].to(codec.dtype).to(codec.device),
                rows,
                how,
                max_length=codec.model.config.max_length,
                keep=[kept_tokens(codec.tokenizer, row, keep) for row in rows],
                constraint=codec.constraint(size, codec.decoding),
            )
            found += codec.tokenizer.decode(tokens)
            codec.work.count(size)
    return found


def kept_tokens(tokenizer: Tokenizer, row: Sequence[int], keep: Sequence[str]) -> list[bool]:
    """Return which tokens of a text belong to one of the words that stay.

    Words are looked up in what the tokens spell, which may differ from the text: normalised, or with unknown words.
    """
    [text] = tokenizer.decode([row])
    words = [word for word in normalized(list(keep), tokenizer.normalize) if word and word in text]
    if not words:
        return [False] * len(row)
    ends = [len(begun) for begun in tokenizer.decode([row[: place + 1] for place in range(len(row))])]
    starts = [0, *ends[:-1]]
    spans = [span for word in words for span in _occurrences(text, word)]
    return [
        any(start < last and first < end for first, last in spans)
        for start, end in zip(starts, ends, strict=True)
    ]


def _occurrences(text: str, word: str) -> list[tuple[int, int]]:
    found, place = [], text.find(word)
    while place >= 0:
        found.append((place, place + len(word)))
        place = text.find(word, place + len(word))
    return found
