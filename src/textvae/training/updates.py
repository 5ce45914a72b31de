"""All updates of a run: of which kind each is, with which beta, and the moving average that follows them."""

import numpy as np

from textvae.config import RunConfig
from textvae.data.batching import Batch
from textvae.data.store import TokenStore
from textvae.models import VAEModel
from textvae.objectives import build_beta
from textvae.objectives.capacity import capacity_at
from textvae.objectives.objective import Moment
from textvae.training.aggressive import AggressiveEncoder
from textvae.training.distributed import Ranks
from textvae.training.optimization import MovingAverage
from textvae.training.pretraining import Pretraining, reset_decoder
from textvae.training.state import TrainState
from textvae.training.step import Stepper, StepReport


class Updates:
    """Makes a run's updates: an autoencoder's at first or not, aggressive ones or not, under beta's owner.

    Attributes:
        stepper: makes one update.
        beta: beta's owner; it neither acts nor listens during the pretraining.
        average: of the weights; None where it is off.
    """

    def __init__(
        self, model: VAEModel, config: RunConfig, precision: str, ranks: Ranks, store: TokenStore
    ) -> None:
        self.model, self.config, self.store = model, config, store
        self.stepper = Stepper(model, config, precision, ranks)
        self.beta = build_beta(config.objective)
        self.average = MovingAverage(model, config.training.ema) if config.training.ema else None
        self.remember(TrainState())

    def remember(self, state: TrainState) -> None:
        """Go on from `state`, which is kept up to date from here on but for the count of steps and epochs."""
        self.state = state
        self.pretraining = Pretraining(self.config.objective.pretraining_epochs, state)
        self.aggressive = AggressiveEncoder(self.model, self.stepper, self.store, state)
        if state.beta:
            self.beta.restore(state.beta)

    @property
    def is_aggressive(self) -> bool:
        """Whether the encoder is fitted before each update of the decoder."""
        return self.config.training.aggressive and self.state.aggressive and not self.pretraining.is_on

    @property
    def present_beta(self) -> float:
        """The weight of the rate-term in the next update."""
        return 0.0 if self.pretraining.is_on else self.beta.beta(self.pretraining.step())

    def begin_epoch(self, progress: float) -> None:
        """Begin the objective proper if the pretraining has just ended, at `progress` of the whole run."""
        if not self.pretraining.just_ended:
            return
        self.pretraining.end(progress)
        if self.config.objective.reset_decoder:
            reset_decoder(self.model, self.config.training.seed + 1)
        self.stepper.start()
        if self.average:
            self.average = MovingAverage(self.model, self.average.decay)

    def take(
        self, batch: Batch, batches: list[np.ndarray], *, progress: float, epochs_done: float
    ) -> StepReport:
        """Make the update of the present step.

        Args:
            batch: what it is made on.
            batches: all of the epoch's, each the indices of its texts.
            progress: share of the whole run done.
            epochs_done: whole and part.

        Raises:
            NonFiniteLossError: see `Stepper.take`.
        """
        step = self.pretraining.step()
        progress = self.pretraining.progress(progress, epochs_done)
        moment = Moment(
            beta=self.present_beta,
            capacity=capacity_at(self.config.objective, step),
            exact=progress >= 1 - self.config.training.exact_last,
            step=self.state.step,
            progress=progress,
        )
        if self.is_aggressive:
            report = self.aggressive.take(batch, batches, moment)
        else:
            report = self.stepper.take(batch, moment)
        if not self.pretraining.is_on:
            self.beta.observe(report.rate, report.distortion * report.num_sentences / report.num_targets)
        if self.average:
            self.average.update(self.model, step + 1, frozen=self.stepper.freezing.names)
        return report
