"""Several different answers to one condition: what a z beside the condition is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.config.fields import check_range
from textvae.data.conditions import Conditions
from textvae.data.store import TokenStore
from textvae.errors import ConditionError
from textvae.evaluation.likelihood import likelihoods

ROUNDS = 4
"""Times that equal answers are drawn anew."""
SCORED_SAMPLES = 16
"""K of the bound on log p(x|c) that answers are scored by."""


@dataclass(frozen=True)
class Answer:
    """A text for a condition.

    Attributes:
        text: as decoded.
        score: log p(x|c) a token, `</s>` counted, nats: the importance-weighted bound with K = 16.
    """

    text: str
    score: float


def answers(
    codec: Codec,
    values: Mapping[str, Any],
    n: int,
    *,
    decoding: DecodingConfig | None = None,
    rerank: bool = False,
    seed: int = 0,
) -> list[Answer]:
    """Return up to n different texts, each from a z ~ p(z|c) of its own.

    Args:
        codec: a conditional model.
        values: one condition, by name.
        n: how many.
        decoding: None: the codec's own.
        rerank: the best first, in place of the order drawn.
        seed: of z and tokens.

    Raises:
        ConfigError: n is below 1.
        ConditionError: no condition, or one that the model does not take.
    """
    check_range("n", n, 1)
    if not values:
        taken = (
            "train one with --source, --label or --feature"
            if codec.schema is None
            else codec.schema.described()
        )
        raise ConditionError(f"a condition is needed to answer to; {taken}")
    one = codec.conditions(values, 1)
    assert one is not None
    texts = _different(codec, one, n, decoding, seed)
    scores = _scores(codec, one, texts, seed)
    found = [Answer(text, score) for text, score in zip(texts, scores, strict=True)]
    return sorted(found, key=lambda answer: -answer.score) if rerank else found


def _different(
    codec: Codec, one: Conditions, n: int, decoding: DecodingConfig | None, seed: int
) -> list[str]:
    """Return up to n different texts that are not empty; where draws repeat each other, more are drawn."""
    found: dict[str, None] = {}
    for round_ in range(ROUNDS):
        given = one.rows(np.zeros(n, np.int64))
        z = codec.prior_sample(n, seed=seed + round_, conditions=given)
        drawn = codec.decode(z, decoding, seed=seed + round_, conditions=given)
        found |= dict.fromkeys(text for text in drawn if text.strip())
        if len(found) >= n:
            break
    return list(found)[:n]


def _scores(codec: Codec, one: Conditions, texts: list[str], seed: int) -> list[float]:
    """Return the bound on log p(x|c) of each text, a token."""
    if not texts:
        return []
    store: TokenStore = codec.store(texts, one.rows(np.zeros(len(texts), np.int64)))
    nats = likelihoods(codec, store, num_samples=SCORED_SAMPLES, seed=seed).iw_nll.numpy()
    return (-nats / (store.lengths + 1)).tolist()
