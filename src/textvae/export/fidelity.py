"""Whether graphs compute what their model computes."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from textvae.data.vocabulary import BOS, NUM_SPECIAL
from textvae.errors import ExportError
from textvae.export.runtime import OnnxModel
from textvae.models import VAEModel

TOLERANCE = 1e-3
"""Of float32 logits and posteriors, absolute and relative: sums in another order stay far below."""
SHAPES = ((1, 1), (3, 2), (4, 5))
"""Rows and tokens of the probes; tracing saw two rows of three."""


@torch.no_grad()
def check_fidelity(model: VAEModel, exported: OnnxModel) -> None:
    """Compare posteriors and decoder steps on a few random rows.

    Args:
        model: in evaluation mode, on the CPU in float32.
        exported: its graphs, in float32.

    Raises:
        ExportError: they differ: the encoder or decoder does what tracing does not see.
    """
    random = torch.Generator().manual_seed(0)
    for rows, length in SHAPES:
        tokens = torch.randint(NUM_SPECIAL, exported.decoder.vocab_size, (rows, length), generator=random)
        lengths = torch.randint(1, length + 1, (rows,), generator=random)
        lengths[0] = length
        z = torch.randn(rows, model.config.latent_dim, generator=random)
        for what, run in (
            (f"the {model.config.encoder} encoder", partial(_posterior, tokens=tokens, lengths=lengths)),
            (f"the {model.config.decoder} decoder", partial(_logits, z=z, tokens=tokens)),
        ):
            _check(what, run(model), _found(what, run, exported))


def _posterior(model: VAEModel | OnnxModel, tokens: Tensor, lengths: Tensor) -> list[Tensor]:
    return [*model.posterior(tokens, lengths).tensors]


def _found(
    what: str, run: Callable[[VAEModel | OnnxModel], list[Tensor]], exported: OnnxModel
) -> list[Tensor]:
    """Return what the graphs compute; onnxruntime's errors, which have no type of their own, are told in our words."""
    try:
        return run(exported)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ExportError(
            f"{what} cannot be exported: its graph runs on the rows that were traced alone ({reason:.120}); every choice it "
            "makes must be by tensors"
        ) from error


def _logits(model: VAEModel | OnnxModel, z: Tensor, tokens: Tensor) -> list[Tensor]:
    """Return the logits after `<s>` and each token; the rows are turned round on the way."""
    logits, state = model.decoder.prefill(z, torch.full_like(tokens[:, :1], BOS))
    found, order = [logits], torch.arange(len(z)).flip(0)
    for column in tokens.unbind(1):
        logits, state = model.decoder.step(column, model.decoder.select(state, order))
        found.append(logits)
    return found


def _check(what: str, own: list[Tensor], other: list[Tensor]) -> None:
    for expected, found in zip(own, other, strict=True):
        if not torch.allclose(expected, found, rtol=TOLERANCE, atol=TOLERANCE):
            worst = float((expected - found).abs().max())
            raise ExportError(
                f"{what} cannot be exported: its graph is off by {worst:.2g}; every choice it makes must be by tensors"
            )
