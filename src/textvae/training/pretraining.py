"""An autoencoder first: epochs at beta 0, after which the decoder starts anew and the objective proper begins.

Li et al. 2019, arXiv:1909.00868, section 3 ("FBP" with free bits). The decoder that begins again finds latents that already
tell sentences apart. Deviations: the learning rate and the optimiser begin again too, and so does the moving average.
"""

import torch

from textvae.models import VAEModel
from textvae.models.output import OutputLayer
from textvae.training.halves import decoder_only
from textvae.training.state import TrainState


class Pretraining:
    """Where a run stands between the autoencoder and the objective proper."""

    def __init__(self, epochs: int, state: TrainState) -> None:
        self.epochs, self.state = epochs, state

    @property
    def is_on(self) -> bool:
        """Whether the present epoch is an autoencoder's."""
        return self.state.epoch < self.epochs

    @property
    def just_ended(self) -> bool:
        """Whether the epochs are over and the objective proper has not begun."""
        return bool(self.epochs) and not self.is_on and not self.state.proper_step

    def end(self, progress: float) -> None:
        """Let the objective proper begin at this step, which is at `progress` of the whole run."""
        state = self.state
        state.proper_step, state.proper_progress = state.step, progress
        state.best, state.best_epoch = None, state.epoch

    def step(self) -> int:
        """Return updates made of the objective proper."""
        return self.state.step - self.state.proper_step

    def progress(self, progress: float, epochs_done: float) -> float:
        """Return the share done of the present part, of `progress` of the whole run and `epochs_done`."""
        if self.is_on:
            return min(1.0, epochs_done / self.epochs)
        before = self.state.proper_progress
        return (progress - before) / (1 - before) if before < 1 else 1.0


def reset_decoder(model: VAEModel, seed: int) -> None:
    """Give the decoder new weights, but for those that the encoders of texts and sources read through.

    Its output bias starts from frequencies.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = VAEModel(model.config).decoder
    own = {id(weight) for weight in decoder_only(model)}
    if model.config.source_shared:  # q(z|x,c) reads the source through these
        own.discard(id(model.decoder.embedding.weight))
    for weight, other in zip(model.decoder.parameters(), fresh.parameters(), strict=True):
        if id(weight) in own:
            weight.data.copy_(other)
    if isinstance(output := model.decoder.output, OutputLayer):
        output.linear.bias.data.copy_(output.log_frequencies)
