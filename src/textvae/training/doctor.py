"""The doctor's line in training: whether z is in use, told early, once, and with a remedy."""

import math
from pathlib import Path
from typing import Any

from textvae.codec import Codec
from textvae.diagnostics.remedies import UNNAMED, Remedies
from textvae.diagnostics.verdict import IDLE_NATS, IN_TRAINING, Finding, Vitals, find, off_target
from textvae.objectives import RateController
from textvae.objectives.betas import BetaOwner
from textvae.training.heldout import held_out, some_rows
from textvae.training.measures import HeldOut
from textvae.training.preparation import Prepared
from textvae.training.progress import Observer
from textvae.training.records import append_metrics
from textvae.training.state import TrainState
from textvae.training.updates import Updates

LOOKS = (0.25, 0.5, 0.75)
"""Shares of the first epoch after which the doctor looks; at the end of each epoch it reads the held-out measures."""
FIRST_LOOK = 50
"""Updates before which there is nothing to see."""
LEAST, MOST, SHARE = 32, 256, 0.01
"""Held-out texts of a look: a share of the training texts, between two bounds, so that a look costs no time to speak of."""
PAID = 0.1
"""A beta below this hardly weighs on the rate: a z that is not in use may yet come into use."""
SETTLED = 500
"""Updates after which a rate should be of use. Before, z runs ahead of a decoder that has yet to learn to read it."""
NEAR_FLOOR = 0.9
"""A rate below this share of its free bits costs nothing either."""


class Doctor:
    """Looks at held-out texts while a run trains. It draws nothing from training's noise and changes no weight.

    Args:
        prepared: the run's data and settings.
        run: its folder.
        observer: hears of what is found, again only when the verdict changes.
    """

    def __init__(self, prepared: Prepared, run: Path, observer: Observer) -> None:
        self.config, self.run, self.observer = prepared.config, run, observer
        self.remedies = Remedies(
            run=str(run),
            data=data_name(prepared.facts),
            settings=prepared.config,
            origin=prepared.facts.get("origin", {}).get("name"),
        )
        number = min(max(LEAST, int(SHARE * len(prepared.train))), MOST)
        self.sample = prepared.valid.rows(some_rows(prepared.valid, number))
        self.told: str | None = None

    def is_due(self, state: TrainState, num_batches: int) -> bool:
        """Return whether it is time for a look within the first epoch."""
        return (
            state.epoch == 0
            and state.step >= FIRST_LOOK
            and self.config.model.has_latent
            and state.batch in {math.ceil(share * num_batches) for share in LOOKS}
        )

    def look(self, codec: Codec, updates: Updates) -> None:
        """Measure a few held-out texts, record and judge."""
        held = held_out(codec, self.sample)
        record: dict[str, Any] = {"kind": "look", "step": updates.state.step, "beta": updates.present_beta}
        record |= {name: getattr(held, name) for name in ("distortion", "rate", "z_shuffle_gain")}
        append_metrics(self.run, record)
        self.judge(held, updates)

    def judge(self, held: HeldOut, updates: Updates) -> None:
        """Say what is wrong, if it was not said before, or that it no longer is."""
        vitals = vitals_of(held, self.config.model.latent_dim, updates.beta)
        if vitals is None:
            return
        rules = (*IN_TRAINING, off_target) if vitals.pinned else IN_TRAINING
        found = find(vitals, self.remedies, rules)
        sure = self._is_sure(held.rate, updates.present_beta, updates.state.step)
        if found and not (vitals.pinned or sure):
            return
        code = found[0].code if found else None
        if code != self.told:
            self.told = code
            self.observer.on_message(_message(found[0] if found else None, vitals, updates.state))

    def _is_sure(self, rate: float, beta: float, step: int) -> bool:
        """Return whether what is wrong now will hardly mend by itself: the rate is weighed, and gone or settled."""
        is_paid = beta >= PAID and rate >= NEAR_FLOOR * self.config.objective.free_nats
        return is_paid and (rate < IDLE_NATS or step >= SETTLED)


def vitals_of(held: HeldOut, latent_dim: int, beta: BetaOwner) -> Vitals | None:
    """Return held-out measures as a verdict asks for them; None where the gain is not known."""
    if held.z_shuffle_gain is None:
        return None
    return Vitals(
        num_texts=held.num_texts,
        num_targets=held.num_targets,
        latent_dim=latent_dim,
        distortion=held.distortion,
        rate=held.rate,
        active_units=held.active_units,
        gain=held.z_shuffle_gain,
        condition_gain=held.condition_shuffle_gain,
        target_rate=beta.target if isinstance(beta, RateController) else None,
        pinned=beta.pinned if isinstance(beta, RateController) else None,
    )


def data_name(facts: dict[str, Any]) -> str:
    """Return the name of a run's training data where it is that of a file here, else `UNNAMED`."""
    name = facts["train"]["name"].removesuffix(" (train)")
    return name if Path(name).exists() else UNNAMED


def _message(finding: Finding | None, vitals: Vitals, state: TrainState) -> str:
    if finding is None:
        return f"after {state.step:,} updates z is in use: {vitals.in_words()}"
    return f"after {state.step:,} updates: {finding.text}. A run without that:\n  {finding.remedy}"
