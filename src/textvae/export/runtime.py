"""`OnnxModel`: graphs run by onnxruntime, as the codec asks for them."""

from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from textvae.config import ModelConfig
from textvae.data.vocabulary import BOS
from textvae.distributions import DiagonalGaussian, Prior
from textvae.errors import CorruptRunError
from textvae.export.states import Part, state_names
from textvae.models.output import CHUNK_LOGITS

State = tuple[Tensor, ...]


class Session:
    """One graph, on as many CPU threads as PyTorch has."""

    def __init__(self, graph: Path | bytes) -> None:
        onnxruntime.disable_telemetry_events()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised
        source = graph if isinstance(graph, bytes) else str(graph)
        try:
            self._session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own, which have no common class
            where = "the graph" if isinstance(graph, bytes) else graph
            raise CorruptRunError(f"{where} cannot be read by onnxruntime: {error}") from error
        self.inputs = [node.name for node in self._session.get_inputs()]

    def __call__(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """Return the outputs; nothing is copied on the way in or out. Inputs that the graph has no use for are left."""
        arrays = {name: inputs[name].detach().contiguous().numpy() for name in self.inputs}
        return [torch.from_numpy(np.asarray(array)) for array in self._session.run(None, arrays)]


class OnnxDecoder:
    """A `StepDecoder`; its state is the parts of the model's own."""

    def __init__(self, prefill: Session, step: Session, parts: tuple[Part, ...], vocab_size: int) -> None:
        self._prefill, self._step, self.parts = prefill, step, parts
        self.vocab_size = vocab_size

    def prefill(self, z: Tensor, tokens: Tensor) -> tuple[Tensor, State]:
        """Return logits (B, V) after `tokens` (B, P), the first of them `<s>`, and the state."""
        logits, *parts = self._prefill({"z": z})
        state = tuple(parts)
        for column in tokens[:, 1:].unbind(1):
            logits, state = self.step(column, state)
        return logits, state

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits (B, V) after one more token a row, and the new state."""
        inputs = dict(zip(state_names(self.parts, "state"), state, strict=True))
        logits, *changed = self._step({"tokens": tokens} | inputs)
        new = iter(changed)
        parts = zip(state, self.parts, strict=True)
        return logits, tuple(before if part.constant else next(new) for before, part in parts)

    def select(self, state: State, rows: Tensor) -> State:
        """Return the state of `rows`."""
        parts = zip(state, self.parts, strict=True)
        return tuple(tensor.index_select(part.batch_dim, rows) for tensor, part in parts)


class OnnxModel:
    """A `LatentModel` on the CPU in float32."""

    device = torch.device("cpu")
    dtype = torch.float32

    def __init__(
        self,
        config: ModelConfig,
        encoder: Session,
        decoder: OnnxDecoder,
        prior: Prior,
        log_frequencies: Tensor | None,
    ) -> None:
        self.config, self.decoder, self.log_frequencies = config, decoder, log_frequencies
        self._prior = prior
        self._encoder = encoder

    def eval(self) -> Self:
        """Return the model: graphs know no training."""
        return self

    def posterior(self, tokens: Tensor, lengths: Tensor) -> DiagonalGaussian:
        """Return q(z|x) over (B, D)."""
        return DiagonalGaussian(*self._encoder({"tokens": tokens, "lengths": lengths}))

    def prior(self) -> Prior:
        """Return p(z) over (D,)."""
        return self._prior

    def log_likelihood(self, tokens: Tensor, lengths: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z), (B,) nats a sentence, token by token: what is scored is what decodes."""
        num_rows = max(1, CHUNK_LOGITS // self.decoder.vocab_size)
        chunks = zip(tokens.split(num_rows), lengths.split(num_rows), z.split(num_rows), strict=True)
        return torch.cat([self._log_likelihood(*chunk) for chunk in chunks])

    def _log_likelihood(self, tokens: Tensor, lengths: Tensor, z: Tensor) -> Tensor:
        logits, state = self.decoder.prefill(z, torch.full_like(tokens[:, :1], BOS))
        log_probs = logits.new_zeros(tokens.shape)
        for position, targets in enumerate(tokens.unbind(1)):
            log_probs[:, position] = -cross_entropy(logits, targets, reduction="none")
            if position + 1 < tokens.shape[1]:
                logits, state = self.decoder.step(targets, state)
        real = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)
        return log_probs.masked_fill(~real, 0.0).sum(dim=1)
