"""Gaps filled by a model that was trained for it: the text with its gap is the source, the answer goes into the gap."""

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.data.derived import GAP
from textvae.errors import ConfigError
from textvae.tasks.answers import answers
from textvae.tasks.infilling.filling import Filling
from textvae.tasks.infilling.gapped import Gapped


def takes_source(codec: Codec) -> bool:
    """Return whether a model answers to a source text that may have a gap or end early: of the tasks infill and completion, or of a column."""
    return (
        codec.schema is not None
        and "source" in codec.schema.names
        and codec.schema.columns.pairs != "dialogue"
    )


def answered(
    codec: Codec, text: str, n: int, *, decoding: DecodingConfig | None = None, seed: int = 0
) -> list[Filling]:
    """Return up to n different fillings of one gap by a model of `--task infill`, the likeliest first.

    A text that ends with `...` is for a model of `--task completion`: its beginning is the source.

    Args:
        codec: a model that takes a source.
        text: with one gap.
        n: how many.
        decoding: None: the codec's own.
        seed: of z and tokens.

    Raises:
        ConfigError: several gaps, or a model without a source.
        DataError: no gap.
    """
    if not takes_source(codec):
        raise ConfigError(
            "this model takes no source with a gap; fill through its latents (method latent), or train one with --task infill"
        )
    gapped = Gapped.read(text)
    if len(gapped.parts) > 2:
        raise ConfigError(
            f"{text!r:.60} has {len(gapped.parts) - 1} gaps; a model of --task infill fills one: fill one at a time"
        )
    if codec.schema is not None and codec.schema.columns.pairs == "completion" and gapped.parts[-1].strip():
        raise ConfigError(
            f"{text!r:.60} goes on behind its gap; a model of --task completion writes ends: let the text end with ..."
        )
    source = text if GAP in text else gapped.parts[0].strip()
    found = answers(codec, {"source": source}, n, decoding=decoding, rerank=True, seed=seed)
    return [Filling(gapped.joined([one.text]), (one.text,), one.score) for one in found]
