"""Invertible networks, from zuko: imported where one is built, for that takes a second or two."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from textvae.errors import MissingExtraError

HIDDEN = (64, 64)
"""Units of the networks in each layer."""


def check_installed() -> None:
    """Raise `MissingExtraError` unless zuko is installed."""
    if find_spec("zuko") is None:
        raise MissingExtraError("zuko", "control")


def coupling_flow(dim: int, num_layers: int, *, context_dim: int) -> nn.Module:
    """Return affine coupling layers that keep every other dimension in turn (Dinh et al. 2017, arXiv:1605.08803).

    One pass in either direction.

    Args:
        dim: D, at least 2.
        num_layers: layers; it takes two to change every dimension.
        context_dim: H of the context that every layer reads.

    Raises:
        MissingExtraError: zuko is not installed.
    """
    layer = _zuko("zuko.flows.coupling").GeneralCouplingTransform
    evens = torch.arange(dim) % 2
    return _composed(
        layer(dim, context_dim, mask=evens == i % 2, hidden_features=HIDDEN) for i in range(num_layers)
    )


def autoregressive_flow(dim: int, num_layers: int, *, hidden: Sequence[int] = HIDDEN) -> nn.Module:
    """Return masked autoregressive layers, the order of dimensions turned round in between.

    Papamakarios et al. 2017, arXiv:1705.07057. A density takes one pass, a draw D of them.

    Args:
        dim: D.
        num_layers: layers.
        hidden: units of the networks in each layer.

    Raises:
        MissingExtraError: zuko is not installed.
    """
    layer = _zuko("zuko.flows.autoregressive").MaskedAutoregressiveTransform
    order = torch.arange(dim)
    return _composed(
        layer(dim, order=order.flip(0) if i % 2 else order, hidden_features=hidden) for i in range(num_layers)
    )


def _composed(layers: Any) -> nn.Module:
    return _zuko("zuko.lazy").LazyComposedTransform(*layers)


def _zuko(module: str) -> Any:
    check_installed()
    return import_module(module)
