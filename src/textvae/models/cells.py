"""GRU and LSTM as equations over matrix products, over the weights of an `nn.GRU` or `nn.LSTM`.

The modules are made for sequences and gradients. One step of them costs more than the products it consists of, and the
products of their inputs cannot be shared: those of z are the same at every step, those of a token in every row.

    LSTM  i, f, g, o = W x + U h;  c' = sigmoid(f) c + sigmoid(i) tanh(g);  h' = sigmoid(o) tanh(c')
    GRU   r, u = sigmoid(W x + U h);  n = tanh(W x + r (U h));  h' = n + u (h - n)

Both as PyTorch orders and defines them.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout
from torch.utils._pytree import tree_map

from textvae.models.products import linear

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}

PAYS = 2
"""Tokens for each distinct one from which it pays to multiply only those by the input weights: the loop over positions
that this needs is slower than the module's own."""

States = tuple[Tensor, ...]
"""Hidden state, and for an LSTM the cell's, each (layers, B, H)."""


def run_over(run: Callable[..., Any], *inputs: Any) -> Any:
    """Run a cell over a sequence; under autocast on a GPU in fp32: there cuDNN's would be fp16, whatever is asked for."""
    if not (inputs[0].is_cuda and torch.is_autocast_enabled("cuda")):
        return run(*inputs)
    with torch.autocast("cuda", enabled=False):
        return run(*tree_map(_widened, inputs))


def _widened(part: Tensor) -> Tensor:
    return part.float() if part.dtype in (torch.float16, torch.bfloat16) else part


def read_token(cell: nn.RNNBase, gates: Tensor, states: States) -> tuple[Tensor, States]:
    """Read one token a row.

    Args:
        cell: one-directional.
        gates: W x + b of the first layer, (B, gates).
        states: before the token.

    Returns:
        Features, (B, H), and the states after the token.
    """
    advance = _advance_lstm if isinstance(cell, nn.LSTM) else _advance_gru
    after: list[States] = []
    for layer, (w_inputs, w_hidden, b_inputs, b_hidden) in enumerate(cell.all_weights):
        if layer:
            gates = linear(dropout(after[-1][0], cell.dropout, cell.training), w_inputs, b_inputs)
        before = tuple(part[layer] for part in states)
        after.append(advance(gates, linear(before[0], w_hidden, b_hidden), before))
    return after[-1][0], tuple(torch.stack(parts) for parts in zip(*after, strict=True))


def read_tokens(cell: nn.RNNBase, gates: Tensor, states: States) -> tuple[Tensor, States]:
    """Read (B, T) tokens without gradients: as `read_token`, but gates are (B, T, gates) and features (B, T, H)."""
    advance = _advance_lstm if isinstance(cell, nn.LSTM) else _advance_gru
    last: list[States] = []
    features = gates
    for layer, (w_inputs, w_hidden, b_inputs, b_hidden) in enumerate(cell.all_weights):
        if layer:
            gates = linear(features, w_inputs, b_inputs)
        now = tuple(part[layer] for part in states)
        features = gates.new_empty(*gates.shape[:2], cell.hidden_size)
        for position, column in enumerate(gates.unbind(1)):
            now = advance(column, linear(now[0], w_hidden, b_hidden), now)
            features[:, position] = now[0]
        last.append(now)
    return features, tuple(torch.stack(parts) for parts in zip(*last, strict=True))


def _advance_gru(inputs: Tensor, recurrent: Tensor, states: States) -> States:
    width = states[0].shape[-1]
    reset, update = (inputs[:, : 2 * width] + recurrent[:, : 2 * width]).sigmoid().chunk(2, dim=-1)
    new = (inputs[:, 2 * width :] + reset * recurrent[:, 2 * width :]).tanh()
    return (new + update * (states[0] - new),)


def _advance_lstm(inputs: Tensor, recurrent: Tensor, states: States) -> States:
    width = states[0].shape[-1]
    gates = inputs + recurrent
    enter, forget = gates[:, : 2 * width].sigmoid().chunk(2, dim=-1)
    new, leave = gates[:, 2 * width : 3 * width].tanh(), gates[:, 3 * width :].sigmoid()
    memory = forget * states[1] + enter * new
    return leave * memory.tanh(), memory
