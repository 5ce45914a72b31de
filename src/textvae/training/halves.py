"""The weights of a model in two halves."""

from torch import nn

from textvae.models import VAEModel


def encoder_only(model: VAEModel) -> list[nn.Parameter]:
    """Return the weights that the decoder has no part in."""
    shared = {id(weight) for weight in (*model.decoder.parameters(), *_condition(model))}
    return [weight for weight in model.parameters() if id(weight) not in shared]


def decoder_only(model: VAEModel) -> list[nn.Parameter]:
    """Return the decoder's weights but for those that the encoder shares."""
    shared = {id(model.embedding.weight)} if model.config.share_embeddings else set()
    return [
        weight for weight in (*model.decoder.parameters(), *_condition(model)) if id(weight) not in shared
    ]


def _condition(model: VAEModel) -> list[nn.Parameter]:
    """Return the weights that read the condition: the decoder's half, though q(z|x,c) and p(z|c) read it too."""
    own = {id(weight) for weight in model.decoder.parameters()}
    encoder = model.condition.parameters() if model.config.has_condition else ()
    return [weight for weight in encoder if id(weight) not in own]
