"""From a corpus and settings to token stores, a tokenizer and resolved settings."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.config import RunConfig
from textvae.config.presets import resolved
from textvae.data.conditions import ConditionSchema
from textvae.data.known import Known, known_entries
from textvae.data.sharing import tokenizer_texts, with_source_tokenizer
from textvae.data.splits import Splits, open_splits
from textvae.data.store import TokenStore
from textvae.data.tokenizer_defaults import default_kind
from textvae.data.tokenizer_extension import extended
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS
from textvae.errors import DataError
from textvae.training.answering import conditional_stores, inherited_schema, with_condition
from textvae.training.concentration import with_concentration, with_fixed_rate
from textvae.training.origin import Origin

LENGTH_QUANTILE = 0.99
LONGEST = 512
"""Tokens a text is cut to at most unless the user says otherwise: memory, and what an RNN can carry."""
COUNTED_TEXTS = 200_000


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """All a trainer needs of a corpus."""

    config: RunConfig
    """Resolved: nothing is left to the corpus."""
    tokenizer: Tokenizer
    train: TokenStore
    """With conditions, where the settings name some."""
    valid: TokenStore
    schema: ConditionSchema | None
    """What the conditions are; None: there are none."""
    known: Known | None
    """What decoding keeps to; None: nothing."""
    facts: dict[str, Any]
    """Names, counts and hashes for the run's records."""
    warnings: tuple[str, ...]


def prepare(
    data: Any,
    config: RunConfig,
    *,
    tokenizer: Tokenizer | None = None,
    schema: ConditionSchema | None = None,
    origin: Origin | None = None,
    cache_dir: str | Path | None = None,
) -> Prepared:
    """Read, split and tokenize a corpus.

    Args:
        data: as for `textvae.data.splits.open_splits`.
        config: settings; what they leave open is taken from the corpus.
        tokenizer: one that exists already (a resumed run's); None: the origin's, or trained on the training texts.
        schema: conditions that are known already (a resumed run's); None: the origin's, or learned from the training texts.
        origin: the model that the run begins from, if any.
        cache_dir: where token arrays are kept, of texts without conditions; None: the user's cache folder.

    Raises:
        ConfigError: a concentration and a target rate that contradict each other.
        DataError: texts that cannot be used; see `open_splits`.
    """
    config = with_fixed_rate(config)
    if origin and schema is None:
        schema, own = inherited_schema(origin.codec.schema, config.data, origin.name)
        config = dataclasses.replace(config, data=own)
    splits = open_splits(data, config.data)
    config = dataclasses.replace(config, data=with_source_tokenizer(config.data, splits.train))
    tokenizer = tokenizer or _tokenizer(splits, config, origin)
    said: tuple[str, ...] = ()
    if config.data.has_condition:
        train, valid, schema, said = conditional_stores(splits, config.data, tokenizer, schema)
    else:
        train = TokenStore.cached(splits.train, tokenizer, cache_dir=cache_dir)
        valid = TokenStore.cached(splits.valid, tokenizer, cache_dir=cache_dir)
    if not len(train) or not len(valid):
        raise DataError("no text has a token left after tokenizing; check the text column")
    max_length = config.data.max_length or _max_length(train, origin)
    train, valid = train.cut(max_length), valid.cut(max_length)
    if schema is not None:
        config = dataclasses.replace(config, model=with_condition(config.model, schema, tokenizer))
    config = resolved(
        config,
        vocab_size=tokenizer.vocab_size,
        max_length=max_length,
        num_tokens=train.num_tokens,
        num_texts=len(train),
    )
    return Prepared(
        config=with_concentration(config),
        tokenizer=tokenizer,
        train=train,
        valid=valid,
        schema=schema,
        known=_known(splits, tokenizer, origin),
        facts=_facts(splits, train, valid, tokenizer)
        | {"text": splits.train.column}
        | ({"origin": origin.facts} if origin else {}),
        warnings=(*splits.warnings, *said, *(origin.advice(train, tokenizer) if origin else ())),
    )


def target_counts(store: TokenStore, vocab_size: int) -> Tensor:
    """Return how often each token is a target, (V,); counted on the first rows of a large corpus."""
    rows = np.arange(min(len(store), COUNTED_TEXTS))
    counts = np.bincount(store.take(rows)[0], minlength=vocab_size)
    counts[EOS] = len(rows)
    return torch.from_numpy(counts)


def _tokenizer(splits: Splits, config: RunConfig, origin: Origin | None) -> Tokenizer:
    if origin:
        kept = origin.codec.tokenizer
        if config.data.extend_vocabulary:
            return extended(kept, splits.train, vocab_size=config.data.vocab_size)
        return kept
    kind = default_kind(splits.train) if config.data.tokenizer == "auto" else config.data.tokenizer
    texts = tokenizer_texts(config.data, splits.train)
    return Tokenizer.train(
        texts, kind=kind, vocab_size=config.data.vocab_size, normalize=config.data.normalize
    )


def _max_length(train: TokenStore, origin: Origin | None) -> int:
    """Return the limit of a run that states none."""
    suited = min(train.quantile_length(LENGTH_QUANTILE), LONGEST)
    if origin is None:
        return suited
    before = origin.codec.model.config.max_length
    return before if origin.has_positions else max(before, suited)


def _known(splits: Splits, tokenizer: Tokenizer, origin: Origin | None) -> Known | None:
    """Return what decoding keeps to: entries of the corpus, and of what the origin was trained on."""
    known = known_entries(splits.train, tokenizer)
    return known.joined(origin.codec.known) if known and origin else known


def _facts(splits: Splits, train: TokenStore, valid: TokenStore, tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "train": {"name": splits.train.name, "sha256": splits.train.fingerprint, **_counts(train)},
        "valid": {"name": splits.valid.name, "sha256": splits.valid.fingerprint, **_counts(valid)},
        "tokenizer": {
            "kind": tokenizer.kind,
            "vocab_size": tokenizer.vocab_size,
            "sha256": tokenizer.fingerprint,
        },
    }


def _counts(store: TokenStore) -> dict[str, int]:
    return {"texts": len(store), "tokens": store.num_tokens, "cut": store.num_cut, "empty": store.num_empty}


def with_settings(prepared: Prepared, config: RunConfig) -> Prepared:
    """Return `prepared` under other resolved settings (a resumed run's)."""
    return dataclasses.replace(prepared, config=config)
