"""What held-out texts say of a model between epochs: measured, recorded, and the best model kept."""

import dataclasses
from pathlib import Path
from typing import Any

from textvae.codec import Codec, codec_files
from textvae.codec.location import MODEL_FOLDER
from textvae.objectives import Faithful, RateController
from textvae.storage.atomic import write_folder
from textvae.training.card import write_card
from textvae.training.distributed import Ranks
from textvae.training.heldout import chosen_by, held_out, random_texts, token_accuracy
from textvae.training.measures import HeldOut
from textvae.training.preparation import Prepared
from textvae.training.progress import Observer
from textvae.training.records import append_metrics, write_samples
from textvae.training.state import TrainState
from textvae.training.updates import Updates


class Examination:
    """Measures held-out texts; of all ranks the main one records and saves.

    Attributes:
        last: what it found the last time; None: it was not asked yet.
    """

    def __init__(
        self,
        prepared: Prepared,
        run: Path,
        codec: Codec,
        updates: Updates,
        observer: Observer,
        ranks: Ranks,
    ) -> None:
        self.prepared, self.config, self.run = prepared, prepared.config, run
        self.codec, self.updates, self.observer, self.ranks = codec, updates, observer, ranks
        self.last: HeldOut | None = None

    def take(self, state: TrainState) -> tuple[HeldOut, bool]:
        """Measure the averaged weights, where there is an average; return what was found, and whether it is the best so far.

        The best is noted in `state`, and its model is kept.
        """
        average = self.updates.average
        if average:
            average.swap(self.codec.model)
        self.ranks.share_buffers(self.codec.model)
        self.last = held = held_out(self.codec, self.prepared.valid)
        accuracy = self._heard_accuracy()
        [criterion] = self.ranks.from_main(chosen_by(held, accuracy, self.config.objective.faithful))
        best = state.best is None or criterion < state.best
        if best:
            state.best, state.best_epoch = criterion, state.epoch
        if self.ranks.is_main:
            if best:
                self._keep(held, state)
            self._record(held, accuracy, state, best=best)
        if self.updates.is_aggressive and state.step:
            said = self.updates.aggressive.close_epoch(self.codec, self.prepared.valid, self.ranks)
            if said:
                self.observer.on_message(said)
        if average:
            average.swap(self.codec.model)
        return held, best

    def _heard_accuracy(self) -> float | None:
        """Tell the controller which share of held-out tokens comes back, if it wants to know, and return it."""
        if not isinstance(beta := self.updates.beta, Faithful):
            return None
        [accuracy] = self.ranks.from_main(token_accuracy(self.codec, self.prepared.valid))
        beta.hear(accuracy)
        return accuracy

    def _keep(self, held: HeldOut, state: TrainState) -> None:
        """Save the model and its card."""
        metadata = {
            "epoch": state.epoch,
            "step": state.step,
            "held_out": dataclasses.asdict(held),
            "beta": self.updates.present_beta,
            "data": self.prepared.facts,
        }
        write_folder(self.run / MODEL_FOLDER, codec_files(self.codec), metadata=metadata)
        num_parameters = sum(p.numel() for p in self.codec.model.parameters())
        write_card(self.run, self.config, self.prepared.facts, held, num_parameters)

    def _record(self, held: HeldOut, accuracy: float | None, state: TrainState, *, best: bool) -> None:
        """Write a line of metrics, and random texts."""
        record: dict[str, Any] = {"kind": "held_out", "step": state.step, "epoch": state.epoch, "best": best}
        record |= held.record()
        beta = self.updates.beta
        if isinstance(beta, RateController):
            record["target_rate"] = beta.target
        if isinstance(beta, Faithful):
            record["target_distortion"] = beta.target  # nats a token
            record["token_accuracy"] = accuracy
        append_metrics(self.run, record)
        if num := self.config.training.samples:
            texts = random_texts(self.codec, self.prepared.valid, num, seed=state.epoch)
            write_samples(self.run, state.epoch, texts)
