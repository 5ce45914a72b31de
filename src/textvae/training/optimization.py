"""AdamW with warm-up and decay, and the moving average of the weights."""

import math
from collections.abc import Collection

import torch
from torch import Tensor, nn

from textvae.codec.files import unshared
from textvae.config import TrainingConfig


def build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """Return AdamW over all weights (Loshchilov and Hutter 2019, arXiv:1711.05101); biases and norms are not decayed.

    It passes over those that have no gradient, frozen ones, without decay: they may have one later.
    """
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def learning_rate(config: TrainingConfig, progress: float) -> float:
    """Return the rate at `progress` in [0, 1]: linear warm-up, then cosine decay to a share of the peak."""
    if progress < config.warmup:
        return config.learning_rate * max(progress / config.warmup, 0.01)
    decayed = (progress - config.warmup) / max(1 - config.warmup, 1e-9)
    low = config.final_learning_rate
    return config.learning_rate * (low + (1 - low) * 0.5 * (1 + math.cos(math.pi * min(decayed, 1.0))))


class MovingAverage:
    """Exponential moving average of all floating-point tensors of a model, tied ones once, with a warm-up.

    After n updates the decay is min(decay, (1 + n) / (10 + n)), so that the first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: tensor.clone() for name, tensor in _own(model).items()}

    @torch.no_grad()
    def update(self, model: nn.Module, num_updates: int, *, frozen: Collection[str] = frozenset()) -> None:
        """Move towards the model's weights, but for those named `frozen`."""
        share = 1 - min(self.decay, (1 + num_updates) / (10 + num_updates))
        for name, tensor in _own(model).items():
            if name not in frozen:
                self.weights[name].lerp_(tensor, share)

    @torch.no_grad()
    def swap(self, model: nn.Module) -> None:
        """Exchange the average and the model's weights; a second call undoes the first."""
        for name, tensor in _own(model).items():
            other = self.weights[name].clone()
            self.weights[name].copy_(tensor)
            tensor.copy_(other)


def _own(model: nn.Module) -> dict[str, Tensor]:
    return unshared(model, model.state_dict())


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the optimiser's state as named tensors ("3.exp_avg")."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, values in state.items() for name, value in values.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo `optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
