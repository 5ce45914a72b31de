"""How likely a decoder was to say a word somewhere in a text."""

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.batching import collate
from textvae.data.scripts import is_spaceless, script_counts
from textvae.data.store import TokenStore
from textvae.errors import ConfigError
from textvae.models import VAEModel

ROWS = 512
"""Beginnings of texts at a time."""


@torch.no_grad()
def presence(codec: Codec, texts: list[str], word: str, z: Tensor) -> np.ndarray:
    """Return the most that log p(word | text so far, z) is at any place of each text between two words, (N,) nats.

    Args:
        codec: of a model with weights, without conditions.
        texts: N of them.
        word: one that the tokenizer knows or can spell.
        z: (N, D).

    Raises:
        ConfigError: an export.
    """
    if not isinstance(codec.model, VAEModel):
        raise ConfigError("an export does not say how likely a word is; use the run that it came from")
    [spelt] = codec.tokenizer.encode([word])
    longest = codec.model.config.max_length - len(spelt)  # of what stands before the word
    anywhere = is_spaceless(script_counts(word))
    rows, owners = [], []
    for owner, tokens in enumerate(codec.tokenizer.encode(texts)):
        for place in range(len(tokens) + 1) if anywhere else _places(codec, tokens):
            if place <= longest:
                rows.append(np.concatenate([tokens[:place], spelt]))
                owners.append(owner)
    log_p = torch.empty(len(rows), dtype=torch.float64)
    store = TokenStore.from_rows(rows)
    for start in range(0, len(rows), ROWS):
        indices = np.arange(start, min(start + ROWS, len(rows)))
        log_p[indices] = _of_last(codec, store, indices, z[np.array(owners)[indices]], len(spelt))
    best = np.full(len(texts), -np.inf)
    np.maximum.at(best, owners, log_p.numpy())
    return best


def _places(codec: Codec, tokens: np.ndarray) -> list[int]:
    """Return the places before words, and the end."""
    starts = [
        0,
        *(place for place in range(1, len(tokens)) if codec.tokenizer.starts_word(int(tokens[place]))),
    ]
    return [*starts, len(tokens)]


def _of_last(codec: Codec, store: TokenStore, indices: np.ndarray, z: Tensor, num: int) -> Tensor:
    """Return log p of the last `num` tokens before `</s>` of each row, (R,)."""
    batch = collate(store, indices)
    lengths = torch.from_numpy(batch.lengths).to(codec.device)
    tokens = torch.from_numpy(batch.tokens).to(codec.device)
    log_p = codec.model.token_log_likelihood(tokens, lengths, z.to(codec.dtype).to(codec.device))
    place = torch.arange(tokens.shape[1], device=codec.device)
    ends = (lengths - 1).unsqueeze(1)
    counted = (place < ends) & (place >= ends - num)
    return log_p.masked_fill(~counted, 0.0).sum(dim=1).cpu().double()
