"""Texts with labels, sources and features, and conditional codecs whose models were never trained."""

from functools import cache

import numpy as np
import torch
from tiny import ENGLISH, tiny_config
from untrained import SIZES

from textvae.codec import Codec
from textvae.config import ModelConfig, RunConfig
from textvae.config.conditions import NUMERIC, LabelColumn
from textvae.data.conditions import ConditionSchema
from textvae.data.features import Features
from textvae.data.labels import Label
from textvae.data.tokenizers import Tokenizer
from textvae.models import VAEModel
from textvae.training.answering import with_condition

SUBJECTS = [" ".join(text.split()[:2]) for text in ENGLISH]
"""A label: who does something."""
LENGTHS = [len(text) for text in ENGLISH]
REST = [" ".join(text.split()[2:]) for text in ENGLISH]
"""A source: what is done."""
VECTORS = np.random.default_rng(0).normal(size=(len(ENGLISH), 3)).astype(np.float32)
FRAMES = np.random.default_rng(1).normal(size=(len(ENGLISH), 2, 3)).astype(np.float32)


def rows_of(columns: dict) -> list[dict]:
    """Return a list of mappings from columns of equal length."""
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


ROWS = rows_of({"text": ENGLISH, "who": SUBJECTS, "rest": REST, "length": LENGTHS})


@cache
def tokenizer_of(kind: str) -> Tokenizer:
    """Return a tokenizer of texts and sources, or of sources alone, in characters."""
    return (
        Tokenizer.train([*ENGLISH, *REST], kind="bpe", vocab_size=330)
        if kind == "bpe"
        else Tokenizer.train(REST, kind=kind)
    )


def conditional(
    *,
    labels: bool = True,
    source: bool = True,
    own: bool = False,
    features=None,
    dtype=torch.float64,
    **model,
) -> Codec:
    """Return a codec of random weights that takes a label and a number, a source and features, as asked for."""
    tokenizer = tokenizer_of("bpe")
    columns = (
        LabelColumn(name="who", column="who"),
        LabelColumn(name="length", column="length", kind=NUMERIC),
    )
    fitted = tuple(
        Label.fitted(column, cells) for column, cells in zip(columns, (SUBJECTS, LENGTHS), strict=True)
    )
    schema = ConditionSchema(
        labels=fitted if labels else (),
        source_max_length=6 if source else 0,
        source_tokenizer=tokenizer_of("char") if own else None,
        features=None if features is None else Features.fitted(features),
    )
    sizes = SIZES | {"condition_dim": 5, "source_dim": 6} | model
    config = with_condition(ModelConfig(vocab_size=tokenizer.vocab_size, **sizes), schema, tokenizer)
    torch.manual_seed(0)
    vae = VAEModel(config).to(dtype).eval()
    with torch.no_grad():
        for weights in vae.parameters():  # an untrained model hardly listens to anything
            weights.add_(0.3 * torch.randn_like(weights))
    return Codec(vae, tokenizer, schema=schema)


def values_for(codec: Codec, rows) -> dict:
    """Return what some texts answer to."""
    columns = {"who": SUBJECTS, "length": LENGTHS, "source": REST, "feature": list(FRAMES)}
    if codec.schema.features is not None and len(codec.schema.features.shape) == 1:
        columns["feature"] = list(VECTORS)
    return {name: [columns[name][row] for row in rows] for name in codec.schema.names}


def store_of(codec: Codec, rows):
    """Return some texts under their conditions."""
    return codec.store([ENGLISH[row] for row in rows], codec.conditions(values_for(codec, rows), len(rows)))


def conditional_config(**sections: dict) -> RunConfig:
    """Return settings of a run of a second with a label and a source."""
    small = {"condition_dim": 6, "source_dim": 6, "num_heads": 2, "source_encoder": "gru"}
    data = {"source": "rest", "labels": f"who,length:{NUMERIC}"}
    layers = {"model": small, "data": data}
    return tiny_config().updated(layers, sections)
