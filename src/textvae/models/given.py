"""A conditional model under the conditions of a batch: to everything above, a model like any other."""

from typing import Any

import torch
from torch import Tensor

from textvae.config import ModelConfig
from textvae.distributions import Posterior, Prior
from textvae.models.condition import Context
from textvae.models.modeling import VAEModel
from textvae.models.negatives import Negatives


class GivenDecoder:
    """p(x|z,c) one token at a time, the rows' conditions fixed."""

    def __init__(self, model: VAEModel, context: Context) -> None:
        self.model, self.context = model, context

    @property
    def vocab_size(self) -> int:
        """V."""
        return self.model.decoder.vocab_size

    def prefill(self, z: Tensor, tokens: Tensor) -> tuple[Tensor, Any]:
        """Read `tokens`, (B, P) starting with `<s>`, given z, (B, D), row i under the i-th condition."""
        code, source = self.model.read_condition(z, self.context)
        decoder = self.model.decoder
        return decoder.prefill(code, tokens) if source is None else decoder.prefill(code, tokens, source)

    def step(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one more token a row, (B,)."""
        return self.model.decoder.step(tokens, state)

    def select(self, state: Any, rows: Tensor) -> Any:
        """Return the state of `rows`, (R,)."""
        return self.model.decoder.select(state, rows)


class GivenModel:
    """q(z|x,c), p(z|c) and p(x|z,c) of B rows whose conditions are fixed."""

    def __init__(self, model: VAEModel, context: Context) -> None:
        self.model, self.context = model, context

    @property
    def config(self) -> ModelConfig:
        """The model's."""
        return self.model.config

    @property
    def decoder(self) -> GivenDecoder:
        """p(x|z,c), one token at a time."""
        return GivenDecoder(self.model, self.context)

    @property
    def device(self) -> torch.device:
        """Where tensors have to be."""
        return self.model.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of z."""
        return self.model.dtype

    @property
    def log_frequencies(self) -> Tensor | None:
        """The log p of each token in the training texts, (V,) nats on the CPU, where known."""
        return self.model.log_frequencies

    def eval(self) -> object:
        """Leave training mode."""
        return self.model.eval()

    def posterior(self, tokens: Tensor, lengths: Tensor) -> Posterior:
        """Return q(z|x,c) over (B, D)."""
        return self.model.posterior(tokens, lengths, self.context)

    def prior(self) -> Prior:
        """Return p(z) over (D,), or p(z|c) over (B, D)."""
        return self.model.prior(self.context)

    def log_likelihood(
        self,
        tokens: Tensor,
        lengths: Tensor,
        z: Tensor,
        *,
        inputs: Tensor | None = None,
        negatives: Negatives | None = None,
    ) -> Tensor:
        """Return log p(x|z,c), (B,) nats a sentence."""
        return self.model.log_likelihood(tokens, lengths, z, self.context, inputs=inputs, negatives=negatives)

    def rows(self, indices: Tensor) -> "GivenModel":
        """Return the model of some rows' conditions, (R,); a row may come more than once."""
        return GivenModel(self.model, self.context.rows(indices))
