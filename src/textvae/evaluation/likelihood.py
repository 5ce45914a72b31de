"""What a model says of texts in nats: the ELBO and the importance-weighted bound."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.store import TokenStore
from textvae.decoding.noise import row_normals
from textvae.distributions import DiagonalGaussian, rate


@dataclass(frozen=True, kw_only=True)
class Likelihoods:
    """Per-sentence terms, each (N,) nats, float64."""

    distortion: Tensor
    """-log p(x|z) of one posterior sample."""
    rate: Tensor
    """KL(q(z|x) || p(z))."""
    iw_nll: Tensor
    """-log (1/K) sum_k p(x, z_k) / q(z_k|x), an upper bound of -log p(x)."""
    posterior: DiagonalGaussian


def log_weights(
    codec: Codec, store: TokenStore, *, num_samples: int, seed: int = 0
) -> tuple[Tensor, Tensor, DiagonalGaussian]:
    """Return log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x) and -log p(x|z_0), with z_k ~ q(z|x).

    The encoder runs once a text. Noise is a function of (seed, row, k).

    Returns:
        (K, N) and (N,) nats in float64, and the posterior over (N, D).
    """
    posterior = codec.posterior(store)
    prior = codec.model.prior()
    prior = DiagonalGaussian(prior.loc.cpu(), prior.scale.cpu())
    weights = torch.empty(num_samples, len(store), dtype=torch.float64)
    distortion = torch.empty(len(store), dtype=torch.float64)
    for k in range(num_samples):
        z = posterior.at(row_normals(seed + k, range(len(store)), codec.latent_dim).to(posterior.loc))
        log_p = codec.log_likelihood(store, z)
        weights[k] = log_p + (prior.log_prob(z) - posterior.log_prob(z)).double()
        if k == 0:
            distortion = -log_p
    return weights, distortion, posterior


def likelihoods(codec: Codec, store: TokenStore, *, num_samples: int, seed: int = 0) -> Likelihoods:
    """Measure the ELBO with one sample and the importance-weighted bound with `num_samples`.

    Burda et al. 2016, arXiv:1509.00519, eq. 8.
    """
    weights, distortion, posterior = log_weights(codec, store, num_samples=num_samples, seed=seed)
    prior = codec.model.prior()
    return Likelihoods(
        distortion=distortion,
        rate=rate(
            DiagonalGaussian(posterior.loc.double(), posterior.scale.double()),
            DiagonalGaussian(prior.loc.double().cpu(), prior.scale.double().cpu()),
        ),
        iw_nll=math.log(num_samples) - torch.logsumexp(weights, dim=0),
        posterior=posterior,
    )
