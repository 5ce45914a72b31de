"""textvae at the sizes of the comparison: model, settings, and the real training path."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.corpus import MAX_LENGTH
from benchmarks.speed.marks import SIZES
from textvae.config import RunConfig
from textvae.data.batching import Batch, collate, epoch_batches
from textvae.data.store import TokenStore
from textvae.models import VAEModel
from textvae.models.output import OutputLayer
from textvae.objectives.objective import Moment
from textvae.training.distributed import Ranks
from textvae.training.optimization import MovingAverage
from textvae.training.precision import choose_precision
from textvae.training.step import Stepper

CPU = torch.device("cpu")
BATCH_TOKENS = 1000
"""The default: about 47 of PTB's sentences; the baseline's 32 are about 700 tokens."""

PLAIN: dict[str, dict[str, Any]] = {
    "model": {"dropout": 0.0, "embed_dropout": 0.0, "encoder_dropout": 0.0, "tie_embeddings": False},
    "training": {"word_dropout": 0.0, "ema": 0.0, "batch_tokens": BATCH_TOKENS},
}
"""What the baseline does not have is off; clipping and the checks of `Stepper.take` stay."""

DEFAULTS = {
    section: {name: getattr(getattr(RunConfig(), section), name) for name in values if name != "batch_tokens"}
    for section, values in PLAIN.items()
}
"""The same settings as a run has them, in batches of the same size: a run's own depends on its corpus."""

SAMPLED: dict[str, dict[str, Any]] = {"training": {"output": "sampled"}}
"""Training on a sample of the vocabulary."""


def settings(size: str, cell: str, vocab_size: int, *layers: dict[str, dict[str, Any]]) -> RunConfig:
    """Return the settings of a size, with `layers` laid over."""
    widths = SIZES[size]
    model = {
        "encoder": cell,
        "decoder": cell,
        "vocab_size": vocab_size,
        "max_length": MAX_LENGTH,
        "embed_dim": widths.embed_dim,
        "encoder_dim": widths.hidden_dim,
        "decoder_dim": widths.hidden_dim,
        "latent_dim": widths.latent_dim,
    }
    return RunConfig().updated(PLAIN, {"model": model}, *layers)


class Training:
    """Updates over a fixed set of batches, by the steps the trainer takes.

    Args:
        config: resolved settings.
        batches: one update each, in every run.
        counts: how often each token is a target, (V,): the start of the output layer.
        precision: fp32 or bf16.
        ranks: None: one process.
    """

    def __init__(
        self,
        config: RunConfig,
        batches: Sequence[Batch],
        counts: Tensor,
        *,
        precision: str = "fp32",
        ranks: Ranks | None = None,
    ) -> None:
        self.model = untrained(config, counts)
        self.batches, self.num_steps = batches, 0
        self.stepper = Stepper(self.model, config, choose_precision(precision, CPU), ranks or Ranks())
        self.average = MovingAverage(self.model, config.training.ema) if config.training.ema else None

    def run(self) -> int:
        """Take an update a batch; return the targets seen."""
        for batch in self.batches:
            self.stepper.take(batch, Moment(beta=0.1, step=self.num_steps, progress=0.5))
            self.num_steps += 1
            if self.average:
                self.average.update(self.model, self.num_steps)
        return sum(batch.num_targets for batch in self.batches)


def untrained(config: RunConfig, counts: Tensor) -> VAEModel:
    """Return a model whose output layer knows how often each token is a target, (V,)."""
    model = VAEModel(config.model)
    output = model.decoder.output
    assert isinstance(output, OutputLayer)
    output.start_from_frequencies(counts)
    return model


def even_batches(store: TokenStore, num: int, batch_tokens: int = BATCH_TOKENS) -> list[Batch]:
    """Return `num` batches of an epoch that stand for it: every n-th by the length of its texts."""
    batches = epoch_batches(store.lengths, batch_tokens, 0, 0)
    batches.sort(key=lambda indices: int(store.lengths[indices].max()))
    places = ((np.arange(num) + 0.5) * len(batches) / num).astype(int)
    return [collate(store, batches[place]) for place in places]
