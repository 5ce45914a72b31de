"""A verdict on a run, from its numbers alone: what is wrong, in words, and what to do about it, as a command.

Whether z is in use is judged by what it buys the decoder and by what it tells of the text, not by the rate: a posterior
can lie far from the prior, at many nats, and be the same for every text.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from textvae.config.presets import FAITHFUL_NATS, default_target_rate
from textvae.diagnostics.remedies import Remedies

Severity = Literal["ill", "warning", "note"]

IDLE_NATS = 0.5
"""A gain below this is none: z decides less than one word in a text."""
LEAST_RATE = 0.1
"""Nats: no remedy asks for less."""
IDLE_CONDITION = 0.1
"""A condition that buys less is not read: labels that the words show anyway may buy little more."""
EMPTY = 0.5
"""A gain, or information, below this share of the rate: most of the rate is paid for nothing."""
OFF_TARGET = 0.15
"""A rate within this share of its target has reached it."""
FEW_UNITS = 0.25
"""Active units below this share of all are few."""
CEILING = 0.9
"""Mutual information above this share of ln N may be higher than N texts can show."""
TRUSTED = 0.75
"""Below this share of ln N it is near enough to the truth to be taken from the rate."""
GAP_NATS, GAP = 1.0, 0.15
"""A divergence of the aggregate posterior from the prior above both, the second a share of the rate, is a gap."""
WORSE_NATS, WORSE = 2.0, 0.02
"""A bound above the language model's NLL by more than both, the second a share of that, is worse."""


