"""`diagnose`: whether z is in use, what is wrong with a run, and what to do about it."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from textvae.codec import Codec
from textvae.codec.given import prior_given
from textvae.config import ModelConfig, RunConfig, load_settings
from textvae.config.model import CONDITIONAL, STANDARD
from textvae.data.conditions import Conditions
from textvae.data.store import TokenStore
from textvae.diagnostics.latents import active_units, posterior_information, prior_gap
from textvae.diagnostics.remedies import UNNAMED, Remedies
from textvae.diagnostics.shuffle import condition_shuffle_gain, z_shuffle_gain
from textvae.diagnostics.verdict import Finding, Vitals, find, verdict
from textvae.distributions import DiagonalGaussian, rate_parts, wide
from textvae.errors import ConfigError, DataError
from textvae.evaluation.likelihood import Likelihoods, distortion_sample, likelihoods
from textvae.objectives.controllers import MIN_BETA
from textvae.training.records import CONFIG_FILE, read_metrics
from textvae.training.run import recorded_facts


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A verdict, and what it rests on."""

    vitals: Vitals
    findings: tuple[Finding, ...]
    """The worst first."""
    dimension_rates: tuple[float, ...]
    """Mean rate of each dimension, (D,) nats; they add up to the rate. Where it has no dimensions, the rate alone."""
    active_units_strict: int
    """At .1."""
    gain_error: float
    """Standard error of the z-shuffle gain, nats."""
    num_samples: int
    """K of the importance-weighted bound."""
    num_cut: int
    """Texts longer than the model's limit, measured up to it."""
    seed: int

    @property
    def verdict(self) -> str:
        """What is worst, or that nothing is wrong, in a sentence."""
        return verdict(self.vitals, self.findings)

    @property
    def is_ill(self) -> bool:
        """Whether z does not do its work."""
        return any(finding.severity == "ill" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return {"verdict": self.verdict, "is_ill": self.is_ill, **dataclasses.asdict(self)}


@dataclass(frozen=True, kw_only=True)
class History:
    """What a run folder tells of how a model was trained; None: it does not."""

    settings: RunConfig | None = None
    target_rate: float | None = None
    """Where it ended: it may have been raised."""
    pinned: str | None = None
    """The end of its range at which the controller of beta rested."""
    origin: str | None = None
    """The name of the run that it began from."""

    @classmethod
    def read(cls, run: str | None) -> "History":
        """Read a run folder; of a model alone nothing is known."""
        folder = Path(run or "").expanduser()
        if run is None or not (folder / CONFIG_FILE).exists():
            return cls()
        settings, records = load_settings(folder / CONFIG_FILE), read_metrics(folder)
        origin = recorded_facts(folder).get("origin", {}).get("name")
        if settings.objective.beta != "target" or settings.objective.faithful:
            return cls(settings=settings, origin=origin)
        held = [record for record in records if record["kind"] == "held_out"]
        betas = [record["beta"] for record in records if record["kind"] == "train"]
        return cls(
            settings=settings,
            target_rate=held[-1]["target_rate"] if held else settings.objective.target_rate,
            pinned=_pinned(betas[-1], settings.objective.beta_max) if betas else None,
            origin=origin,
        )


def diagnose(
    codec: Codec,
    texts: Sequence[str],
    *,
    conditions: Conditions | None = None,
    run: str | None = None,
    data: str = UNNAMED,
    baseline: Codec | None = None,
    num_samples: int = 50,
    seed: int = 0,
) -> Diagnosis:
    """Measure what z does on held-out texts, and judge.

    Args:
        codec: the model.
        texts: what it is measured on; blank ones are left out.
        conditions: what each text answers to, of a conditional model; None: nothing.
        run: the model's run folder: its settings and its target are read there where it is one; None: unknown.
        data: the training data as commands should name them.
        baseline: the same decoder without z (see `textvae.training.baseline`); None: no comparison.
        num_samples: K of the bound that is compared with it; without a baseline no bound is taken.
        seed: of posterior samples and partners.

    Raises:
        ConfigError: a model without z; a baseline with one, or of another tokenizer.
        DataError: fewer than two texts.
    """
    check_baseline(codec, baseline)
    told = [row for row, text in enumerate(texts) if text.strip()]
    texts, conditions = [texts[row] for row in told], conditions and conditions.rows(np.array(told, np.int64))
    if len(texts) < 2:
        raise DataError(
            f"a diagnosis compares texts with each other; at least 2 are needed, got {len(texts)}"
        )
    store, history = codec.store(texts, conditions), History.read(run)
    terms = likelihoods(codec, store, num_samples=num_samples if baseline else 1, seed=seed)
    z = distortion_sample(codec, terms.posterior, seed)
    remedies = Remedies(run=run or "RUN", data=data, settings=history.settings, origin=history.origin)
    gains = z_shuffle_gain(codec, store, z, terms.distortion, seed=seed)
    prior = prior_given(codec.model, conditions)
    rates = rate_parts(wide(terms.posterior), wide(prior), z.double()).detach().mean(dim=0)
    vitals = Vitals(
        num_texts=len(store),
        num_targets=store.num_tokens + len(store),
        latent_dim=codec.latent_dim,
        distortion=float(terms.distortion.mean()),
        rate=float(rates.sum()),
        gain=float(gains.mean()),
        condition_gain=_condition_gain(codec, store, z, terms, seed),
        prior_fitted=codec.fitted_prior is not None,
        prior_conditional=codec.model.config.prior == CONDITIONAL,
        target_rate=history.target_rate,
        pinned=history.pinned,
        **_of_latents(terms, codec.model.config),
        **(_of_baseline(terms, baseline, texts, conditions) if baseline else {}),
    )
    return Diagnosis(
        vitals=vitals,
        findings=find(vitals, remedies),
        dimension_rates=tuple(rates.tolist()),
        active_units_strict=active_units(terms.posterior.loc, 0.1),
        gain_error=float(gains.std()) / math.sqrt(len(gains)),
        num_samples=num_samples,
        num_cut=store.num_cut,
        seed=seed,
    )


def check_baseline(codec: Codec, baseline: Codec | None) -> None:
    """Raise a ConfigError where there is no z to judge, or nothing to compare it with."""
    if not codec.model.config.has_latent:
        raise ConfigError("this is a language model without z; the doctor judges what z does")
    if baseline is None:
        return
    if baseline.model.config.has_latent:
        raise ConfigError("the baseline has a z of its own; a model with model.encoder none is needed")
    if baseline.tokenizer.fingerprint != codec.tokenizer.fingerprint:
        raise ConfigError("the baseline has another tokenizer, so that its nats are of other targets")


def _condition_gain(
    codec: Codec, store: TokenStore, z: Tensor, terms: Likelihoods, seed: int
) -> float | None:
    if store.conditions is None:
        return None
    return float(condition_shuffle_gain(codec, store, z, terms.distortion, seed=seed).mean())


def _of_latents(terms: Likelihoods, config: ModelConfig) -> dict[str, Any]:
    posterior = terms.posterior
    gaussian = isinstance(posterior, DiagonalGaussian) and config.prior == STANDARD
    return {
        "active_units": active_units(posterior.loc),
        "mutual_information": posterior_information(posterior),
        "prior_gap": prior_gap(posterior.loc, posterior.scale) if gaussian else None,
    }


def _of_baseline(
    terms: Likelihoods, baseline: Codec, texts: Sequence[str], conditions: Conditions | None
) -> dict[str, Any]:
    """Return both sides of the comparison: the bound, and what the texts cost without z, exactly."""
    store: TokenStore = baseline.store(texts, conditions)
    latents = baseline.prior_sample(len(store))
    return {
        "iw_nll": float(terms.iw_nll.mean()),
        "baseline_nll": -float(baseline.log_likelihood(store, latents).mean()),
    }


def _pinned(beta: float, beta_max: float) -> str | None:
    """Return the end of its range at which a controller's last beta lies, if at one."""
    if beta <= 1.05 * MIN_BETA:
        return "low"
    return "high" if beta >= 0.95 * beta_max else None
