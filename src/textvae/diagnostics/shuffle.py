"""What z is worth to the decoder: how much worse it does with the z of another sentence."""

import numpy as np
from torch import Tensor

from textvae.codec import Codec
from textvae.config.model import CONDITIONAL
from textvae.data.store import TokenStore
from textvae.distributions import DiagonalGaussian
from textvae.errors import LatentError

BLOCK = 16
"""Sentences next to each other in length among which partners are found, about."""


def partners(lengths: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return for each sentence the row of another one of near-equal length, (N,); no row twice, none its own.

    Sentences are put in order of length, equal ones in an order drawn from the seed, and cut into blocks of about
    `BLOCK`; each takes the one before it in its block, the first the last. Any partner would do to tell whether z is
    read. One of another length also gives away where the text ends, which says little of what z knows: on the embedded
    English corpus length alone was 6 of 34 nats.

    Args:
        lengths: tokens of each sentence, (N,).
        seed: of the order among equal lengths.

    Raises:
        LatentError: fewer than two sentences.
    """
    if len(lengths) < 2:
        raise LatentError(f"shuffling needs at least 2 sentences; got {len(lengths)}")
    order = np.lexsort((np.random.Generator(np.random.Philox(seed)).random(len(lengths)), lengths))
    found = np.empty(len(lengths), np.int64)
    for block in np.array_split(order, max(1, len(order) // BLOCK)):
        found[block] = np.roll(block, 1)
    return found


def z_shuffle_gain(
    codec: Codec, store: TokenStore, z: Tensor, distortion: Tensor, *, seed: int = 0
) -> Tensor:
    """Return -log p(x_i|z_j) + log p(x_i|z_i) of each sentence i and its partner j, (N,) nats in float64.

    0 for a decoder that does not read z. For z from the exact posterior the mean over all pairs is I(x; z) +
    KL(p(x) p(z) || p(x, z)): another's z does not only tell nothing, it misleads. So the gain exceeds the information,
    and one far below the rate shows a rate that is no information.

    Under a learned p(z|c) what is exchanged is what z says beyond the condition: its standard deviations from the mean of
    p(z|c). Another text's z as it is would tell of another condition, and misread even by a decoder that needs only c.

    Args:
        codec: the model.
        store: the sentences.
        z: one posterior sample a sentence, (N, D).
        distortion: -log p(x_i|z_i), (N,) nats.
        seed: of the partners.

    Raises:
        LatentError: fewer than two sentences, or latents of another shape.
    """
    others = _exchanged(codec, store, z, partners(store.lengths, seed))
    with codec.work.part("with another text's z", len(store)):
        return -codec.log_likelihood(store, others) - distortion


def condition_shuffle_gain(
    codec: Codec, store: TokenStore, z: Tensor, distortion: Tensor, *, seed: int = 0
) -> Tensor:
    """Return -log p(x_i|z_i,c_j) + log p(x_i|z_i,c_i) of each sentence i and its partner j, (N,) nats in float64.

    0 for a decoder that does not read the condition, or where z tells all of it. Partners are those of `z_shuffle_gain`.

    Raises:
        LatentError: fewer than two sentences, or texts without conditions.
    """
    if store.conditions is None:
        raise LatentError(
            "these texts have no conditions to exchange; read them with the columns of the training"
        )
    others = store.given(store.conditions.rows(partners(store.lengths, seed)))
    with codec.work.part("with another text's condition", len(store)):
        return -codec.log_likelihood(others, z) - distortion


def _exchanged(codec: Codec, store: TokenStore, z: Tensor, others: np.ndarray) -> Tensor:
    """Return the partners' z, (N, D), moved from their p(z|c) to one's own where the prior depends on the condition."""
    if store.conditions is None or codec.model.config.prior != CONDITIONAL:
        return z[others]
    prior = codec.prior(store.conditions)
    assert isinstance(prior, DiagonalGaussian)
    loc, scale = (part.expand(len(z), -1).to(z) for part in (prior.loc, prior.scale))
    return loc + scale * ((z - loc) / scale)[others]
