"""The model of a run before its first update."""

import torch

from textvae.models import VAEModel
from textvae.models.output import OutputLayer
from textvae.training.origin import Origin
from textvae.training.preparation import Prepared, target_counts
from textvae.training.transfer import spellings_of, take_over


def initial_model(prepared: Prepared, origin: Origin | None = None) -> VAEModel:
    """Return a model of random weights, by the run's seed, or of an origin's where those fit.

    The output bias is the log frequency of each token, but an origin's for its tokens: its features and its bias were
    trained together. Frequencies, which decoding ranks by, are those of the run's own texts.
    """
    torch.manual_seed(prepared.config.training.seed)
    model = VAEModel(prepared.config.model)
    if isinstance(model.decoder.output, OutputLayer):
        counts = target_counts(prepared.train, prepared.tokenizer.vocab_size)
        model.decoder.output.start_from_frequencies(counts)
    if origin:
        spellings = spellings_of(prepared.tokenizer, origin.codec.tokenizer)
        take_over(model, origin.codec.model, spellings)
    return model
