"""What the latents of a set of texts do: what they share with the texts, and how their aggregate fits the prior."""

import numpy as np

from textvae.codec.given import prior_given
from textvae.config.model import CONDITIONAL
from textvae.diagnostics.latents import active_units, posterior_information
from textvae.diagnostics.shuffle import z_shuffle_gain
from textvae.distributions import rate_parts, wide
from textvae.distributions.discrepancy import squared_mmd
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.subject import Subject

KERNEL_TEXTS = 2000
"""Texts compared pair by pair at most."""

_AGGREGATE = "the aggregate posterior q(z) of the N sentences, at one sample z a sentence"

DEFINITIONS = (
    Definition(
        "mutual_information",
        "mutual information",
        "nats",
        "higher",
        "E[log q(z|x)] - E[log q(z)]: the first term in closed form (Gaussian posteriors; of others at the same sample), "
        "the second at one sample z a sentence under "
        "the aggregate posterior of the whole set of N sentences, not a mini-batch. Its ceiling is ln N.",
        ("N",),
        same=("texts",),
    ),
    Definition(
        "z_shuffle_gain",
        "z-shuffle gain",
        "nats a sentence",
        "neither",
        "Mean over the N sentences of the distortion with the z of another sentence less that with its own, each at one "
        "posterior sample. The other is one of near-equal length (sorted by length, the one before it in a block of "
        "about 16), so that length alone is no gain. 0: the decoder ignores z. It exceeds the information in z, as "
        "another's z misleads.",
        ("N",),
        same=("texts",),
    ),
    Definition(
        "active_units",
        "active units (0.01)",
        "dimensions of D",
        "higher",
        "Dimensions whose posterior mean has a variance over the N sentences (unbiased, N - 1 below) of at least 0.01.",
        ("D", "N"),
        same=("texts",),
    ),
    Definition(
        "active_units_0.1",
        "active units (0.1)",
        "dimensions of D",
        "higher",
        "Dimensions whose posterior mean has a variance over the N sentences (unbiased, N - 1 below) of at least 0.1: "
        "the stricter count, for at 0.01 Transformer models saturate.",
        ("D", "N"),
        same=("texts",),
    ),
    Definition(
        "aggregate_kl",
        "KL(q(z) || p(z))",
        "nats",
        "lower",
        "rate - mutual information: how far the aggregate posterior of the N sentences is from the prior, of which "
        "samples are drawn. The mutual information stops at ln N; what is missing of it is counted here. Left out where "
        "the prior depends on the condition, p(z|c): the rate is then no divergence from one p(z).",
        ("N",),
        same=("texts",),
    ),
    Definition(
        "aggregate_mmd",
        "MMD² of q(z), p(z)",
        "squared distance",
        "lower",
        f"Unbiased squared maximum mean discrepancy between {_AGGREGATE}, and as many samples of p(z) (2,000 of each "
        "at most); kernel 2D / (2D + |a - b|²) (Tolstikhin et al. 2018). 0 where they agree; may fall below 0 by chance.",
        ("D", "N"),
        same=("texts",),
    ),
    Definition(
        "aggregate_mean_norm",
        "norm of q(z)'s mean",
        "units of z",
        "neither",
        f"Length of the mean of {_AGGREGATE}. Under N(0, I) it is about sqrt(D / N).",
        ("D", "N"),
        same=("texts",),
    ),
    Definition(
        "aggregate_variance_min",
        "least variance",
        "squared units of z",
        "neither",
        f"The least variance (unbiased) over the D dimensions of {_AGGREGATE}. Under N(0, I) it is near 1.",
        ("D", "N"),
        same=("texts",),
    ),
    Definition(
        "aggregate_variance_max",
        "largest variance",
        "squared units of z",
        "neither",
        f"The largest variance (unbiased) over the D dimensions of {_AGGREGATE}. Under N(0, I) it is near 1.",
        ("D", "N"),
        same=("texts",),
    ),
)


def measure(subject: Subject) -> Findings:
    """Return what the latents of the texts say."""
    loc, information = subject.posterior.loc, posterior_information(subject.posterior)
    z = subject.posterior_sample.double()
    variances = z.var(dim=0, unbiased=True)
    measures: dict[str, float | Tally] = {
        "mutual_information": information,
        "z_shuffle_gain": _shuffle_gain(subject),
        "active_units": active_units(loc),
        "active_units_0.1": active_units(loc, 0.1),
        "aggregate_mmd": _mmd_to_prior(subject),
        "aggregate_mean_norm": float(z.mean(dim=0).norm()),
        "aggregate_variance_min": float(variances.min()),
        "aggregate_variance_max": float(variances.max()),
    }
    if (
        subject.codec.model.config.prior != CONDITIONAL
    ):  # the rate is against p(z|c), of which q(z) mixes many
        measures["aggregate_kl"] = float(subject.rates.mean()) - information
    prior = prior_given(subject.codec.model, subject.conditions)
    parts = rate_parts(wide(subject.posterior), wide(prior), z).detach()
    return Findings(measures=measures, details={"dimension_rates": parts.mean(dim=0).tolist()})


def _shuffle_gain(subject: Subject) -> Tally:
    z, distortion = subject.posterior_sample, subject.terms.distortion
    return Tally.mean(z_shuffle_gain(subject.codec, subject.store, z, distortion, seed=subject.seed).numpy())


def _mmd_to_prior(subject: Subject) -> float:
    z = subject.posterior_sample[:KERNEL_TEXTS].double()
    given = subject.conditions and subject.conditions.rows(np.arange(len(z)))
    drawn = subject.codec.prior_sample(len(z), seed=subject.seed, conditions=given)
    return float(squared_mmd(z, drawn.double()))


FAMILY = Family(
    name="latents",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.has_latent and len(subject.texts) > 1,  # a single text has none of them
    passes=lambda subject: 3 * len(subject.texts),
)
