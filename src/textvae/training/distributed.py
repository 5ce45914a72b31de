"""Ranks under `torchrun`; one rank without it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from textvae.errors import TrainingError


@dataclass(frozen=True)
class Ranks:
    """Which process this is, of how many."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and shows progress."""
        return self.rank == 0

    def mean(self, *values: float) -> list[float]:
        """Return the mean of each value over the ranks, the same on all."""
        if self.world_size == 1:
            return list(values)
        totals = torch.tensor(values, dtype=torch.float64)
        if torch.distributed.get_backend() == "nccl":
            totals = totals.cuda()
        torch.distributed.all_reduce(totals)
        return (totals / self.world_size).tolist()

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module whose backward pass averages gradients over the ranks."""
        return module if self.world_size == 1 else DistributedDataParallel(module)

    def barrier(self) -> None:
        """Wait for the other ranks."""
        if self.world_size > 1:
            torch.distributed.barrier()


@contextmanager
def joined_ranks(device: torch.device) -> Generator[Ranks]:
    """Join the process group that `torchrun` describes, and leave it at the end.

    Raises:
        TrainingError: fewer processes came together than were asked for.
    """
    asked = int(os.environ.get("WORLD_SIZE", "1"))
    if asked == 1:
        yield Ranks()
        return
    torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        found = torch.distributed.get_world_size()
        if found != asked:
            raise TrainingError(
                f"{found} processes came together where WORLD_SIZE says {asked}; start them by torchrun"
            )
        yield Ranks(torch.distributed.get_rank(), found, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        torch.distributed.destroy_process_group()
