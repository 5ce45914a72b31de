"""A mixture of diagonal Gaussians fitted to the aggregate posterior by EM."""

import math

import torch
from torch import Tensor

from textvae.distributions import DiagonalGaussian, GaussianMixture, rows
from textvae.progress import Work

NUM_ROUNDS = 60
"""Of EM, at most."""

SETTLED = 3e-4
"""Rise of the bound in a round, nats a text, below which EM ends."""

MAX_TEXTS = 50_000
"""That are looked at."""

PSEUDO_TEXTS = 5.0
"""Texts for which the variance over the whole corpus counts in each component's."""


def fit_mixture(
    posterior: DiagonalGaussian, num_components: int, *, work: Work | None = None, seed: int = 0
) -> GaussianMixture:
    """Fit a mixture to the aggregate posterior by EM with expected statistics.

    Each text belongs to component k with r_k proportional to weights_k exp(E_q[log N(z; loc_k, scale_k²)]); weights, means
    and variances follow from the means and variances of q. This raises a lower bound of the mean of E_q[log p(z)] in each
    round, without sampling, until it has settled. The variances are drawn a little towards those of the whole corpus.

    Args:
        posterior: q(z|x) of N texts, over (N, D); of more than 50,000 as many are drawn.
        num_components: C.
        work: hears of it, of every text in each round; None: nobody.
        seed: of the texts at whose means the components start.
    """
    generator = torch.Generator().manual_seed(seed)
    if len(posterior.loc) > MAX_TEXTS:
        posterior = rows(posterior, torch.randperm(len(posterior.loc), generator=generator)[:MAX_TEXTS])
    loc, second = posterior.loc.double(), posterior.loc.double().square() + posterior.scale.double().square()
    overall = second.mean(dim=0) - loc.mean(dim=0).square()  # (D,)
    centres = loc[_starts(loc / overall.sqrt(), num_components, generator)]
    variances = overall.expand_as(centres) / 2
    weights = torch.full((num_components,), 1 / num_components, dtype=torch.float64)
    bound, work = -math.inf, work or Work()
    with work.part(f"a mixture of {num_components}", NUM_ROUNDS * len(loc)):
        for _ in range(NUM_ROUNDS):
            joint = _expected_log_density(loc, second, centres, variances) + weights.log()
            last, bound = bound, float(joint.logsumexp(dim=1).mean())
            if bound - last < SETTLED:
                break
            shares = joint.softmax(dim=1)
            counts = shares.sum(dim=0).clamp_min(1e-6)  # (C,)
            weights, centres = counts / counts.sum(), shares.T @ loc / counts.unsqueeze(1)
            spread = shares.T @ second - counts.unsqueeze(1) * centres.square()
            variances = (spread + PSEUDO_TEXTS * overall) / (counts.unsqueeze(1) + PSEUDO_TEXTS)
            work.count(len(loc))
    return GaussianMixture(weights, centres, variances.sqrt())


def _starts(points: Tensor, num: int, generator: torch.Generator) -> Tensor:
    """Return rows of (N, D) that lie far apart: each is drawn by its squared distance to the nearest before.

    This is k-means++ (Arthur and Vassilvitskii 2007); of starts drawn evenly, several may share a group of texts and leave
    another to none.
    """
    chosen = torch.randint(len(points), (1,), generator=generator)
    distance = points.new_full((len(points),), math.inf)
    for _ in range(num - 1):
        distance = distance.minimum((points - points[chosen[-1]]).square().sum(dim=1))
        chosen = torch.cat([chosen, torch.multinomial(distance + 1e-12, 1, generator=generator)])
    return chosen


def _expected_log_density(loc: Tensor, second: Tensor, centres: Tensor, variances: Tensor) -> Tensor:
    """Return E_q[log N(z; centre, variance)], (N, C), from the first and second moments of q, (N, D) each."""
    precision = 1 / variances
    constant = (centres.square() * precision + variances.log() + math.log(2 * math.pi)).sum(dim=1)
    return -0.5 * (second @ precision.T - 2 * loc @ (centres * precision).T + constant)
