"""Capacity annealing: the rate is drawn to a capacity C that rises (Burgess et al. 2018, arXiv:1804.03599, eq. 8).

    beta * |mean rate - C|

Beta is the paper's gamma. Deviation: the mean is taken over the sentences of a batch (a rank's).
"""

from torch import Tensor

from textvae.config import ObjectiveConfig


def capacity_term(rate: Tensor, capacity: float) -> Tensor:
    """Return |mean rate - capacity| for each sentence, (B,) nats, of rates (B,): equal parts of one batch's term."""
    return (rate.mean() - capacity).abs().expand(len(rate))


def capacity_at(config: ObjectiveConfig, step: int) -> float | None:
    """Return C at `step`, nats: from 0 to `capacity` over `warmup_steps`; None where no capacity is set."""
    if config.capacity is None:
        return None
    return config.capacity * min(1.0, step / config.warmup_steps)
