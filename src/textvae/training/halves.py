"""The weights of a model in two halves."""

from torch import nn

from textvae.models import VAEModel


def encoder_only(model: VAEModel) -> list[nn.Parameter]:
    """Return the weights that the decoder has no part in."""
    shared = {id(weight) for weight in model.decoder.parameters()}
    return [weight for weight in model.parameters() if id(weight) not in shared]


def decoder_only(model: VAEModel) -> list[nn.Parameter]:
    """Return the decoder's weights but for those that the encoder shares."""
    shared = {id(model.embedding.weight)} if model.config.share_embeddings else set()
    return [weight for weight in model.decoder.parameters() if id(weight) not in shared]
