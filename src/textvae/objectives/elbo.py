"""The evidence lower bound as named per-sentence terms.

log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z)) = -(distortion + rate)    Kingma and Welling 2014, arXiv:1312.6114, eq. 3
Terminology: Alemi et al. 2018, arXiv:1711.00464.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.distributions import Posterior, rate_parts
from textvae.models import GivenModel, VAEModel
from textvae.models.negatives import Negatives


@dataclass(frozen=True, kw_only=True)
class ELBOTerms:
    """The terms of one batch, nats a sentence."""

    distortion: Tensor
    """-log p(x|z) for one z ~ q(z|x), (B,)."""
    rates: Tensor
    """KL(q(z|x) || p(z)) by dimension, (B, D); where it is no sum over dimensions, whole, (B, 1): in closed form, or
    estimated at `z`."""
    posterior: Posterior
    z: Tensor
    """The sample, (B, D)."""

    @property
    def rate(self) -> Tensor:
        """KL(q(z|x) || p(z)), (B,)."""
        return self.rates.sum(dim=-1)

    @property
    def elbo(self) -> Tensor:
        """-(distortion + rate), (B,)."""
        return -(self.distortion + self.rate)


def elbo_terms(
    model: VAEModel | GivenModel,
    tokens: Tensor,
    lengths: Tensor,
    noise: Tensor,
    *,
    inputs: Tensor | None = None,
    read: tuple[Tensor, Tensor] | None = None,
    negatives: Negatives | None = None,
) -> ELBOTerms:
    """Return the terms of a batch.

    Args:
        model: q, p(z) and p(x|z); of a conditional model, under the batch's conditions.
        tokens: (B, T), ending with `</s>`, padded.
        lengths: (B,), `</s>` counted.
        noise: standard normal, (B, D).
        inputs: the decoder's inputs, (B, T), where they differ from the shifted targets (word dropout).
        read: tokens, (B, T), and lengths, (B,), that the encoder reads, where they differ (denoising).
        negatives: estimate the distortion with these; None: exact.
    """
    posterior = model.posterior(*(read or (tokens, lengths)))
    z = posterior.at(noise)
    return ELBOTerms(
        distortion=-model.log_likelihood(tokens, lengths, z, inputs=inputs, negatives=negatives),
        rates=rate_parts(posterior, model.prior(), z),
        posterior=posterior,
        z=z,
    )


def iw_elbo(log_weights: Tensor) -> Tensor:
    """Return log (1/K) sum_k w_k, (B,) nats: a lower bound of log p(x) that rises with K.

    Burda et al. 2016, arXiv:1509.00519, eq. 8.

    Args:
        log_weights: log w_k = log p(x, z_k) - log q(z_k|x) for z_k ~ q(z|x), (K, B).
    """
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))
