"""What the latents of a set of texts do: what they share with the texts, and how their aggregate fits the prior."""

import torch
from torch import Tensor

from textvae.diagnostics.latents import active_units, dimension_rates, mutual_information
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
        "E[log q(z|x)] - E[log q(z)]: the first term in closed form, the second at one sample z a sentence under "
        "the aggregate posterior of the whole set of N sentences, not a mini-batch. Its ceiling is ln N.",
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
        "samples are drawn. The mutual information stops at ln N; what is missing of it is counted here.",
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
    loc, scale = subject.posterior.loc, subject.posterior.scale
    information = mutual_information(loc, scale)
    z = subject.posterior_sample.double()
    variances = z.var(dim=0, unbiased=True)
    measures: dict[str, float] = {
        "mutual_information": information,
        "active_units": active_units(loc),
        "active_units_0.1": active_units(loc, 0.1),
        "aggregate_kl": float(subject.rates.mean()) - information,
        "aggregate_mmd": _mmd_to_prior(subject),
        "aggregate_mean_norm": float(z.mean(dim=0).norm()),
        "aggregate_variance_min": float(variances.min()),
        "aggregate_variance_max": float(variances.max()),
    }
    return Findings(measures=measures, details={"dimension_rates": dimension_rates(loc, scale).tolist()})


def squared_mmd(a: Tensor, b: Tensor) -> float:
    """Return the unbiased squared MMD of two samples, (N, D) and (M, D), under the inverse multiquadratic kernel.

    Gretton et al. 2012, JMLR 13, equation 3; kernel of Tolstikhin et al. 2018, arXiv:1711.01558, section 4: C = 2D.
    """
    n, m = len(a), len(b)
    within_a = (_kernel(a, a).sum() - n) / (
        n * (n - 1)
    )  # without each point and itself, where the kernel is 1
    within_b = (_kernel(b, b).sum() - m) / (m * (m - 1))
    return float(within_a + within_b - 2 * _kernel(a, b).mean())


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    constant = 2 * a.shape[1]
    return constant / (constant + torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square())


def _mmd_to_prior(subject: Subject) -> float:
    z = subject.posterior_sample[:KERNEL_TEXTS].double()
    return squared_mmd(z, subject.codec.prior_sample(len(z), seed=subject.seed).double())


FAMILY = Family(
    name="latents",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.has_latent and len(subject.texts) > 1,  # a single text has none of them
    passes=lambda subject: 2 * len(subject.texts),
)
