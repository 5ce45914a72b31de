"""A model under conditions: encoded once for each batch, as a model, a decoder or a prior."""

from typing import cast

import numpy as np
import torch

from textvae.codec.protocol import LatentModel
from textvae.config.model import CONDITIONAL
from textvae.data.conditions import Conditions
from textvae.decoding.guidance import GuidedDecoder
from textvae.decoding.mixture import MixtureDecoder
from textvae.decoding.protocol import StepDecoder
from textvae.distributions import DiagonalGaussian, Posterior, Prior, joined, on_cpu, rows
from textvae.models import ConditionTensors, GivenModel, VAEModel

PRIOR_ROWS = 512
"""Conditions encoded at once for their priors."""


def given(model: LatentModel, conditions: Conditions | None) -> LatentModel:
    """Return a model under the conditions of B rows; of none, the model itself, which then is under none."""
    if conditions is None or conditions.is_empty or not isinstance(model, VAEModel):
        return model
    return GivenModel(model, model.condition(ConditionTensors.of(conditions, model.device, model.dtype)))


@torch.no_grad()
def decoder_given(
    model: LatentModel,
    conditions: Conditions | None,
    num: int,
    times: int,
    guidance: float | None,
    num_latents: int = 1,
) -> StepDecoder:
    """Return p(x|z,c) of `num` rows that each come `times` in a row, guided by `guidance` where that is neither 1 nor None.

    A conditional model without conditions is the one of no condition. Of several latents a row it is their mixture.
    """
    decoder = _decoder(model, conditions, num, times * num_latents, guidance)
    return decoder if num_latents == 1 else MixtureDecoder(decoder, num_latents)


def _decoder(
    model: LatentModel, conditions: Conditions | None, num: int, times: int, guidance: float | None
) -> StepDecoder:
    if not isinstance(model, VAEModel) or not model.config.has_condition:
        return model.decoder
    free = GivenModel(model, model.condition.none(num * times)).decoder
    conditioned = given(model, conditions)
    if not isinstance(conditioned, GivenModel):
        return free
    each = torch.arange(num, device=model.device).repeat_interleave(times)
    own = conditioned.rows(each).decoder
    return own if guidance in (1, None) else GuidedDecoder(own, free, guidance)


@torch.no_grad()
def prior_given(model: LatentModel, conditions: Conditions | None) -> Prior:
    """Return p(z) over (D,); where it depends on the condition, p(z|c) over (N, D), for no conditions over (1, D).

    Of persons with a profile it is that.
    """
    if conditions is not None and conditions.profiles is not None:
        loc, scale = torch.from_numpy(conditions.profiles).unbind(dim=1)
        return DiagonalGaussian(loc, scale)
    if model.config.prior != CONDITIONAL or conditions is None:
        return model.prior()
    if not len(conditions):
        return rows(on_cpu(model.prior()), slice(0))
    starts = range(0, len(conditions), PRIOR_ROWS)
    indices = [np.arange(start, min(start + PRIOR_ROWS, len(conditions))) for start in starts]
    parts = [on_cpu(given(model, conditions.rows(part)).prior()) for part in indices]
    return cast("Prior", joined(cast("list[Posterior]", parts)))