@dataclass(frozen=True, kw_only=True)
class Vitals:
    """What a verdict rests on: means over held-out texts, nats a text; None: not known."""

    num_texts: int
    num_targets: int
    """Of all texts, `</s>` counted."""
    latent_dim: int
    distortion: float
    rate: float
    """Against the prior of training."""
    active_units: int
    """At .01."""
    gain: float
    """By which another text's z is worse: `z_shuffle_gain`."""
    condition_gain: float | None = None
    """By which another text's condition is worse: `condition_shuffle_gain`."""
    mutual_information: float | None = None
    prior_gap: float | None = None
    """At least so many nats of the rate are KL(q(z) || p(z)), and no information."""
    prior_fitted: bool = False
    prior_conditional: bool = False
    """p(z|c): what the condition tells of z is in the mutual information with the text, and not in the rate."""
    iw_nll: float | None = None
    baseline_nll: float | None = None
    """Of the same decoder without z."""
    target_rate: float | None = None
    pinned: str | None = None
    """The end of its range, low or high, at which the controller of beta rests."""

    @property
    def targets_per_text(self) -> float:
        """Mean length in tokens, `</s>` counted."""
        return self.num_targets / self.num_texts

    def in_words(self) -> str:
        """Return the numbers that matter in a sentence."""
        given = (
            "" if self.condition_gain is None else f", the condition {nats(self.condition_gain)} beside it"
        )
        return (
            f"rate {nats(self.rate)} nats, {self.active_units} of {self.latent_dim} units, "
            f"z buys {nats(self.gain)} nats{given}"
        )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a run that its owner should know."""

    code: str
    severity: Severity
    """ill: z does not do its work. warning: something is off. note: how to read the rest."""
    text: str
    remedy: str | None = None
    """A command."""


Rule = Callable[[Vitals, Remedies], Finding | None]


def ignores_z(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """Another text's z is as good as the text's own: the posterior has collapsed, or nobody reads it."""
    if vitals.gain >= IDLE_NATS:
        return None
    paid = (
        f"the posterior is the prior, rate {nats(vitals.rate)} nats"
        if vitals.rate < IDLE_NATS
        else f"{nats(vitals.rate)} nats of rate are paid for nothing"
    )
    text = f"your decoder ignores z: {paid}, and another text's z is worse by {nats(vitals.gain)} nats only"
    return Finding(code="ignores_z", severity="ill", text=text, remedy=_revive(vitals, remedies))


def ignores_condition(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """Another text's condition is as good as the text's own."""
    if vitals.condition_gain is None or vitals.condition_gain >= IDLE_CONDITION:
        return None
    text = f"your decoder ignores the condition: another text's is worse by {nats(vitals.condition_gain)} nats only; "
    remedy = _halved_rate(vitals, remedies)
    text += (
        "either it says nothing of the texts, or z says it all, and a lower target rate leaves it something to say"
        if remedy
        else "it says nothing of the texts, or training was too short to find out what"
    )
    return Finding(code="ignores_condition", severity="warning", text=text, remedy=remedy)


def empty_rate(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """The rate is much higher than what z buys, or tells."""
    if vitals.gain < IDLE_NATS:
        return None
    told = vitals.mutual_information
    tells_little = told is not None and told < EMPTY * min(vitals.rate, CEILING * math.log(vitals.num_texts))
    if vitals.gain >= EMPTY * vitals.rate and not tells_little:
        return None
    worth = (
        f"z buys {nats(vitals.gain)}" if vitals.gain < EMPTY * vitals.rate else f"z tells {nats(told or 0)}"
    )
    text = f"rate without information: {nats(vitals.rate)} nats are paid, {worth}"
    return Finding(code="empty_rate", severity="ill", text=text, remedy=_revive(vitals, remedies))


def off_target(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """The rate is not what was asked for."""
    target, rate = vitals.target_rate, vitals.rate
    if target is None or abs(rate - target) <= OFF_TARGET * target:
        return None
    side = "below" if rate < target else "above"
    text = f"the rate is {nats(rate)} nats, {abs(rate - target) / target:.0%} {side} its target of {target:g}"
    if vitals.pinned == "low":
        text += ": even a weight of nearly 0 on the rate does not reach it"
        remedy = remedies.with_latent_dim(2 * vitals.latent_dim)
    elif vitals.pinned == "high":
        text += ": the largest weight, beta_max, does not reach it"
        remedy = remedies.retrain(objective__beta_max=10 * _beta_max(remedies))
    else:
        remedy = remedies.train_longer()
    return Finding(code="off_target", severity="warning", text=text, remedy=remedy)


def few_units(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """Most dimensions are the same for every text."""
    if vitals.active_units >= FEW_UNITS * vitals.latent_dim or vitals.rate < IDLE_NATS:
        return None
    if remedies.on_sphere:  # means of length 1: the threshold is meant for N(0, I)
        return None
    text = (
        f"{vitals.active_units} of {vitals.latent_dim} units are active: the others say nothing of the text"
    )
    floor = max(1, round(0.5 * vitals.rate))
    return Finding(code="few_units", severity="warning", text=text, remedy=remedies.free_bits(floor))


def worse_than_baseline(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """The same decoder does better without z."""
    nll, baseline = vitals.iw_nll, vitals.baseline_nll
    if nll is None or baseline is None or nll - baseline <= max(WORSE_NATS, WORSE * baseline):
        return None
    text = (
        f"a text costs {nats(nll)} nats, {nats(nll - baseline)} more than the same decoder without z: "
        "what z buys is less than it costs"
    )
    return Finding(
        code="worse_than_baseline", severity="warning", text=text, remedy=_halved_rate(vitals, remedies)
    )


def holes(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """The latents of the texts do not fill the prior: what is drawn between them, if z is read, decodes to nonsense."""
    gap, told = vitals.prior_gap or 0.0, vitals.mutual_information
    if told is not None and told < TRUSTED * math.log(vitals.num_texts):
        gap = max(gap, vitals.rate - told)
    if (
        vitals.prior_fitted
        or vitals.prior_conditional
        or vitals.gain < IDLE_NATS
        or gap <= max(GAP_NATS, GAP * vitals.rate)
    ):
        return None
    text = (
        f"{nats(gap)} nats of the rate tell no text from another: the latents lie apart from the prior, and "
        "random texts come from between them"
    )
    return Finding(code="holes", severity="note", text=text, remedy=remedies.fit_prior())


def too_lossy(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """Too few nats for the words to come back."""
    per_token = vitals.rate / vitals.targets_per_text
    if per_token >= FAITHFUL_NATS or vitals.gain < IDLE_NATS:
        return None
    wanted = remedies.settings is not None and remedies.settings.objective.faithful is not None
    text = f"too lossy for editing: {per_token:.2g} nats a token keep the topic; about {FAITHFUL_NATS:g} keep most words"
    severity: Severity = "warning" if wanted else "note"
    return Finding(code="too_lossy", severity=severity, text=text, remedy=remedies.train_for_editing())


def at_ceiling(vitals: Vitals, remedies: Remedies) -> Finding | None:
    """As many texts cannot show more information."""
    told, most = vitals.mutual_information, math.log(vitals.num_texts)
    if told is None or told < CEILING * most:
        return None
    text = (
        f"mutual information, {nats(told)} nats, is at its ceiling, ln {vitals.num_texts:,} = {nats(most)}: z may "
        "tell more than so few texts can show"
    )
    return Finding(code="at_ceiling", severity="note", text=text)


IN_TRAINING: tuple[Rule, ...] = (ignores_z, empty_rate)
"""Rules whose verdict need not wait for the end of training."""
RULES: tuple[Rule, ...] = (
    *IN_TRAINING, ignores_condition, off_target, few_units, worse_than_baseline, holes, too_lossy, at_ceiling
)  # fmt: skip
"""The worst first."""


def find(vitals: Vitals, remedies: Remedies, rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """Return what the rules find, the worst first.

    While the rate is on its way to its target, warnings have one remedy, more training: others would contradict it.
    """
    found = [finding for rule in rules if (finding := rule(vitals, remedies)) is not None]
    if _unsettled(vitals):
        found = [replace(one, remedy=None) if _waits(one) else one for one in found]
    return tuple(found)


def verdict(vitals: Vitals, findings: Sequence[Finding]) -> str:
    """Return the verdict in a sentence: what is worst, or that nothing is wrong, with the numbers that say so."""
    serious = [finding for finding in findings if finding.severity != "note"]
    return serious[0].text if serious else f"healthy: {vitals.in_words()}"


def nats(value: float) -> str:
    """Return nats with as many digits as say something.

    >>> nats(12.13), nats(0.0271)
    ('12.1', '0.03')
    """
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def _unsettled(vitals: Vitals) -> bool:
    """Whether the controller of beta is still on its way to the target."""
    target = vitals.target_rate
    return target is not None and vitals.pinned is None and abs(vitals.rate - target) > OFF_TARGET * target


def _waits(finding: Finding) -> bool:
    return finding.severity == "warning" and finding.code not in ("off_target", "too_lossy")


def _halved_rate(vitals: Vitals, remedies: Remedies) -> str | None:
    """Return the command for half the rate; None: z says nothing that a lower one could take away."""
    if vitals.gain < IDLE_NATS:
        return None
    return remedies.hold_rate(max(float(f"{vitals.rate / 2:.2g}"), LEAST_RATE))


def _revive(vitals: Vitals, remedies: Remedies) -> str:
    """Return the command that makes z needed: hold a rate; where one is held already, weaken the decoder."""
    wanted = default_target_rate(vitals.targets_per_text)
    if remedies.settings is None or vitals.target_rate is None or vitals.target_rate < wanted / 2:
        return remedies.hold_rate(wanted)
    dropped = remedies.settings.training.word_dropout
    return remedies.retrain(training__word_dropout=round(min(dropped + 0.3, 0.9), 2))


def _beta_max(remedies: Remedies) -> float:
    return remedies.settings.objective.beta_max if remedies.settings else 1.0
