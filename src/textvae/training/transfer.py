"""Weights of one model in another: what fits is copied, what is new is told, new tokens begin as what spelt them."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from textvae.config.training import DECODER, EMBEDDINGS, PRIOR
from textvae.data.tokenizer_extension import spelling
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.models.output import COUNTED
from textvae.training.freezing import part_of

POSITIONS = "positions.embedding.weight"
"""Learned positions: a model for shorter texts has the first of them."""


def new_parts(model: VAEModel, theirs: VAEModel, name: str) -> tuple[str, ...]:
    """Return the names of the parts of `model` that `theirs`, a model of the same tokenizer, has no weights for.

    Raises:
        ConfigError: weights of `theirs`, called `name`, that have no place or another shape in `model`; another prior's
            are left behind.
    """
    ours, others = _tensors(model), _tensors(theirs)
    if _differ(_prior(ours), _prior(others)):
        others = {key: tensor for key, tensor in others.items() if part_of(key) != PRIOR}
    wrong = sorted(key for key in others if key not in ours or ours[key].shape != others[key].shape)
    if wrong:
        raise ConfigError(f"the weights of {name} do not fit ({', '.join(wrong[:3])}): {_why(model, theirs)}")
    return tuple(dict.fromkeys(_told(key) for key in ours if key not in others))


@torch.no_grad()
def take_over(model: VAEModel, theirs: VAEModel, spellings: Sequence[Sequence[int]]) -> None:
    """Give `model` the weights of `theirs`, exactly, where `new_parts` found them to fit.

    Token frequencies stay, for they describe the corpus; so does the output bias of a new token, which begins at its log
    frequency as in any run. The other rows of a new token begin as the mean of those of the old ones that spelt it.

    Args:
        model: of as many tokens as `theirs`, or more.
        theirs: the model that was trained.
        spellings: for each token more, the ids that stood for it.
    """
    ours, others = _tensors(model), _tensors(theirs)
    others_prior = _prior(others)
    new_prior = _differ(_prior(ours), others_prior)
    for name, tensor in ours.items():
        if name in others and not (new_prior and part_of(name) == PRIOR):
            _copy(tensor, others[name], spellings, is_positions=name.endswith(POSITIONS))


def spellings_of(tokenizer: Tokenizer, before: Tokenizer) -> list[list[int]]:
    """Return the ids of `before` that stood for each token that `tokenizer` has more."""
    return [spelling(tokenizer, index) for index in range(before.vocab_size, tokenizer.vocab_size)]


def _copy(tensor: Tensor, other: Tensor, spellings: Sequence[Sequence[int]], *, is_positions: bool) -> None:
    if tensor.shape == other.shape:
        tensor.copy_(other)
    elif is_positions:
        tensor.copy_(other[: len(tensor)])
    else:
        tensor[: len(other)] = other
        if tensor.ndim > 1:
            for row, ids in enumerate(spellings, len(other)):
                tensor[row] = other[list(ids)].mean(dim=0)


def _tensors(model: VAEModel) -> dict[str, Tensor]:
    """Return all that was trained or gathered in training."""
    return {
        name: tensor
        for name, tensor in model.state_dict().items()
        if tensor.is_floating_point() and not name.endswith(COUNTED)
    }


def _prior(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if part_of(name) == PRIOR}


def _differ(ours: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> bool:
    """Return whether two priors are of different shapes."""
    return {name: t.shape for name, t in ours.items()} != {name: t.shape for name, t in others.items()}


def _why(model: VAEModel, theirs: VAEModel) -> str:
    here, there = model.config.injection, theirs.config.injection
    if here == there and model.config.has_latent != theirs.config.has_latent:
        return "where there is a condition z enters beside it, in the same weights, which are wider then; begin from nothing"
    if here == there:
        return "a registered part builds another model than it did; register the one that was trained"
    return (
        f"model.injection is {here!r}, {there!r} there; only ways in for z that are parts of their own can be added, as "
        "initial, add, skip or memory"
    )


def _told(name: str) -> str:
    """Return what a part that starts anew is called: within the decoder, its module."""
    part = part_of(name)
    if part == EMBEDDINGS:
        return "the encoder's embeddings"
    return ".".join(name.split(".")[:2]) if part == DECODER else part
