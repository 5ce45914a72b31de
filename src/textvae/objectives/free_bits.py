"""Rate-terms: the rate itself, or the rate with a floor (free bits).

A rate below its floor costs nothing and has no gradient. Kingma et al. 2016, arXiv:1606.04934, appendix C.8;
the forms by sentence and dimension as in Li et al. 2019, arXiv:1909.00868. Deviation: those papers put the floor, a
constant, where the rate lies below it; here the term is zero there. The gradients are the same.
"""

import torch
from torch import Tensor

from textvae.config.fields import check_choice
from textvae.config.objective import FREE_BITS


def rate_term(rates: Tensor, *, kind: str, free_nats: float) -> Tensor:
    """Return what beta multiplies, (B,) nats a sentence.

    Args:
        rates: KL by dimension, (B, D) nats; or whole, (B, 1), which is for "none" and "sentence".
        kind: "none": the rate. "sentence": zero where a sentence's rate is at most `free_nats`. "dimension": zero in
            each dimension of a sentence at most `free_nats` / D. "batch": zero in each dimension whose mean over the
            batch (a rank's) is at most `free_nats` / D.
        free_nats: the floor, nats a sentence.
    """
    check_choice("objective.free_bits", kind, FREE_BITS)
    if kind == "none":
        return rates.sum(dim=-1)
    if kind == "sentence":
        total = rates.sum(dim=-1)
        return torch.where(total > free_nats, total, 0.0)
    floor = free_nats / rates.shape[-1]
    above = rates > floor if kind == "dimension" else rates.mean(dim=0) > floor
    return torch.where(above, rates, 0.0).sum(dim=-1)
