"""What a run that begins from another's weights takes from its settings, and which of its own may differ."""

import dataclasses
from typing import Any

from textvae.config.model import ModelConfig
from textvae.config.presets import TRANSFER
from textvae.errors import ConfigError

FREE = ("dropout", "embed_dropout", "weight_dropout", "encoder_dropout")
"""Settings of a model that have no part in its shapes: the new run's."""
RESOLVED = ("vocab_size", "max_length")
"""They come from the tokenizer and `data.max_length`."""
OF_RATE = ("kappa", "gamma", "delta")
"""They are the other run's unless stated, and may be: no weight depends on them."""
OF_PRIOR = ("prior", "prior_components", "pseudo_length", "prior_layers")
"""Another prior is another part, which starts anew."""
OF_LATENT = (
    "encoder",
    "encoder_dim",
    "encoder_layers",
    "latent_dim",
    "posterior",
    "flow_layers",
    "share_embeddings",
)
"""What a language model has no weights of: z can be given to it."""
INJECTION = "injection"
"""Ways in for z that are parts of their own can be added; whether one is shows in the shapes."""


def inherited(model: ModelConfig, normalize: str) -> dict[str, dict[str, Any]]:
    """Return the settings that lie beneath those of a run that begins from a model of these, by section.

    Args:
        model: the other model's settings.
        normalize: its tokenizer's.
    """
    own = (*FREE, *RESOLVED)
    shapes = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    return TRANSFER | {
        "model": {name: value for name, value in shapes.items() if name not in own},
        "data": {"normalize": normalize},
    }


def check_shapes(model: ModelConfig, theirs: ModelConfig, name: str) -> None:
    """Raise a `ConfigError` that names the settings which contradict the weights of the run `name`."""
    may_differ = {*FREE, *RESOLVED, *OF_RATE, *OF_PRIOR, INJECTION}
    if not theirs.has_latent:
        may_differ |= set(OF_LATENT)
    wrong = [
        f"model.{field.name} {getattr(model, field.name)} ({getattr(theirs, field.name)} there)"
        for field in dataclasses.fields(model)
        if field.name not in may_differ and getattr(model, field.name) != getattr(theirs, field.name)
    ]
    if wrong:
        raise ConfigError(
            f"these settings do not fit the weights of {name}: {', '.join(wrong)}; leave them out, or train without "
            "--init-from"
        )
