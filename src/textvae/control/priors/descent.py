"""How a network is fitted to draws of the aggregate posterior: seeded, averaged, the best on held-out draws kept."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import torch
from torch import Tensor, nn

from textvae.control.priors.aggregate import Aggregate
from textvae.progress import Work

BATCH = 256
WARMUP = 0.04
"""The share of steps in which the learning rate rises; then it falls as a cosine does."""

CLIP_NORM = 1.0

DECAY = 0.998
"""Of the moving average of the weights, which is what is kept."""

HELD_OUT_SHARE, HELD_OUT_DRAWS = 0.05, 4096
"""Of the texts given, those that say which weights to keep, and draws of them in all: one of each would be too few of few texts."""

NUM_LOOKS = 20
"""Held-out losses taken on the way. Worse ones end nothing: while the rate is high, so is the loss, for many looks."""

N = TypeVar("N", bound=nn.Module)

Loss = Callable[[nn.Module, Tensor, torch.Generator], Tensor]
"""From a network and draws x, (B, D), to the losses of those, (B,), a dimension; what is random in it comes from the generator."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a fit may take: passes over the texts, but no fewer and no more steps of 256 draws than these."""

    learning_rate: float
    epochs: int = 60
    min_steps: int = 300
    max_steps: int = 4000

    def limited(self, steps: int | None) -> Self:
        """Return a budget of exactly so many steps; None: this one."""
        return self if steps is None else replace(self, min_steps=steps, max_steps=steps)

    def num_steps(self, num_texts: int) -> int:
        """Return the steps for so many texts."""
        return min(max(math.ceil(self.epochs * num_texts / BATCH), self.min_steps), self.max_steps)


@torch.enable_grad()
def descend(
    network: N,
    aggregate: Aggregate,
    loss: Loss,
    budget: Budget,
    *,
    work: Work,
    what: str,
    seed: int = 0,
) -> N:
    """Return a copy of the network that minimises the mean loss of draws, its weights averaged (Adam).

    A twentieth of the texts is held out, and of the averages looked at on the way the one with the lowest loss on their
    draws, always the same, is returned.

    Args:
        network: as it starts.
        aggregate: what is drawn from.
        loss: see `Loss`.
        budget: how long, and the learning rate.
        work: hears of it, in texts drawn.
        what: what is being fitted, in its words.
        seed: of texts, draws and what is held out.
    """
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(aggregate), generator=generator)
    num_held = min(max(1, int(HELD_OUT_SHARE * len(order))), HELD_OUT_DRAWS)
    held, kept = _drawn(aggregate, order[:num_held], generator), order[num_held:]
    averaged, best, lowest = copy.deepcopy(network), copy.deepcopy(network), math.inf
    optimizer = torch.optim.Adam(network.parameters(), lr=budget.learning_rate, betas=(0.9, 0.99))
    num_steps = budget.num_steps(len(aggregate))
    with work.part(what, num_steps * BATCH):
        for step in range(num_steps):
            chosen = kept[torch.randint(len(kept), (BATCH,), generator=generator)]
            optimizer.param_groups[0]["lr"] = budget.learning_rate * _share(step, num_steps)
            optimizer.zero_grad()
            loss(network, aggregate.draw(chosen, generator), generator).mean().backward()
            nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
            optimizer.step()
            _average(averaged, network, step)
            work.count(BATCH)
            if (step + 1) % max(1, num_steps // NUM_LOOKS) == 0:
                found = _held_out_loss(averaged, held, loss)
                if found < lowest:
                    best.load_state_dict(averaged.state_dict())
                    lowest = found
    return best.requires_grad_(False).eval()


def _drawn(aggregate: Aggregate, texts: Tensor, generator: torch.Generator) -> Tensor:
    """Return `HELD_OUT_DRAWS` draws of the texts in turn."""
    return aggregate.draw(texts.repeat(math.ceil(HELD_OUT_DRAWS / len(texts)))[:HELD_OUT_DRAWS], generator)


def _share(step: int, num_steps: int) -> float:
    """Return the share of the learning rate at a step."""
    return min(1.0, (step + 1) / (WARMUP * num_steps)) * (1 + math.cos(math.pi * step / num_steps)) / 2


@torch.no_grad()
def _average(averaged: nn.Module, network: nn.Module, step: int) -> None:
    weight = 1 - min(DECAY, (step + 1) / (step + 10))
    torch._foreach_lerp_(list(averaged.parameters()), list(network.parameters()), weight)


@torch.no_grad()
def _held_out_loss(network: nn.Module, held: Tensor, loss: Loss) -> float:
    return float(loss(network, held, torch.Generator().manual_seed(0)).mean())
