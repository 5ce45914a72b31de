"""z of answers to conditions: of a first answer, of several, and what stands for p(z|c) as a whole."""

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.conditions import Conditions
from textvae.decoding.noise import normal_points, row_points
from textvae.distributions import DiagonalGaussian, GaussianMixture, on_cpu


def first_latents(codec: Codec, conditions: Conditions, *, seed: int = 0) -> Tensor:
    """Return the mean of p(z|c), (N, D); where the prior does not say what it is, one draw for all."""
    prior = on_cpu(codec.prior(conditions))
    if isinstance(prior, DiagonalGaussian):
        return prior.loc.to(codec.dtype).expand(len(conditions), -1)
    one = codec.prior_sample(1, seed=seed, conditions=conditions.rows(np.zeros(1, np.int64)))
    return one.expand(len(conditions), -1)


def several_latents(
    codec: Codec, conditions: Conditions, num: int, temperature: float = 1.0, *, seed: int = 0
) -> Tensor:
    """Return `num` z for each of N conditions, (N, num, D): each of them a draw of p(z|c), and apart from each other.

    Args:
        codec: a conditional model.
        conditions: N of them.
        num: how many; they are stratified (`row_points`), so that few of them say more of p(z|c) than as many draws.
        temperature: the noise is taken times this, but not what chooses the component of a mixture; at 1, z ~ p(z|c).
        seed: with the row's number, the noise of each row.
    """
    prior = on_cpu(codec.prior(conditions))
    noise = row_points(seed, range(len(conditions)), num, prior.noise_dim)
    noise[..., : -1 if isinstance(prior, GaussianMixture) else None] *= temperature
    latents = [prior.at(noise[:, place].to(prior.tensors[0])) for place in range(num)]
    if not latents:
        return torch.empty(len(conditions), 0, codec.latent_dim, dtype=codec.dtype)
    return torch.stack(latents, dim=1).to(codec.dtype)


def prior_points(codec: Codec, conditions: Conditions, num: int) -> Tensor:
    """Return `num` points that stand for p(z|c) in a mean over it, (N, K, D), always the same ones."""
    prior = on_cpu(codec.prior(conditions))
    points = normal_points(num, prior.noise_dim).to(prior.tensors[0])
    latents = [prior.at(point.expand(len(conditions), -1)) for point in points]
    return torch.stack(latents, dim=1).to(codec.dtype)
