"""What a model says of texts in nats: the ELBO and the importance-weighted bound."""

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.config.fields import check_count
from textvae.data.store import TokenStore
from textvae.decoding.noise import derived_seed, row_normals
from textvae.distributions import Posterior, Prior, has_closed_form, rate, wide
from textvae.objectives.elbo import iw_elbo


@dataclass(frozen=True, kw_only=True)
class Likelihoods:
    """Per-sentence terms, each (N,) nats, float64."""

    distortion: Tensor
    """-log p(x|z) of one posterior sample."""
    rate: Tensor
    """KL(q(z|x) || p(z)); where it has no closed form, its estimate from the same sample as the distortion's."""
    iw_nll: Tensor
    """-log (1/K) sum_k p(x, z_k) / q(z_k|x), an upper bound of -log p(x)."""
    posterior: Posterior


@torch.no_grad()
def log_weights(
    codec: Codec, store: TokenStore, *, num_samples: int, seed: int = 0
) -> tuple[Tensor, Tensor, Posterior]:
    """Return log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x) and -log p(x|z_0), with z_k ~ q(z|x).

    The encoder runs once a text. Noise is a function of (seed, row, k); densities of z are taken in float64.

    Returns:
        (K, N) and (N,) nats in float64, and the posterior over (N, D).

    Raises:
        ConfigError: no sample is asked for.
    """
    check_count("num_samples", num_samples, 1)
    posterior = codec.posterior(store)
    wide_posterior, wide_prior = wide(posterior), wide(codec.prior(store.conditions))
    weights = torch.empty(num_samples, len(store), dtype=torch.float64)
    distortion = torch.empty(len(store), dtype=torch.float64)
    size = max(
        1, codec.batch_size // max(1, len(store))
    )  # samples at once: few texts alone make small products
    for start in range(0, num_samples, size):
        samples = range(start, min(start + size, num_samples))
        noise = [sample_noise(seed, k, len(store), posterior.noise_dim) for k in samples]
        z = posterior.at(torch.stack(noise).to(codec.dtype))  # (k, N, D)
        log_p = codec.log_likelihood(store.repeated(len(samples)), z.flatten(0, 1)).view(
            len(samples), len(store)
        )
        weights[start : samples.stop] = (
            log_p + wide_prior.log_prob(z.double()) - wide_posterior.log_prob(z.double())
        )
        if start == 0:
            distortion = -log_p[0]
    return weights, distortion, posterior


def sample_noise(seed: int, k: int, num_texts: int, dim: int) -> Tensor:
    """Return the noise of the k-th posterior sample of each text, (N, D) float64; the 0th is the distortion's."""
    return row_normals(derived_seed(seed, k), range(num_texts), dim)


@torch.no_grad()
def distortion_sample(codec: Codec, posterior: Posterior, seed: int) -> Tensor:
    """Return the posterior sample of each text that `likelihoods` takes the distortion at, (N, D)."""
    noise = sample_noise(seed, 0, len(posterior.tensors[0]), posterior.noise_dim)
    return posterior.at(noise.to(codec.dtype))


def likelihoods(codec: Codec, store: TokenStore, *, num_samples: int, seed: int = 0) -> Likelihoods:
    """Measure the ELBO with one sample and the importance-weighted bound with `num_samples`.

    Raises:
        ConfigError: no sample is asked for.
    """
    with codec.work.part(f"likelihoods, K = {num_samples}", len(store), passes=num_samples + 1):
        weights, distortion, posterior = log_weights(codec, store, num_samples=num_samples, seed=seed)
    return Likelihoods(
        distortion=distortion,
        rate=_rate(posterior, codec.prior(store.conditions), weights[0] + distortion),
        iw_nll=-iw_elbo(weights),
        posterior=posterior,
    )


def _rate(posterior: Posterior, prior: Prior, log_ratio: Tensor) -> Tensor:
    """Return the rate of each text, (N,); `log_ratio` is log p(z) - log q(z|x) of one sample."""
    return rate(wide(posterior), wide(prior)) if has_closed_form(posterior, prior) else -log_ratio
