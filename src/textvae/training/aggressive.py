"""Aggressive encoder updates: the encoder is fitted before each update of the decoder, until it no longer lags.

He et al. 2019, arXiv:1901.05534, algorithm 1. In each step the encoder alone takes updates on random batches until its
mean loss over WINDOW of them no longer falls; then the decoder alone takes one. At each epoch's end the mutual information
of held-out texts is measured; once it does not rise any more, training goes on as usual. The cost: up to MOST times that
of usual training while it lasts.
"""

from collections.abc import Sequence

import numpy as np

from textvae.codec import Codec
from textvae.data.batching import Batch, collate
from textvae.data.store import TokenStore
from textvae.diagnostics.latents import posterior_information
from textvae.models import VAEModel
from textvae.objectives.objective import Moment
from textvae.training.distributed import Ranks
from textvae.training.halves import decoder_only, encoder_only
from textvae.training.state import TrainState
from textvae.training.step import Stepper, StepReport

WINDOW, MOST = 15, 100
"""Encoder updates whose mean loss is compared with that of as many before; the most in one step. Both the authors'."""


class AggressiveEncoder:
    """The aggressive part of a run's training."""

    def __init__(self, model: VAEModel, stepper: Stepper, store: TokenStore, state: TrainState) -> None:
        self.stepper, self.store, self.state = stepper, store, state
        self.encoder, self.decoder = encoder_only(model), decoder_only(model)

    def take(self, batch: Batch, batches: Sequence[np.ndarray], moment: Moment) -> StepReport:
        """Fit the encoder, beginning with `batch` and going on with random ones of `batches`; then update the decoder.

        Raises:
            NonFiniteLossError: see `Stepper.take`.
        """
        generator = np.random.default_rng([self.stepper.config.training.seed, moment.step])
        losses, before, inner = [], float("inf"), batch
        for part in range(1, MOST):
            report = self.stepper.take(inner, moment, held=self.decoder, part=part)
            losses.append(
                (report.distortion + moment.beta * report.rate) * report.num_sentences / report.num_targets
            )
            if part % WINDOW == 0:
                mean = float(np.mean(losses[-WINDOW:]))
                if mean >= before:
                    break
                before = mean
            inner = collate(self.store, batches[int(generator.integers(len(batches)))])
        return self.stepper.take(batch, moment, held=self.encoder)

    def close_epoch(self, codec: Codec[VAEModel], held_out: TokenStore, ranks: Ranks) -> str | None:
        """End the aggressive part if the mutual information of held-out texts rises no more; return a word on it then."""
        before = self.state.mutual_information
        [now] = ranks.from_main(posterior_information(codec.posterior(held_out)))
        self.state.mutual_information = max(now, before)
        self.state.aggressive = now >= before
        if self.state.aggressive:
            return None
        return (
            f"aggressive updates of the encoder end: mutual information is {now:.2f} nats after {before:.2f}"
        )
