"""What the latents of a set of sentences say: active units, mutual information, rate by dimension, gap to the prior.

All take the posteriors of N sentences, of Gaussian ones `loc` and `scale` of shape (N, D), and compute in float64.
"""

import math

import torch
from torch import Tensor

from textvae.distributions.gaussian import DiagonalGaussian, standard_normal
from textvae.distributions.protocol import Posterior, wide
from textvae.distributions.rates import rate_per_dimension
from textvae.errors import LatentError

PAIRS_AT_ONCE = 2**16
"""Densities of one sentence's z under another's posterior that are taken together: tens of MB for a flow."""


def active_units(loc: Tensor, threshold: float = 0.01) -> int:
    """Count the dimensions with Var_x(E_q[z|x]) >= threshold, the variance unbiased.

    Burda et al. 2016, arXiv:1509.00519, section 5.2. At 0.01 Transformer VAEs saturate: give 0.1 too.

    Args:
        loc: posterior means, (N, D).
        threshold: in squared units of z.

    Returns:
        A count out of D.

    Raises:
        LatentError: not (N, D), not finite, or N < 2.
    """
    loc = _checked("loc", loc)
    if len(loc) < 2:
        raise LatentError(f"active units need at least 2 sentences to vary over; got {len(loc)}")
    return int((loc.var(dim=0, unbiased=True) >= threshold).sum())


def dimension_rates(loc: Tensor, scale: Tensor) -> Tensor:
    """Return the mean over sentences of KL(q(z_d|x) || N(0, 1)), (D,) float64 nats; the sum is the mean rate.

    Raises:
        LatentError: shapes differ or are not (N, D), or values are not finite, or scale <= 0.
    """
    loc, scale = _checked_pair(loc, scale)
    prior = standard_normal(loc.shape[1], like=loc)
    return rate_per_dimension(DiagonalGaussian(loc, scale), prior).mean(dim=0)


def mutual_information(
    loc: Tensor, scale: Tensor, *, generator: torch.Generator | None = None, chunk: int = 128
) -> float:
    """Estimate I(x; z) = E[log q(z|x)] - E[log q(z)] under the aggregate posterior of all N sentences.

    The first term is minus the mean entropy, in closed form. The second is log (1/N) sum_j q(z_i|x_j) at one
    sample z_i a sentence, over the whole set and not a mini-batch (Hoffman and Johnson 2016; He et al. 2019,
    arXiv:1901.05534, section 3). It cannot tell more than N sentences apart: the ceiling is ln N; report N.

    Deviation: the noise of each dimension is scaled to mean square 1 over the set. The sample then has the entropy
    of the closed form, so that the estimate keeps to the ceiling and equal posteriors give 0, for a bias of O(1/N).

    Args:
        loc: posterior means, (N, D).
        scale: posterior standard deviations, (N, D).
        generator: source of the noise; a fresh one of seed 0 if None. The global state is not touched.
        chunk: sentences compared with all N at a time; memory is up to about 90 * chunk * N bytes (measured).

    Returns:
        Nats.

    Raises:
        LatentError: shapes differ or are not (N, D), or values are not finite, or scale <= 0.
    """
    loc, scale = _checked_pair(loc, scale)
    z = loc + scale * _standardised_noise(loc, generator)
    entropy = 0.5 * (1 + math.log(2 * math.pi)) * loc.shape[1] + scale.log().sum(dim=1)  # (N,)
    log_q = torch.cat([_log_aggregate(part, loc, scale) for part in z.split(chunk)])  # (N,)
    return float(-entropy.mean() - log_q.mean())


