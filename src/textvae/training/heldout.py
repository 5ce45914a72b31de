"""The ELBO and what the latents do on held-out texts."""

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.store import TokenStore
from textvae.decoding.noise import row_normals
from textvae.diagnostics.latents import active_units
from textvae.diagnostics.shuffle import condition_shuffle_gain, z_shuffle_gain
from textvae.distributions import rate_at, wide
from textvae.models import GivenModel, VAEModel
from textvae.training.measures import HeldOut

SHUFFLED = 256
"""Held-out texts on which gains are taken at most: they are known well enough, and cost a pass over them."""

UNFAITHFUL = 1e9
"""Added to what models are chosen by where reconstructions are not as faithful as was asked for."""


@torch.no_grad()
def held_out(codec: Codec, store: TokenStore, *, seed: int = 0) -> HeldOut:
    """Measure the ELBO on a store; noise is a function of (seed, row)."""
    posterior = codec.posterior(store)
    z = posterior.at(row_normals(seed, range(len(store)), posterior.noise_dim).to(codec.dtype))
    distortion = -codec.log_likelihood(store, z)
    gain, condition_gain = _gains(codec, store, z, distortion)
    return HeldOut(
        distortion=float(distortion.mean()),
        rate=float(rate_at(wide(posterior), wide(codec.prior(store.conditions)), z.double()).mean()),
        active_units=active_units(posterior.loc) if len(store) > 1 else 0,
        num_targets=store.num_tokens + len(store),
        num_texts=len(store),
        z_shuffle_gain=gain,
        condition_shuffle_gain=condition_gain,
    )


def passes(codec: Codec, num_texts: int) -> int:
    """Return how many texts `held_out` of a store scores, those with another's z or condition counted."""
    config, shuffled = codec.model.config, min(num_texts, SHUFFLED)
    return num_texts + shuffled * (config.has_latent + (codec.schema is not None))


def chosen_by(held: HeldOut, accuracy: float | None, faithful: float | None) -> float:
    """Return what models are chosen by, lower is better: -ELBO; of those less faithful than asked for the distortion, later.

    Args:
        held: nats a sentence.
        accuracy: the share of held-out tokens that come back; None: not measured.
        faithful: the share that was asked for; None: none.
    """
    if faithful is None or accuracy is None or accuracy >= faithful:
        return held.neg_elbo
    return UNFAITHFUL + held.distortion


def random_texts(codec: Codec, store: TokenStore, number: int, *, seed: int) -> list[str]:
    """Return random texts, under the conditions of held-out ones where the model takes them.

    Args:
        codec: the model.
        store: the held-out texts.
        number: of texts, at most where there are conditions.
        seed: of the tokens; z are always the same.
    """
    conditions = None
    if store.conditions is not None:
        chosen = some_rows(store, number)
        conditions, number = store.conditions.rows(chosen), len(chosen)
    z = codec.prior_sample(number, conditions=conditions)
    return codec.decode(z, seed=seed, conditions=conditions)


def some_rows(store: TokenStore, number: int) -> np.ndarray:
    """Return up to `number` rows of a store, evenly spread: a corpus may be sorted."""
    return np.unique(np.linspace(0, len(store) - 1, min(number, len(store))).astype(np.int64))


def _gains(
    codec: Codec, store: TokenStore, z: Tensor, distortion: Tensor
) -> tuple[float | None, float | None]:
    """Return what its own z and its own condition are worth to a text."""
    rows = some_rows(store, SHUFFLED)
    if len(rows) < 2:
        return None, None
    some, latents, own = store.rows(rows), z[rows], distortion[rows]
    has_latent, has_condition = codec.model.config.has_latent, store.conditions is not None
    return (
        float(z_shuffle_gain(codec, some, latents, own).mean()) if has_latent else None,
        float(condition_shuffle_gain(codec, some, latents, own).mean()) if has_condition else None,
    )


@torch.inference_mode()
def token_accuracy(codec: Codec[VAEModel], store: TokenStore) -> float:
    """Return the share of tokens that are the decoder's first choice given the true ones before, z the posterior mean."""
    z = codec.posterior(store).loc
    right = total = 0
    for indices, tokens, lengths in codec.batches(store):
        real = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)
        chosen = _choices(codec, store, indices, tokens, z)[real]
        right += int((chosen == tokens[real]).sum())
        total += int(lengths.sum())
    return right / total


def _choices(
    codec: Codec[VAEModel], store: TokenStore, indices: np.ndarray, tokens: Tensor, z: Tensor
) -> Tensor:
    """Return the decoder's first choice at each position given the true tokens before, (B, T)."""
    model, conditions = codec.model, store.conditions
    given = codec.given(None if conditions is None else conditions.rows(indices))
    context = given.context if isinstance(given, GivenModel) else None
    steps = model.step_logits(tokens, z[indices].to(codec.device), context)
    return torch.stack([logits.argmax(-1) for logits in steps], dim=1)
