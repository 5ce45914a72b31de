"""The model of a run before its first update."""

import torch

from textvae.config.training import OUTPUT
from textvae.models import VAEModel
from textvae.models.output import OutputLayer
from textvae.training.origin import Origin
from textvae.training.preparation import Prepared, target_counts
from textvae.training.transfer import spellings_of, take_over


def initial_model(prepared: Prepared, origin: Origin | None = None) -> VAEModel:
    """Return a model of random weights, by the run's seed, or of an origin's where those fit.

    The output bias is the log frequency of each token, but an origin's for its tokens, moved by how much more or less
    frequent they are here (`training.shift_bias`), unless it is frozen. Frequencies, which decoding ranks by, are those of the
    run's own texts.
    """
    training = prepared.config.training
    torch.manual_seed(training.seed)
    model = VAEModel(prepared.config.model)
    output, counts = model.decoder.output, target_counts(prepared.train, prepared.tokenizer.vocab_size)
    if isinstance(output, OutputLayer):
        output.start_from_frequencies(counts)
    if origin:
        spellings = spellings_of(prepared.tokenizer, origin.codec.tokenizer)
        take_over(model, origin.codec.model, spellings)
        before = origin.codec.model.log_frequencies
        may_shift = training.shift_bias and OUTPUT not in training.freeze
        if may_shift and before is not None and isinstance(output, OutputLayer):
            output.shift_bias(before, float(counts.sum()))
    return model
