"""Ranks under `torchrun`; one rank without it."""

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from textvae.errors import TrainingError

PATIENCE = timedelta(hours=24)
"""How long ranks wait for each other: the first one reads and tokenizes the corpus for all."""


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
        totals = _numbers(values)
        torch.distributed.all_reduce(totals)
        return (totals / self.world_size).tolist()

    def any(self, flag: bool) -> bool:
        """Return whether it is so on one of the ranks, the same on all."""
        return self.mean(float(flag))[0] > 0

    def from_main(self, *values: float) -> list[float]:
        """Return the main rank's values: what is decided by them is decided alike on all."""
        if self.world_size == 1:
            return list(values)
        told = _numbers(values)
        torch.distributed.broadcast(told, 0)
        return told.tolist()

    def share_buffers(self, module: nn.Module) -> None:
        """Give all ranks the main one's buffers of numbers, as running statistics, of which each has its own."""
        if self.world_size > 1:
            for buffer in module.buffers():
                if buffer.is_floating_point():
                    torch.distributed.broadcast(buffer, 0)

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module whose backward pass averages gradients over the ranks."""
        return module if self.world_size == 1 else DistributedDataParallel(module)

    def barrier(self) -> None:
        """Wait for the other ranks."""
        if self.world_size > 1:
            torch.distributed.barrier()


def _numbers(values: Sequence[float]) -> torch.Tensor:
    numbers = torch.tensor(values, dtype=torch.float64)
    return numbers.cuda() if torch.distributed.get_backend() == "nccl" else numbers


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
    local = int(os.environ.get("LOCAL_RANK", "0"))
    own = None
    if device.type == "cuda":
        own = torch.device("cuda", local)
        torch.cuda.set_device(own)
    torch.distributed.init_process_group("gloo" if own is None else "nccl", device_id=own, timeout=PATIENCE)
    try:
        found = torch.distributed.get_world_size()
        if found != asked:
            raise TrainingError(
                f"{found} processes came together where WORLD_SIZE says {asked}; start them by torchrun"
            )
        yield Ranks(torch.distributed.get_rank(), found, local)
    finally:
        torch.distributed.destroy_process_group()