@torch.no_grad()
def posterior_information(posterior: Posterior, *, generator: torch.Generator | None = None) -> float:
    """Estimate I(x; z) = E[log q(z|x)] - E[log q(z)] of any family: of Gaussians, `mutual_information`.

    Of others both terms are taken at one sample a sentence, the same: no estimate is above ln N, and equal posteriors give
    0. q(z) is the mean density of all N sentences, in chunks.

    Returns:
        Nats.

    Raises:
        LatentError: as `mutual_information`.
    """
    if isinstance(posterior, DiagonalGaussian):
        return mutual_information(posterior.loc, posterior.scale, generator=generator)
    posterior, num_texts = wide(posterior), len(posterior.tensors[0])
    generator = generator or torch.Generator().manual_seed(0)
    noise = torch.randn(num_texts, posterior.noise_dim, generator=generator, dtype=torch.float64)
    z = _checked("z", posterior.at(noise))
    size = max(1, PAIRS_AT_ONCE // num_texts)
    log_q = [posterior.log_prob(part.unsqueeze(1)).logsumexp(dim=1) for part in z.split(size)]  # of (C, N)
    return float((posterior.log_prob(z) - torch.cat(log_q)).mean()) + math.log(num_texts)


def prior_gap(loc: Tensor, scale: Tensor) -> float:
    """Return a lower bound of KL(q(z) || N(0, I)) for the aggregate posterior q(z) of all N sentences, nats.

    E[rate] = I(x; z) + KL(q(z) || p), and I(x; z) cannot be estimated above ln N; the moments of q(z) can. The bound is
    the sum over dimensions of KL(N(m_d, v_d) || N(0, 1)), with the mean and variance of q(z_d): among distributions of
    these moments the Gaussian is nearest to N(0, 1), and what dimensions have in common only adds.

    Raises:
        LatentError: shapes differ or are not (N, D), or values are not finite, or scale <= 0.
    """
    loc, scale = _checked_pair(loc, scale)
    variance = loc.var(dim=0, correction=0) + scale.pow(2).mean(dim=0)  # (D,)
    return float(0.5 * (loc.mean(dim=0).pow(2) + variance - 1 - variance.log()).sum())


def _log_aggregate(z: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """Return log (1/N) sum_j N(z_i; loc_j, scale_j), (C,), by one matrix product over (z², z) of 2D columns."""
    centre = loc.mean(dim=0)  # less is lost in the expanded square near 0
    z, loc, precision = z - centre, loc - centre, scale.pow(-2)
    constant = (
        (loc.pow(2) * precision).sum(dim=1)
        + 2 * scale.log().sum(dim=1)
        + loc.shape[1] * math.log(2 * math.pi)
    )
    features = torch.cat([z.pow(2), -2 * z], dim=1)  # (C, 2D)
    weights = torch.cat([precision, loc * precision], dim=1)  # (N, 2D)
    log_densities = torch.addmm(constant, features, weights.T).mul_(-0.5)  # (C, N)
    return log_densities.logsumexp(dim=1) - math.log(len(loc))


def _standardised_noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    generator = generator or torch.Generator().manual_seed(0)
    noise = torch.randn(like.shape, generator=generator, device=generator.device, dtype=torch.float64)
    return (noise / noise.pow(2).mean(dim=0).sqrt()).to(like.device)


def _checked_pair(loc: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    loc, scale = _checked("loc", loc), _checked("scale", scale)
    if loc.shape != scale.shape:
        raise LatentError(f"loc is {tuple(loc.shape)} and scale {tuple(scale.shape)}; they must agree")
    if not bool((scale > 0).all()):
        raise LatentError(f"scale goes down to {float(scale.min())}; it must be positive")
    return loc, scale


def _checked(name: str, values: Tensor) -> Tensor:
    if values.ndim != 2 or 0 in values.shape:
        raise LatentError(
            f"{name} is of shape {tuple(values.shape)}; (sentences, dimensions) is needed, neither 0"
        )
    if not bool(values.isfinite().all()):
        raise LatentError(f"{name} holds NaN or Inf; look at the model's training")
    # Apple's GPUs have no float64.
    return values.detach().to("cpu" if values.device.type == "mps" else values.device).double()
