"""A new value of a label: its embedding, fitted to a person's texts with all weights frozen.

MAP by Adam, from the mean m of the known values' embeddings: sum_n ELBO(x_n; e) - |e - m|² / (2 s²), with s² the known
embeddings' variance about their mean. So few texts leave the new value near the known ones.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.store import TokenStore
from textvae.decoding.noise import derived_seed, row_normals
from textvae.models import ConditionTensors, GivenModel, VAEModel
from textvae.objectives.elbo import elbo_terms

STRIDE = 5
"""Steps between embeddings that are looked at."""

MAX_STRIDES = 16

RATE = 0.2
"""Adam's, in standard deviations of the known embeddings."""


@dataclass(frozen=True)
class KnownValues:
    """The embeddings of a label's known values, weighted by how often they occur.

    Attributes:
        mean: (C,) float64.
        variance: about it, a mean over the dimensions.
    """

    mean: Tensor
    variance: float

    @classmethod
    def of(cls, codec: Codec[VAEModel], label: str) -> "KnownValues":
        """Return those of a model; of a single value, which has no variance, that of embeddings before training."""
        assert codec.schema is not None
        assert codec.model.condition.labels is not None
        known = codec.schema.label(label)
        table = codec.model.condition.labels.weight.detach()[codec.schema.codes_of(label)].cpu().double()
        shares = torch.tensor(known.counts, dtype=torch.float64) / sum(known.counts)
        mean = shares @ table
        variance = float((shares @ (table - mean).square()).mean())
        return cls(mean, variance or 1 / len(mean))


def embeddings(codec: Codec[VAEModel], store: TokenStore, known: KnownValues, seed: int) -> Iterator[Tensor]:
    """Yield the embedding, (C,), at the start and after each `STRIDE` steps; the weights and their gradients stay as they are.

    Args:
        codec: the model.
        store: the person's texts, with their conditions; the label is missing.
        known: the other values of the label.
        seed: with step and row, the noise of the ELBO's draws.
    """
    model = codec.model
    mean = known.mean.to(model.device, torch.promote_types(model.dtype, torch.float32))
    row = mean.clone().requires_grad_()
    optimizer = torch.optim.Adam([row], lr=RATE * known.variance**0.5)
    for step in range(MAX_STRIDES * STRIDE + 1):
        if step % STRIDE == 0:
            yield row.detach().clone()
        gradient = _gradient(codec, store, row, derived_seed(seed, step))
        row.grad = (row.detach() - mean) / known.variance - gradient
        optimizer.step()


@torch.no_grad()
def total_elbo(codec: Codec[VAEModel], store: TokenStore, embedding: Tensor, seed: int) -> float:
    """Return the sum of the texts' ELBOs under an embedding, nats, with noise by (seed, row)."""
    return float(sum(elbos.sum() for elbos in _elbos(codec, store, embedding, seed)))


def _gradient(codec: Codec[VAEModel], store: TokenStore, row: Tensor, seed: int) -> Tensor:
    """Return that of the sum of the texts' ELBOs, (C,)."""
    total = torch.zeros_like(row)
    with torch.backends.cudnn.flags(enabled=False):  # cuDNN has no backward pass outside training mode
        for elbos in _elbos(codec, store, row, seed):
            total += torch.autograd.grad(elbos.sum(), row)[0]
    return total


def _elbos(codec: Codec[VAEModel], store: TokenStore, row: Tensor, seed: int) -> Iterator[Tensor]:
    """Yield the ELBO of each text, batch by batch, with the embedding in place of the label's."""
    model, conditions = codec.model, store.conditions
    assert conditions is not None
    model.eval()
    for indices, tokens, lengths in codec.batches(store):
        rest = ConditionTensors.of(conditions.rows(indices), model.device, model.dtype)
        vectors = row.to(model.dtype).expand(len(indices), -1)
        given = GivenModel(model, model.condition(dataclasses.replace(rest, vectors=vectors)))
        noise = row_normals(seed, cast("list[int]", indices.tolist()), model.config.latent_dim)
        yield elbo_terms(given, tokens, lengths, noise.to(model.device, model.dtype)).elbo
