"""`evaluate`: the measures of a model on a set of texts, in one record."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.config.fields import check_range
from textvae.data.store import TokenStore
from textvae.diagnostics.latents import active_units, posterior_information
from textvae.diagnostics.shuffle import z_shuffle_gain
from textvae.errors import DataError
from textvae.evaluation.definitions import define
from textvae.evaluation.likelihood import Likelihoods, likelihoods, sample_noise
from textvae.evaluation.texts import (
    copy_rate,
    distinct_n,
    exact_match,
    reconstruction_bleu,
    self_bleu,
    units,
)

SELF_BLEU_ORDER = 4
OF_SAMPLES = ("self_bleu", "distinct_1", "distinct_2", "copy_rate")
"""Measures whose N counts prior samples, not texts."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Measures by key (see `evaluation.definitions`), and the settings that the definitions name."""

    measures: dict[str, float]
    settings: dict[str, Any]
    num_cut: int
    """Texts longer than the model's limit, scored up to it."""

    def settings_of(self, key: str) -> dict[str, Any]:
        """Return the settings that the definition of the measure `key` names, with their values.

        Raises:
            ConfigError: an unknown measure.
        """
        known = self.settings | ({"N": self.settings["samples"]} if key in OF_SAMPLES else {})
        return {symbol: known[symbol] for symbol in define(key).settings}

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object; JSON has no infinity, so a perplexity too large for a float is null."""
        measures = {key: value if math.isfinite(value) else None for key, value in self.measures.items()}
        return {"measures": measures, "settings": self.settings, "num_cut": self.num_cut}


def evaluate(
    codec: Codec,
    texts: Sequence[str],
    *,
    num_samples: int = 50,
    num_prior: int = 1000,
    training_texts: Sequence[str] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Measure a model on held-out texts.

    Args:
        codec: the model.
        texts: what it is measured on; blank ones are left out.
        num_samples: K of the importance-weighted bound.
        num_prior: prior samples for the diversity measures, at the codec's own decoding settings.
        training_texts: for `copy_rate`; None: it is left out.
        seed: of posterior and prior samples.

    Raises:
        ConfigError: a number of samples out of range.
        DataError: every text is blank.
    """
    check_range("num_prior", num_prior, 0)
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise DataError("no texts to evaluate on; the file is empty or every line is blank")
    store = codec.store(texts)
    terms = likelihoods(codec, store, num_samples=num_samples, seed=seed)
    measures = likelihood_measures(terms, store, scored_texts(codec, store, texts))
    measures |= latent_measures(terms)
    measures |= gain_measure(codec, store, terms, seed)
    with codec.work.part("reconstructing", len(texts)):
        decodes = codec.decode(terms.posterior.loc, DecodingConfig(temperature=0))
    bleu = reconstruction_bleu(decodes, texts)
    measures |= {"reconstruction_bleu": bleu.score, "exact_match": exact_match(decodes, texts)}
    measures |= sample_measures(codec, num_prior, training_texts, seed)
    settings = {
        "N": len(texts),
        "K": num_samples,
        "D": codec.latent_dim,
        "tokenizer": bleu.tokenizer,
        "z": "posterior mean",
        "decoding": "greedy",
        "n": SELF_BLEU_ORDER,
        "samples": num_prior,
        "sampling": dataclasses.asdict(codec.decoding),
        "seed": seed,
    }
    return Evaluation(measures=measures, settings=settings, num_cut=store.num_cut)


def scored_texts(codec: Codec, store: TokenStore, texts: Sequence[str]) -> list[str]:
    """Return the texts as far as they are scored: themselves, or what the tokens of a text that was cut spell."""
    if not store.num_cut:
        return list(texts)
    full = store.cut(None).lengths
    return [
        text if store.lengths[i] == full[i] else codec.tokenizer.decode([store[i]])[0]
        for i, text in enumerate(texts)
    ]


def likelihood_measures(terms: Likelihoods, store: TokenStore, texts: Sequence[str]) -> dict[str, float]:
    """Return distortion, rate, bounds and perplexities; `texts` are those of the store, as far as they are scored."""
    num_targets = store.num_tokens + len(store)
    num_words = sum(len(units(text)) + 1 for text in texts)
    num_bytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    total = float(terms.iw_nll.sum())
    return {
        "distortion": float(terms.distortion.mean()),
        "rate": float(terms.rate.mean()),
        "neg_elbo": float((terms.distortion + terms.rate).mean()),
        "iw_nll": total / len(store),
        "ppl_word": _perplexity(total, num_words),
        "ppl_token": _perplexity(total, num_targets),
        "bits_per_byte": total / num_bytes / math.log(2),
    }


def latent_measures(terms: Likelihoods) -> dict[str, float]:
    """Return mutual information and active units; a single text has neither."""
    loc = terms.posterior.loc
    if len(loc) < 2:
        return {}
    return {
        "mutual_information": posterior_information(terms.posterior),
        "active_units": active_units(loc),
        "active_units_0.1": active_units(loc, 0.1),
    }


def gain_measure(codec: Codec, store: TokenStore, terms: Likelihoods, seed: int) -> dict[str, float]:
    """Return the z-shuffle gain; a single text has none, nor has a model without z."""
    if len(store) < 2 or not codec.model.config.has_latent:
        return {}
    return {"z_shuffle_gain": float(shuffle_gains(codec, store, terms, seed).mean())}


def shuffle_gains(codec: Codec, store: TokenStore, terms: Likelihoods, seed: int) -> Tensor:
    """Return the z-shuffle gain of each text, (N,) nats, at the posterior samples that the distortion was taken at."""
    z = distortion_sample(codec, store, terms, seed)
    return z_shuffle_gain(codec, store, z, terms.distortion, seed=seed)


def distortion_sample(codec: Codec, store: TokenStore, terms: Likelihoods, seed: int) -> Tensor:
    """Return the posterior sample of each text that the distortion was taken at, (N, D)."""
    noise = sample_noise(seed, 0, len(store), terms.posterior.noise_dim)
    return terms.posterior.at(noise.to(codec.dtype))


def sample_measures(
    codec: Codec, num_prior: int, training_texts: Sequence[str] | None, seed: int
) -> dict[str, float]:
    """Return diversity of prior samples, and the share copied from training."""
    if num_prior < 2:
        return {}
    with codec.work.part("sampling", num_prior):
        samples = codec.decode(codec.prior_sample(num_prior, seed=seed), seed=seed)
    measures = {
        "self_bleu": self_bleu(samples, SELF_BLEU_ORDER),
        "distinct_1": distinct_n(samples, 1),
        "distinct_2": distinct_n(samples, 2),
    }
    if training_texts is not None:
        measures["copy_rate"] = copy_rate(samples, training_texts)
    return measures


def _perplexity(nats: float, num_units: int) -> float:
    """Return exp(nats / num_units); infinity where a float cannot hold it, as of long words under a poor model."""
    try:
        return math.exp(nats / num_units)
    except OverflowError:
        return math.inf
