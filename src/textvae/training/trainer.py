"""The training loop, to be read in one sitting."""

import time
from pathlib import Path

import numpy as np
import torch

from textvae.codec import Codec
from textvae.data.batching import Batch, collate, epoch_batches
from textvae.errors import NonFiniteLossError
from textvae.objectives import RateController
from textvae.storage.temporaries import remove_stale_temporaries
from textvae.training import recent
from textvae.training.checkpoints import (
    latest_checkpoint,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
)
from textvae.training.curves import draw_curves
from textvae.training.deadline import Deadline
from textvae.training.distributed import Ranks
from textvae.training.doctor import Doctor
from textvae.training.examination import Examination
from textvae.training.initial import initial_model
from textvae.training.interrupts import Interrupts
from textvae.training.origin import Origin
from textvae.training.precision import choose_precision
from textvae.training.preparation import Prepared
from textvae.training.progress import Observer, Silent, Standing, Start
from textvae.training.records import append_metrics, cut_metrics, write_config, write_failed
from textvae.training.state import TrainState
from textvae.training.step import SAMPLED, StepReport
from textvae.training.updates import Updates

NO_TIME = (
    "the time limit was used up before training began; one update is made, and the model is not worth keeping"
)
UNBEGUN = (
    "training ended within the pretraining: the model is an autoencoder, and its random texts are not worth reading; "
    "give it more --max-time, or fewer objective.pretraining_epochs"
)
RECORD_EVERY, DRAW_EVERY = 20, 30.0
"""Steps between training records; seconds between drawings of the curves, which take a fraction of one."""
BEFORE_ALL = -1
"""The step after which everything is recorded: what a run did before its first update it does again."""


