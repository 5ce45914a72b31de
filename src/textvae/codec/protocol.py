"""What the codec asks of a model; nothing above the codec knows what runs it."""

from typing import Protocol

import torch
from torch import Tensor

from textvae.config import ModelConfig
from textvae.decoding.protocol import StepDecoder
from textvae.distributions import Posterior, Prior


class LatentModel(Protocol):
    """q(z|x), p(z) and p(x|z): `VAEModel`, or graphs that another runtime runs.

    Texts are (B, T) ids that end with `</s>` and are padded; `lengths`, (B,), count `</s>`.
    """

    @property
    def config(self) -> ModelConfig:
        """What determines the shape of the weights."""
        ...

    @property
    def decoder(self) -> StepDecoder:
        """p(x|z), one token at a time."""
        ...

    @property
    def device(self) -> torch.device:
        """Where tensors have to be."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """The precision of z."""
        ...

    @property
    def log_frequencies(self) -> Tensor | None:
        """The log p of each token in the training texts, (V,) nats on the CPU, where known."""
        ...

    def eval(self) -> object:
        """Leave training mode."""
        ...

    def posterior(self, tokens: Tensor, lengths: Tensor) -> Posterior:
        """Return q(z|x) over (B, D)."""
        ...

    def prior(self) -> Prior:
        """Return p(z) over (D,)."""
        ...

    def log_likelihood(self, tokens: Tensor, lengths: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z), (B,) nats a sentence, for z (B, D)."""
        ...
