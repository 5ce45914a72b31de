"""Choosing one token a row from its scores: temperature -> top-k -> top-p -> min-p, then the inverse CDF.

Each filter renormalises before the next looks. A token that ties with the last one kept is kept too, so that
what is kept does not depend on the order of a sort.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

HEAD = 256
"""Tokens in which top-p is looked for before a row is sorted in full."""

_NEVER = float("-inf")


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Draws tokens from filtered distributions; neutral settings draw from softmax(scores)."""

    temperature: float = 1.0
    """0: the most probable token, whatever the other settings."""
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __call__(self, scores: Tensor, uniforms: Tensor) -> Tensor:
        """Return one id a row, (B,) int64.

        Args:
            scores: (B, V) log probabilities up to a constant a row; -inf bans a token. At least one must be finite.
            uniforms: (B,) in [0, 1); not read at temperature 0.
        """
        if self.temperature == 0:
            return _best(scores)
        return draw(self.filtered(scores), uniforms)

    def filtered(self, scores: Tensor) -> Tensor:
        """Return the scores, (B, V), after all filters: what is dropped is -inf."""
        if self.temperature != 1:
            scores = tempered(scores, self.temperature)
        if 0 < self.top_k < scores.shape[-1]:
            scores = keep_top_k(scores, self.top_k)
        if self.top_p < 1:
            scores = keep_top_p(scores, self.top_p)
        return keep_min_p(scores, self.min_p) if self.min_p > 0 else scores


def tempered(scores: Tensor, temperature: float) -> Tensor:
    """Return scores / temperature with their maximum moved to 0: no temperature above 0 can overflow."""
    temperature = max(temperature, torch.finfo(scores.dtype).tiny)
    return (scores - scores.amax(-1, keepdim=True)) / temperature


def keep_top_k(scores: Tensor, k: int) -> Tensor:
    """Keep the k best scores of each row."""
    return _at_least(scores, _largest(scores, k)[:, -1])


def keep_top_p(scores: Tensor, p: float, head: int = HEAD) -> Tensor:
    """Keep the smallest set of each row that holds the probability mass p (Holtzman et al. 2020, arXiv:1904.09751).

    The set is looked for among the `head` best tokens, under the exact normaliser; the rows where these do not hold
    the mass p are sorted in full. The result is exact either way.
    """
    log_norm = scores.logsumexp(-1, keepdim=True)
    threshold, found = _mass_threshold(_largest(scores, min(head, scores.shape[-1])), log_norm, p)
    if not bool(found.all()):
        rest = (~found).nonzero().squeeze(1)
        in_full = _largest(scores[rest], scores.shape[-1])
        threshold[rest] = _mass_threshold(in_full, log_norm[rest], p)[0]
    return _at_least(scores, threshold)


def keep_min_p(scores: Tensor, min_p: float) -> Tensor:
    """Keep tokens at least `min_p` times as probable as the best (Nguyen et al. 2024, arXiv:2407.01082)."""
    return _at_least(scores, scores.amax(-1) + math.log(min_p))


def draw(scores: Tensor, uniforms: Tensor) -> Tensor:
    """Return the ids, (B,) int64, at which the cumulated softmax of the scores, (B, V), passes the uniforms, (B,)."""
    probs = scores.softmax(-1)
    cumulated = probs.to(_wide(scores)).cumsum(-1)  # ten times faster than cumsum(dtype=...)
    # The total stands for 1, which rounding may miss.
    targets = uniforms.to(cumulated.dtype).unsqueeze(1) * cumulated[:, -1:]
    tokens = torch.searchsorted(cumulated, targets, right=True).clamp_(max=scores.shape[-1] - 1)
    impossible = probs.gather(1, tokens) == 0  # past the end, or between the rounded sums of a parallel scan
    if bool(impossible.any()):
        tokens = torch.where(impossible, _best(scores).unsqueeze(1), tokens)
    return tokens.squeeze(1)


def _at_least(scores: Tensor, threshold: Tensor) -> Tensor:
    return torch.where(scores < threshold.unsqueeze(1), _NEVER, scores)  # faster than masked_fill


def _best(scores: Tensor) -> Tensor:
    """Return the first most probable token of each row, (B,)."""
    if scores.device.type != "cpu":
        return scores.argmax(-1)
    return torch.from_numpy(scores.detach().numpy().argmax(-1))  # vectorised, as below


def _largest(scores: Tensor, count: int) -> Tensor:
    """Return the `count` largest scores of each row, (B, count), in descending order."""
    if scores.device.type != "cpu":
        return scores.topk(count).values
    # NumPy selects and sorts with vector instructions: several times faster than torch on a CPU.
    start = scores.shape[-1] - count
    ascending = np.partition(scores.detach().numpy(), start, axis=-1)[:, start:]
    ascending.sort(axis=-1)
    return torch.from_numpy(ascending[:, ::-1].copy())


def _mass_threshold(scores: Tensor, log_norm: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Return the least score to keep, (B,), and whether the mass p lies in these scores, (B, N) descending."""
    mass = (scores - log_norm).to(_wide(scores)).exp().cumsum(-1)
    num_kept = (mass < p).sum(-1, keepdim=True) + 1
    last = num_kept.clamp(max=scores.shape[-1]) - 1
    return scores.gather(1, last).squeeze(1), num_kept.squeeze(1) <= scores.shape[-1]


def _wide(scores: Tensor) -> torch.dtype:
    return torch.float32 if scores.device.type == "mps" else torch.float64  # MPS has no float64
