"""Encoders, decoders and the model made of them."""

import textvae.models.recurrent
import textvae.models.recurrent_encoder
import textvae.models.transformer  # noqa: F401  (both fill the registries)
from textvae.models.condition import ConditionTensors, Context
from textvae.models.given import GivenModel
from textvae.models.modeling import VAEModel
from textvae.models.parts import Decoder, Encoder
from textvae.models.registry import register_decoder, register_encoder

__all__ = [
    "ConditionTensors",
    "Context",
    "Decoder",
    "Encoder",
    "GivenModel",
    "VAEModel",
    "register_decoder",
    "register_encoder",
]
