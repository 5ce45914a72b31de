"""GRU and LSTM cells that read one token by matrix products.

ONNX's GRU and LSTM operators are made for whole sequences: one step of them costs more than the products it consists
of, and the GRU has no int8 form.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from textvae.models import Decoder

States = Tensor | tuple[Tensor, Tensor]


class OneStepCell(nn.Module):
    """Stands for an `nn.GRU` or `nn.LSTM` where texts are one token long; the weights are its own."""

    def __init__(self, cell: nn.GRU | nn.LSTM) -> None:
        super().__init__()
        self.cell = cell
        self.num_layers, self.hidden_size = cell.num_layers, cell.hidden_size

    def forward(self, embedded: Tensor, states: States) -> tuple[Tensor, States]:
        """Return features (B, 1, H) and the new states, (layers, B, H) each, for `embedded` (B, 1, E)."""
        before = (states,) if isinstance(states, Tensor) else states
        hidden, after = embedded[:, 0], []
        for layer, weights in enumerate(self.cell.all_weights):
            read = _gru if len(before) == 1 else _lstm
            after.append(read(hidden, *(part[layer] for part in before), *weights))
            hidden = after[-1][0]
        stacked = tuple(torch.stack(parts) for parts in zip(*after, strict=True))
        return hidden.unsqueeze(1), stacked[0] if len(before) == 1 else (stacked[0], stacked[1])


def one_step(decoder: Decoder) -> Decoder:
    """Return a copy of the decoder whose recurrent cells read one token at a time."""
    decoder = copy.deepcopy(decoder)
    for module in list(decoder.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.GRU | nn.LSTM) and _is_plain(child):
                setattr(module, name, OneStepCell(child))
    return decoder


def _is_plain(cell: nn.GRU | nn.LSTM) -> bool:
    return cell.batch_first and cell.bias and not cell.bidirectional and not cell.proj_size


def _gru(
    inputs: Tensor, hidden: Tensor, w_inputs: Tensor, w_hidden: Tensor, b_inputs: Tensor, b_hidden: Tensor
) -> tuple[Tensor]:
    """Return the next hidden state, (B, H); gates in PyTorch's order."""
    width = hidden.shape[-1]
    reset_i, update_i, new_i = linear(inputs, w_inputs, b_inputs).split(width, dim=-1)
    reset_h, update_h, new_h = linear(hidden, w_hidden, b_hidden).split(width, dim=-1)
    update = torch.sigmoid(update_i + update_h)
    new = torch.tanh(new_i + torch.sigmoid(reset_i + reset_h) * new_h)
    return (new + update * (hidden - new),)


def _lstm(
    inputs: Tensor,
    hidden: Tensor,
    memory: Tensor,
    w_inputs: Tensor,
    w_hidden: Tensor,
    b_inputs: Tensor,
    b_hidden: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the next hidden and cell states, (B, H) each; gates in PyTorch's order."""
    gates = linear(inputs, w_inputs, b_inputs) + linear(hidden, w_hidden, b_hidden)
    enter, forget, new, leave = gates.split(hidden.shape[-1], dim=-1)
    memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(memory), memory