class Trainer:
    """Trains one run in one folder; a killed run goes on from its last checkpoint, bit for bit."""

    def __init__(
        self,
        prepared: Prepared,
        run: Path,
        *,
        device: torch.device,
        ranks: Ranks | None = None,
        observer: Observer | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.prepared, self.config, self.run = prepared, prepared.config, Path(run)
        self.ranks, self.observer = ranks or Ranks(), observer or Silent()
        training = self.config.training
        model = initial_model(prepared, origin)
        precision = choose_precision(training.precision, device)
        model.to(device, torch.float64 if precision == "fp64" else torch.float32)
        self.codec = Codec(
            model,
            prepared.tokenizer,
            decoding=self.config.decoding,
            known=prepared.known,
            schema=prepared.schema,
        )
        self.updates = Updates(model, self.config, precision, self.ranks, prepared.train)
        self.state = self.updates.state
        if origin and origin.beta is not None and isinstance(self.updates.beta, RateController):
            self.updates.beta.start(origin.beta)
        self.doctor = Doctor(prepared, self.run, self.observer)
        self.deadline = Deadline(training.max_time, self.ranks)
        self.examination = Examination(
            prepared, self.run, self.codec, self.updates, self.observer, self.ranks
        )
        self._num_batches = 1
        self._drawn = time.monotonic()

    def resume(self) -> bool:
        """Go on from the newest checkpoint; return whether there was one.

        Raises:
            RunError: there are checkpoints, none of which can be read.
        """
        folder = latest_checkpoint(self.run)
        if folder is not None:
            self.state = load_checkpoint(folder, self.codec, self.updates)
            self.updates.remember(self.state)
        if self.ranks.is_main:
            remove_stale_temporaries(self.run)
            cut_metrics(self.run, self.state.step or BEFORE_ALL)
        return folder is not None

    def train(self) -> TrainState:
        """Train to the end; return the final state.

        Raises:
            NonFiniteLossError: the batch is written out; the last checkpoint is intact.
            SaveError: a checkpoint could not be written.
            KeyboardInterrupt: Ctrl-C; a checkpoint was saved first.
        """
        self.deadline.start()
        if self.ranks.is_main:
            self.observer.on_start(self._start())
        with Interrupts() as self.interrupts:
            if self.config.training.output == "sampled":
                self.observer.on_message(SAMPLED)
            self._begin()
            self.deadline.rehearse(self.state, self.codec, self.prepared.valid, self.config)
            self.deadline.lap(self.state)
            if self.state.step == 0 and self._progress() >= 1:
                self.observer.on_message(NO_TIME)
            while self.state.step == 0 or not self._finished():
                self._epoch()
        if self.updates.pretraining.is_on:
            self.observer.on_message(UNBEGUN)
        if self.ranks.is_main:
            draw_curves(self.run)
        return self.state

    def _begin(self) -> None:
        """Save and, if it was another run's, evaluate what there is before the first update; write the settings.

        In this order: a folder that has settings has a checkpoint to go on from, with the weights it began from.
        """
        if self.state.step == 0:
            self._checkpoint()
        if self.ranks.is_main:
            write_config(self.run, self.config)
        if self.state.step == 0 and "origin" in self.prepared.facts:
            self.deadline.lap(self.state)
            begun = self.state.elapsed
            self._evaluate()
            self.deadline.lap(self.state)
            self.deadline.closed(self.state, begun)

    def _epoch(self) -> None:
        training, state = self.config.training, self.state
        self.updates.begin_epoch(self._progress())
        batches = epoch_batches(
            self.prepared.train.batch_lengths,
            self.updates.stepper.batch_tokens,
            training.seed,
            state.epoch,
            rank=self.ranks.rank,
            world_size=self.ranks.world_size,
        )
        self._num_batches = len(batches)
        for indices in batches[state.batch :]:
            if state.step and self._progress() >= 1:
                break
            self._count(self._step(collate(self.prepared.train, indices), batches))
            self._look(len(batches))
            if self.ranks.any(self.interrupts.asked):  # together: the others would wait in the next update
                self._checkpoint()
                raise KeyboardInterrupt
            if state.step % training.checkpoint_every == 0 and state.batch < len(batches):
                self._checkpoint()
        state.epoch, state.batch = state.epoch + 1, 0
        self._close_epoch()

    def _close_epoch(self) -> None:
        """Evaluate and save, and note how long it took."""
        begun = self.state.elapsed
        self._evaluate()
        self.deadline.lap(self.state)
        self._checkpoint()
        if self.ranks.is_main and time.monotonic() - self._drawn > DRAW_EVERY:
            draw_curves(self.run)
            self._drawn = time.monotonic()
        self.deadline.lap(self.state)
        self.deadline.closed(self.state, begun)

    def _step(self, batch: Batch, batches: list[np.ndarray]) -> StepReport:
        state = self.state
        try:
            report = self.updates.take(
                batch, batches, progress=self._progress(), epochs_done=self._epochs_done()
            )
        except NonFiniteLossError as error:
            if error.is_here:
                write_failed(self.run, self.codec.tokenizer, batch, state.step, str(error))
            raise
        state.step, state.batch = state.step + 1, state.batch + 1
        return report

    def _count(self, report: StepReport) -> None:
        self.deadline.lap(self.state, report.num_targets)
        if self.ranks.is_main:
            recent.add(self.state.recent, report)
            if self.state.step % RECORD_EVERY == 0:
                seen = recent.closed(self.state.recent, report)
                append_metrics(self.run, {"kind": "train", "step": self.state.step, **seen})
            self.observer.on_step(report, self._standing())

    def _look(self, num_batches: int) -> None:
        if self.doctor.is_due(self.state, num_batches):
            if self.ranks.is_main:
                self.doctor.look(self.codec, self.updates)
            self.deadline.lap(self.state)

    def _evaluate(self) -> None:
        held, best = self.examination.take(self.state)
        self.observer.on_epoch(held, self._standing(), best=best)
        self.doctor.judge(held, self.updates)

    def _finished(self) -> bool:
        pretraining, patience = self.updates.pretraining, self.config.training.patience
        if pretraining.is_on or pretraining.just_ended:  # an autoencoder's -ELBO rises as it learns
            patience = 0
        if self.state.batch == 0 and patience and self.state.epoch - self.state.best_epoch >= patience:
            self.observer.on_message(f"stopped early: no better held-out result in {patience} epochs")
            return True
        return self.state.batch == 0 and self._progress() >= 1

    def _progress(self) -> float:
        training, state = self.config.training, self.state
        assert training.epochs is not None
        return min(1.0, max(self._epochs_done() / training.epochs, self.deadline.share_used(state)))

    def _epochs_done(self) -> float:
        return self.state.epoch + self.state.batch / self._num_batches

    def _start(self) -> Start:
        return Start(
            config=self.config,
            facts=self.prepared.facts,
            num_parameters=sum(weights.numel() for weights in self.codec.model.parameters()),
            device=str(self.codec.device),
            precision=self.updates.stepper.precision,
            num_ranks=self.ranks.world_size,
            step=self.state.step,
        )

    def _standing(self) -> Standing:
        progress = self._progress()
        left = self.state.elapsed * (1 - progress) / progress if progress else 0.0
        return Standing(
            step=self.state.step,
            epoch=self.state.epoch + (self.state.batch > 0),
            progress=progress,
            tokens_per_second=self.deadline.clock.tokens_per_second,
            eta=left + self.deadline.closing(self.state),
            target_rate=self.updates.beta.target if isinstance(self.updates.beta, RateController) else None,
            active_units=last.active_units if (last := self.examination.last) else None,
        )

    def _checkpoint(self) -> None:
        if self.ranks.is_main:
            self.state.beta = self.updates.beta.state()
            save_checkpoint(self.run, self.codec, self.updates, self.state)
            prune_checkpoints(self.run, self.config.training.keep_checkpoints)
        self.ranks.barrier()
