"""What tells the weights of models apart."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from textvae.errors import ConfigError


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return what tells named tensors apart, to the bit: 16 hexadecimal digits of SHA-256."""
    hashed = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        hashed.update(name.encode())
        hashed.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()[:16]


def weights_digest(model: object) -> str:
    """Return what tells the weights of models apart.

    Raises:
        ConfigError: an export, whose weights lie in graphs.
    """
    if not isinstance(model, nn.Module):
        raise ConfigError(
            "an ONNX export has no weights that attributes and edits could be fitted to; use the run that it came from"
        )
    return tensors_digest(model.state_dict())
