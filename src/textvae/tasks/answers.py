"""Several different answers to one condition: what a z beside the condition is for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.config.fields import check_count
from textvae.data.conditions import Conditions
from textvae.decoding.noise import normal_points, row_points
from textvae.distributions import DiagonalGaussian, on_cpu
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
    """Return up to n different texts, each from a z ~ p(z|c) of its own; where no tokens are drawn, `first_answers` come first.

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
    one = needed_conditions(codec, values, 1)
    [found] = answers_to_each(codec, one, n, decoding=decoding, rerank=rerank, seed=seed)
    return found


def needed_conditions(codec: Codec, values: Mapping[str, Any], num: int) -> Conditions:
    """Return `num` conditions, as `Codec.conditions` does.

    Raises:
        ConditionError: none is given, or one that the model does not take.
    """
    if (found := codec.conditions(values, num)) is not None:
        return found
    taken = (
        "train one with --source, --label or --feature" if codec.schema is None else codec.schema.described()
    )
    raise ConditionError(f"a condition is needed to answer to; {taken}")


def answers_to_each(
    codec: Codec,
    conditions: Conditions,
    n: int,
    *,
    decoding: DecodingConfig | None = None,
    rerank: bool = False,
    seed: int = 0,
) -> list[list[Answer]]:
    """Return up to n different texts for each of N conditions; all are decoded together.

    Arguments are those of `answers`; of one condition the answers are the same.

    Raises:
        ConfigError: n is below 1.
    """
    check_count("n", n, 1)
    texts = _different(codec, conditions, n, decoding, seed)
    owners = np.repeat(np.arange(len(texts)), [len(several) for several in texts])
    flat = [text for several in texts for text in several]
    scores = iter(_scores(codec, conditions.rows(owners), flat, seed))
    found = [[Answer(text, next(scores)) for text in several] for several in texts]
    return [sorted(row, key=lambda answer: -answer.score) for row in found] if rerank else found


def _different(
    codec: Codec, conditions: Conditions, n: int, decoding: DecodingConfig | None, seed: int
) -> list[list[str]]:
    """Return up to n different texts that are not empty for each condition, as `Tokenizer.said`; where draws repeat each other, more are drawn."""
    found: list[dict[str, None]] = [{} for _ in range(len(conditions))]
    config = codec.decoding if decoding is None else decoding
    if not config.temperature:
        firsts = first_answers(codec, conditions, config, seed=seed)
        found = [{text: None} if text.strip() else {} for text in firsts]
    for round_ in range(ROUNDS):
        short = [row for row, texts in enumerate(found) if len(texts) < n]
        if not short:
            break
        asked = conditions.rows(np.array(short))
        z = several_latents(codec, asked, n, config.prior_temperature, seed=seed + round_).flatten(0, 1)
        given = conditions.rows(np.repeat(np.array(short), n))
        drawn = list(map(codec.tokenizer.said, codec.decode(z, config, seed=seed + round_, conditions=given)))
        for place, row in enumerate(short):
            several = drawn[place * n : (place + 1) * n]
            found[row] |= dict.fromkeys(text for text in several if text.strip())
    return [list(texts)[:n] for texts in found]


def first_answers(
    codec: Codec, conditions: Conditions, decoding: DecodingConfig, *, seed: int = 0
) -> list[str]:
    """Return the text that comes before all draws, for each of N conditions.

    It is the one of the prior's mean (`first_latents`), or with `decoding.num_latents` above 1 that of p(x|c) itself: z is
    integrated out over as many points of p(z|c).
    """
    if decoding.num_latents == 1 or not codec.model.config.has_latent:
        z = first_latents(codec, conditions, seed=seed)
    else:
        z = prior_points(codec, conditions, decoding.num_latents)
    return list(map(codec.tokenizer.said, codec.decode(z, decoding, seed=seed, conditions=conditions)))


def first_latents(codec: Codec, conditions: Conditions, *, seed: int = 0) -> Tensor:
    """Return the mean of p(z|c), (N, D); where the prior does not say what it is, one draw for all."""
    prior = on_cpu(codec.prior(conditions))
    if codec.fitted_prior is None and isinstance(prior, DiagonalGaussian):
        return prior.loc.to(codec.dtype).expand(len(conditions), -1)
    one = codec.prior_sample(1, seed=seed, conditions=conditions.rows(np.zeros(1, np.int64)))
    return one.expand(len(conditions), -1)


def several_latents(
    codec: Codec, conditions: Conditions, num: int, temperature: float = 1.0, *, seed: int = 0
) -> Tensor:
    """Return `num` z for each of N conditions, (N, num, D): each of them a draw of p(z|c), and apart from each other.

    Args:
        codec: a conditional model.
        conditions: N of them.
        num: how many; they are stratified (`row_points`), so that few of them say more of p(z|c) than as many draws.
        temperature: the noise is taken times this; at 1, z ~ p(z|c).
        seed: with the row's number, the noise of each row.
    """
    prior = on_cpu(codec.prior(conditions))
    noise = temperature * row_points(seed, range(len(conditions)), num, prior.noise_dim)
    latents = [prior.at(noise[:, place].to(prior.tensors[0])) for place in range(num)]
    if not latents:
        return torch.empty(len(conditions), 0, codec.latent_dim, dtype=codec.dtype)
    return torch.stack(latents, dim=1).to(codec.dtype)


def prior_points(codec: Codec, conditions: Conditions, num: int) -> Tensor:
    """Return `num` points that stand for p(z|c) in a mean over it, (N, K, D), always the same ones."""
    prior = on_cpu(codec.prior(conditions))
    points = normal_points(num, prior.noise_dim).to(prior.tensors[0])
    latents = [prior.at(point.expand(len(conditions), -1)) for point in points]
    return torch.stack(latents, dim=1).to(codec.dtype)


def _scores(codec: Codec, conditions: Conditions, texts: list[str], seed: int) -> list[float]:
    """Return the bound on log p(x|c) of each text under its condition, a token."""
    if not texts:
        return []
    store = codec.store(texts, conditions)
    nats = likelihoods(codec, store, num_samples=SCORED_SAMPLES, seed=seed).iw_nll.numpy()
    return (-nats / (store.lengths + 1)).tolist()
