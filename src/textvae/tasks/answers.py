"""Several different answers to one condition: what a z beside the condition is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.codec.inputs import repeated_values
from textvae.config import DecodingConfig
from textvae.config.fields import check_count
from textvae.data.conditions import Conditions
from textvae.errors import ConditionError
from textvae.evaluation.likelihood import likelihoods
from textvae.tasks.latents import first_latents, prior_points, several_latents
from textvae.tasks.omissions import NOTHING, Wanted, fuller

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
        rerank: the best first, by `Answer.score`, in place of the order drawn; where `decoding.complete_of` is above 1, those that
            leave out fewest slots of their source before the others.
        seed: of z and tokens.

    Raises:
        ConfigError: n is below 1.
        ConditionError: no condition, or one that the model does not take.
    """
    one = needed_conditions(codec, values, 1)
    sources = sources_of(values, 1)
    [found] = answers_to_each(codec, one, n, sources=sources, decoding=decoding, rerank=rerank, seed=seed)
    return found


def sources_of(values: Mapping[str, Any], num: int) -> list[Any] | None:
    """Return the source texts of `num` conditions as people give them; None: they have none."""
    if values.get("source") is None:
        return None
    return repeated_values({"source": values["source"]}, num)["source"]


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
    sources: Sequence[str] | None = None,
    decoding: DecodingConfig | None = None,
    rerank: bool = False,
    seed: int = 0,
) -> list[list[Answer]]:
    """Return up to n different texts for each of N conditions; all are decoded together.

    Arguments are those of `answers`; of one condition the answers are the same. `sources`, where there are any, are the source
    texts of the conditions, in which slots are looked for.

    Raises:
        ConfigError: n is below 1.
    """
    check_count("n", n, 1)
    config = codec.decoding if decoding is None else decoding
    wanted = Wanted.of(sources if config.complete_of > 1 else None)
    texts = _different(codec, conditions, n, wanted, decoding, seed)
    owners = np.repeat(np.arange(len(texts)), [len(several) for several in texts])
    flat = [text for several in texts for text in several]
    scores = iter(_scores(codec, conditions.rows(owners), flat, seed))
    found = [[Answer(text, next(scores)) for text in several] for several in texts]
    if not rerank:
        return found
    return [
        sorted(several, key=lambda answer: (wanted.missing(row, answer.text), -answer.score))
        for row, several in enumerate(found)
    ]


def _different(
    codec: Codec,
    conditions: Conditions,
    n: int,
    wanted: Wanted,
    decoding: DecodingConfig | None,
    seed: int,
) -> list[list[str]]:
    """Return up to n different texts that are not empty for each condition, as `Tokenizer.said`; where draws repeat each other, more are drawn."""
    found: list[dict[str, None]] = [{} for _ in range(len(conditions))]
    config = codec.decoding if decoding is None else decoding
    if not config.temperature:
        firsts = first_answers(codec, conditions, config, wanted, seed=seed)
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
    codec: Codec, conditions: Conditions, decoding: DecodingConfig, wanted: Wanted = NOTHING, *, seed: int = 0
) -> list[str]:
    """Return the text that comes before all draws, for each of N conditions.

    It is the one of the prior's mean (`first_latents`), or with `decoding.num_latents` above 1 that of p(x|c) itself: z is
    integrated out over as many points of p(z|c). Where it leaves out what is wanted, `decoding.complete_of` above 1 asks for others
    (`fuller`).
    """
    if decoding.num_latents == 1 or not codec.model.config.has_latent:
        z = first_latents(codec, conditions, seed=seed)
    else:
        z = prior_points(codec, conditions, decoding.num_latents)
    found = list(map(codec.tokenizer.said, codec.decode(z, decoding, seed=seed, conditions=conditions)))
    return fuller(codec, conditions, wanted, found, decoding, seed=seed)


def _scores(codec: Codec, conditions: Conditions, texts: list[str], seed: int) -> list[float]:
    """Return the bound on log p(x|c) of each text under its condition, a token."""
    if not texts:
        return []
    store = codec.store(texts, conditions)
    nats = likelihoods(codec, store, num_samples=SCORED_SAMPLES, seed=seed).iw_nll.numpy()
    return (-nats / (store.lengths + 1)).tolist()
