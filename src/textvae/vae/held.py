"""What all verbs of `TextVAE` stand on: a codec, and who hears of progress."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from textvae.codec import Codec
from textvae.codec.inputs import drawn_seed
from textvae.config import DecodingConfig
from textvae.control.moves.conditioned import Conditioned
from textvae.data.conditions import Conditions
from textvae.data.examples import open_examples, reading_options
from textvae.data.sources import open_corpus
from textvae.errors import ConfigError, ExportError
from textvae.models import VAEModel
from textvae.progress import Progress

Given = Mapping[str, Any] | None
"""Conditions by name."""


class Held:
    """A model with its tokenizer and decoding, as people hold it."""

    def __init__(
        self, codec: Codec, *, metadata: Mapping[str, Any] | None = None, run: str | Path | None = None
    ) -> None:
        self.codec = codec
        self.metadata = dict(metadata or {})
        self.run = run

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of z."""
        return self.codec.latent_dim

    @property
    def progress(self) -> Progress | None:
        """Who hears how far encoding, decoding and measuring are; None, as at first: nobody.

        `vae.progress = ProgressLine()` shows it on standard error. It stands here and not among the arguments of each
        method, as sentence-transformers' `show_progress_bar` does: what hears it is the same for all of them.
        """
        return self.codec.work.listener

    @progress.setter
    def progress(self, listener: Progress | None) -> None:
        self.codec.work.listener = listener

    @property
    def text_column(self) -> str | int | None:
        """The column that the training texts were read from, where training was told."""
        return self.metadata.get("data", {}).get("text")

    @property
    def reading(self) -> dict[str, Any]:
        """Options of `open_corpus` with which texts, and the conditions that the model takes, are read as in training."""
        schema = self.codec.schema
        return {"expected": self.text_column} | (reading_options(schema.columns) if schema else {})

    def _with_latent(self) -> Codec:
        """Return the codec of a model that has a z.

        Raises:
            ConfigError: it is a language model.
        """
        if not self.codec.model.config.has_latent:
            raise ConfigError(
                "this is a language model without z, and there is nothing to move; train one with an encoder"
            )
        return self.codec

    def _conditioned(
        self, conditions: Given, decoding: DecodingConfig | None, seed: int | None
    ) -> Conditioned:
        """Return the model under one condition, to move latents with."""
        codec = self._with_latent()
        return Conditioned(codec, codec.conditions(conditions, 1), decoding, drawn_seed(seed))

    def _texts(self, data: Any) -> tuple[list[str], Conditions | None]:
        """Return the texts of a corpus, with their conditions where the model takes some."""
        corpus = open_corpus(data, **self.reading)
        if self.codec.schema is None:
            return list(corpus), None
        found = open_examples(corpus, self.codec.schema, self.codec.tokenizer)
        return found.texts, found.conditions

    def _trained(self) -> Codec[VAEModel]:
        """Return the codec of a model that has weights."""
        if not isinstance(self.codec.model, VAEModel):
            raise ExportError(
                "an export can be run and copied, not saved or exported again; use the run that it came from"
            )
        return cast(Codec[VAEModel], self.codec)
