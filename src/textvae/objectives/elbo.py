"""The evidence lower bound as named per-sentence terms.

log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z)) = -(distortion + rate)    Kingma and Welling 2014, arXiv:1312.6114, eq. 3
Terminology: Alemi et al. 2018, arXiv:1711.00464.
"""

from dataclasses import dataclass

from torch import Tensor

from textvae.distributions import DiagonalGaussian, rate_per_dimension
from textvae.models import VAEModel


@dataclass(frozen=True, kw_only=True)
class ELBOTerms:
    """The terms of one batch, nats a sentence."""

    distortion: Tensor
    """-log p(x|z) for one z ~ q(z|x), (B,)."""
    rates: Tensor
    """KL(q(z|x) || p(z)) by dimension, (B, D)."""
    posterior: DiagonalGaussian
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
    model: VAEModel, tokens: Tensor, lengths: Tensor, noise: Tensor, *, inputs: Tensor | None = None
) -> ELBOTerms:
    """Return the terms of a batch.

    Args:
        model: q, p(z) and p(x|z).
        tokens: (B, T), ending with `</s>`, padded.
        lengths: (B,), `</s>` counted.
        noise: standard normal, (B, D).
        inputs: the decoder's inputs, (B, T), where they differ from the shifted targets (word dropout).
    """
    posterior = model.posterior(tokens, lengths)
    z = posterior.at(noise)
    return ELBOTerms(
        distortion=-model.log_likelihood(tokens, lengths, z, inputs=inputs),
        rates=rate_per_dimension(posterior, model.prior()),
        posterior=posterior,
        z=z,
    )
