"""Parts of a model that keep their weights, for all of a training or for its first share.

A frozen part has no gradient, so that neither the optimiser nor weight decay touches it; the moving average leaves it out,
and statistics that it would gather in training stand still. Its dropout stays on.
"""

from textvae.config import TrainingConfig
from textvae.config.training import DECODER, EMBEDDINGS, OUTPUT, POSTERIOR, PRIOR
from textvae.errors import ConfigError
from textvae.models import VAEModel

PLACES = {
    "decoder.embedding": EMBEDDINGS,
    "decoder.output": OUTPUT,
    "decoder": DECODER,
    "embedding": EMBEDDINGS,
    "posterior_head": POSTERIOR,
    "posterior_family": POSTERIOR,
    "prior_family": PRIOR,
}
"""The part that each module of a model belongs to, the inner ones first; `encoder` is called what it is."""


def part_of(name: str) -> str:
    """Return the part that a tensor or module of a model belongs to.

    >>> part_of("decoder.output.linear.bias"), part_of("decoder.cell"), part_of("encoder.ahead.0")
    ('output', 'decoder', 'encoder')
    """
    for place, part in PLACES.items():
        if name == place or name.startswith(f"{place}."):
            return part
    return name.partition(".")[0]


class Freezing:
    """Freezes the parts that the settings name, until they say.

    Attributes:
        names: of the tensors that are frozen now; one that two parts share is frozen with either.
    """

    def __init__(self, model: VAEModel, config: TrainingConfig) -> None:
        self._until = config.unfreeze_after
        tensors = model.state_dict(keep_vars=True)
        shared = {id(tensor) for name, tensor in tensors.items() if part_of(name) in config.freeze}
        self._names = frozenset(name for name, tensor in tensors.items() if id(tensor) in shared)
        weights = {id(weight): weight for weight in model.parameters() if weight.requires_grad}
        self._weights = [weight for key, weight in weights.items() if key in shared]
        if len(self._weights) == len(weights):
            raise ConfigError(
                f"training.freeze {','.join(config.freeze)} freezes every weight, for parts share some; leave one to train"
            )
        self._gathering = [
            module
            for name, module in model.named_modules()
            if part_of(name) in config.freeze and next(module.buffers(recurse=False), None) is not None
        ]
        self.names: frozenset[str] = frozenset()

    def apply(self, progress: float) -> bool:
        """Freeze or unfreeze at `progress` of the training, in [0, 1]; return whether that changed anything.

        Modules that gather statistics stand still until the next call of `model.train()`.
        """
        is_on = self._until is None or progress < self._until
        before, self.names = self.names, self._names if is_on else frozenset()
        if is_on:
            for module in self._gathering:
                module.training = False  # its children, such as dropout, stay as they are
        if before == self.names:
            return False
        for weight in self._weights:
            weight.requires_grad_(not is_on)
        return True
