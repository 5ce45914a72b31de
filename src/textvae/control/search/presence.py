"""How near a decoder came to saying a word somewhere in a text."""

from typing import cast

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.batching import collate
from textvae.data.conditions import Conditions
from textvae.data.scripts import is_spaceless, script_counts
from textvae.data.store import TokenStore
from textvae.errors import ConfigError
from textvae.models import GivenModel, VAEModel

ROWS = 64
"""Texts at a time."""


@torch.no_grad()
def presence(
    codec: Codec, texts: list[str], word: str, z: Tensor, conditions: Conditions | None = None
) -> np.ndarray:
    """Return how many nats less likely a word was than the likeliest tokens in its place, at the best place, (N,), at most 0.

    The sum over the word's tokens of log p(token | before, z, c) - max log p(· | before, z, c), without guidance. The place is
    that of all between two words where the first token is nearest. 0: a greedy decoder that had come so far would have said
    the word. -inf: it does not fit into the text.

    Args:
        codec: of a model with weights.
        texts: N of them.
        word: one that the tokenizer knows or can spell.
        z: (N, D).
        conditions: c, one a text; None: none.

    Raises:
        ConfigError: an export.
    """
    codec = _with_weights(codec)
    codec.model.eval()
    [spelt] = codec.tokenizer.encode([word])
    longest = codec.model.config.max_length - len(spelt)  # of what stands before the word
    store, result = codec.store(texts, conditions), np.full(len(texts), -np.inf)
    first = _shortfalls(codec, store, z, int(spelt[0]))
    begun, owners = [], []
    for row, shortfall in enumerate(first):
        places = [place for place in _places(codec, store[row], word) if place <= longest]
        if places:
            best = max(places, key=lambda place: shortfall[place])
            begun.append(np.concatenate([store[row][:best], spelt]))
            owners.append(row)
    given = None if conditions is None else conditions.rows(np.array(owners, np.int64))
    whole = _shortfalls(codec, TokenStore.from_rows(begun, conditions=given), z[owners])
    result[owners] = [shortfall[-len(spelt) - 1 : -1].sum() for shortfall in whole]  # without `</s>`
    return result


def _with_weights(codec: Codec) -> Codec[VAEModel]:
    if not isinstance(codec.model, VAEModel):
        raise ConfigError("an export does not say how likely a word is; use the run that it came from")
    return cast("Codec[VAEModel]", codec)


def _places(codec: Codec, tokens: np.ndarray, word: str) -> list[int]:
    """Return the places between words, both ends among them; in a script without spaces, all.

    Where a space is a token of its own, words stand behind one, and the end of the text is no place.
    """
    if is_spaceless(script_counts(word)):
        return [*range(len(tokens) + 1)]
    starts = [codec.tokenizer.starts_word(int(token)) for token in tokens]
    if codec.tokenizer.kind == "char":
        return [0, *(place + 1 for place, is_space in enumerate(starts) if is_space)]
    return [*{0, *(place for place, starts_word in enumerate(starts) if starts_word), len(tokens)}]


def _shortfalls(
    codec: Codec[VAEModel], store: TokenStore, z: Tensor, token: int | None = None
) -> list[np.ndarray]:
    """Return log p(token) - max log p at every place of each row and at its end, (T + 1,) nats; without a token, of the row's own.

    Under the conditions of the store; without guidance.
    """
    found = list[np.ndarray]()
    for start in range(0, len(store), ROWS):
        indices = np.arange(start, min(start + ROWS, len(store)))
        batch = collate(store, indices)
        tokens = torch.from_numpy(batch.tokens).to(codec.device)  # (B, T)
        given = codec.given(None if store.conditions is None else store.conditions.rows(indices))
        context = given.context if isinstance(given, GivenModel) else None
        steps = codec.model.step_logits(tokens, z[indices].to(codec.dtype).to(codec.device), context)
        wanted = tokens if token is None else torch.full_like(tokens, token)
        pairs = zip(steps, wanted.unsqueeze(2).unbind(dim=1), strict=True)
        below = torch.cat([logits.gather(1, one) - logits.amax(1, keepdim=True) for logits, one in pairs], 1)
        rows = zip(below.cpu().double().numpy(), batch.lengths, strict=True)
        found += [row[:length] for row, length in rows]
    return found
