"""From a model to three ONNX graphs: encoder, prefill (z, `<s>`) and step (one token more).

PyTorch's exporter by tracing writes them: it needs no further package and takes a second a graph at most. The one by
`torch.export` needs onnxscript and was far slower; `docs/architecture.md` has the numbers.
"""

import copy
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from textvae.data.vocabulary import BOS
from textvae.errors import ExportError
from textvae.export.states import Part, observe, rebuilt, state_names, tensors
from textvae.models import Decoder, VAEModel

OPSET = 17
Axes = dict[str, dict[int, str]]


@dataclass(frozen=True)
class Graphs:
    """A model as graphs, in float32.

    Attributes:
        encoder: tokens (B, T), lengths (B,) -> loc (B, D), scale (B, D).
        prefill: z (B, D) -> logits (B, V) after `<s>`, and the parts of the state.
        step: tokens (B,), the parts of the state -> logits (B, V), and the new parts but for the constant ones.
        parts: what the state is made of.
    """

    encoder: onnx.ModelProto
    prefill: onnx.ModelProto
    step: onnx.ModelProto
    parts: tuple[Part, ...]

    def named(self) -> dict[str, onnx.ModelProto]:
        """Return the graphs by name."""
        return {"encoder": self.encoder, "prefill": self.prefill, "step": self.step}


def trace(model: VAEModel) -> Graphs:
    """Return the graphs of a model, traced on the CPU in float32.

    Raises:
        ExportError: an encoder or decoder that cannot be traced.
    """
    model = copy.deepcopy(model).cpu().float().eval()
    decoder, latent_dim = model.decoder, model.config.latent_dim
    parts = observe(decoder, latent_dim)
    z = torch.zeros(2, latent_dim)
    state = _state_of(decoder, z)
    old, new = state_names(parts, "state"), state_names(parts, "next")
    state_axes = {name: _axes(part) for name, part in zip(old, parts, strict=True)}
    changing = [name for name, part in zip(new, parts, strict=True) if not part.constant]
    next_axes = {
        name: _axes(part, ahead=1) for name, part in zip(new, parts, strict=True) if not part.constant
    }
    batch = {0: "B"}
    return Graphs(
        encoder=_traced(
            _Encoder(model), (torch.full((2, 3), BOS), torch.tensor([3, 2])), ["tokens", "lengths"],
            {"tokens": {0: "B", 1: "T"}, "lengths": batch, "loc": batch, "scale": batch}, ["loc", "scale"],
            f"the {model.config.encoder} encoder",
        ),
        prefill=_traced(
            _Prefill(decoder), (z,), ["z"], {"z": batch, "logits": batch} | state_axes, ["logits", *old],
            f"the {model.config.decoder} decoder",
        ),
        step=_traced(
            _Step(decoder, state, parts), (torch.full((2,), BOS), *tensors(state)), ["tokens", *old],
            {"tokens": batch, "logits": batch} | state_axes | next_axes, ["logits", *changing],
            f"the {model.config.decoder} decoder",
        ),
        parts=parts,
    )  # fmt: skip


class _Encoder(nn.Module):
    def __init__(self, model: VAEModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        loc, scale = self.model.posterior(tokens, lengths).tensors  # of a Gaussian
        return loc, scale


class _Prefill(nn.Module):
    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, z: Tensor) -> tuple[Tensor, ...]:
        start = torch.full((z.shape[0], 1), BOS, dtype=torch.int64)
        logits, state = self.decoder.prefill(z, start)
        return (logits, *tensors(state))


class _Step(nn.Module):
    def __init__(self, decoder: Decoder, like: Any, parts: tuple[Part, ...]) -> None:
        super().__init__()
        self.decoder, self.like, self.parts = decoder, like, parts

    def forward(self, tokens: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        logits, after = self.decoder.step(tokens, rebuilt(self.like, iter(state)))
        changed = zip(tensors(after), self.parts, strict=True)
        return (logits, *(tensor for tensor, part in changed if not part.constant))


@torch.no_grad()
def _state_of(decoder: Decoder, z: Tensor) -> Any:
    return decoder.prefill(z, torch.full((len(z), 1), BOS))[1]


def _axes(part: Part, ahead: int = 0) -> dict[int, str]:
    growing = {} if part.growing_dim is None else {part.growing_dim: f"S_plus_{ahead}" if ahead else "S"}
    return {part.batch_dim: "B"} | growing


def _traced(
    module: nn.Module,
    example: tuple[Tensor, ...],
    inputs: list[str],
    axes: Axes,
    outputs: list[str],
    what: str,
) -> onnx.ModelProto:
    try:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # that tracing is the older way; that shapes are constants
            file = Path(folder) / "graph.onnx"
            torch.onnx.export(
                module.eval(), example, file, dynamo=False, opset_version=OPSET,
                input_names=inputs, output_names=outputs, dynamic_axes=axes,
            )  # fmt: skip
            return onnx.load(file)
    except Exception as error:  # whatever the user's own module raises
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ExportError(f"{what} cannot be exported: {reason}") from error
