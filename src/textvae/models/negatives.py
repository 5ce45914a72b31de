"""Sampled softmax: the normaliser of log p estimated from a few tokens that all rows of a batch share.

    log p~(t) = s_t - log(exp s_t + sum_{j in S, j != t} exp(s_j) / pi_j),    pi_j = P(j in S)

The sum in the logarithm is an unbiased estimate of sum_j exp s_j, so log p~ is on average too high (Jensen) and equals
log p where S holds every token. Bengio and Senecal 2008, doi:10.1109/TNN.2007.912312; Jean et al. 2015, arXiv:1412.2007,
section 3; the target uncorrected as in Blanc and Rendle 2018, arXiv:1712.00527, eq. 3. Deviation: S is drawn without
replacement, so that the expected count is pi_j, and a frequent token may be in every S.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, embedding


@dataclass(frozen=True)
class Negatives:
    """S: tokens that stand for all that are not the target."""

    tokens: Tensor
    """(K,), all different."""
    log_expected: Tensor
    """log pi, (K,)."""

    def to(self, like: Tensor) -> "Negatives":
        """Return them on the device and in the type of `like`."""
        return Negatives(self.tokens.to(like.device), self.log_expected.to(like))

    def equal_to(self, targets: Tensor, vocab_size: int) -> tuple[Tensor, Tensor]:
        """Return where a negative is a row's target, as (rows, columns): few of (N, K), and found without comparing all."""
        column = targets.new_full((vocab_size,), -1)
        column[self.tokens] = torch.arange(len(self.tokens), device=targets.device)
        found = column[targets]
        rows = (found >= 0).nonzero().squeeze(1)
        return rows, found[rows]


class NegativeSampler:
    """Draws negatives from the CPU's global generator, log-uniformly over frequency ranks.

    Attributes:
        inclusion: pi of each token, (V,) float64 on the CPU.
    """

    def __init__(self, log_frequencies: Tensor, num: int) -> None:
        """Prepare to draw `num` of the tokens whose log frequencies are (V,)."""
        order = log_frequencies.cpu().argsort(descending=True, stable=True)
        ranks = torch.arange(1, len(order) + 1, dtype=torch.float64)
        self.inclusion = torch.empty_like(ranks)
        self.inclusion[order] = inclusion_probabilities((1 / ranks).log1p(), num)

    def draw(self) -> Negatives:
        """Draw a set: systematic sampling in random order (Hartley and Rao 1962, doi:10.1214/aoms/1177704564)."""
        order = torch.randperm(len(self.inclusion))
        marks = self.inclusion[order].cumsum(0) + torch.rand((), dtype=torch.float64)
        passed = marks.floor()
        tokens = order[passed.diff(prepend=passed.new_zeros(1)) > 0]
        return Negatives(tokens, self.inclusion[tokens].log())


def inclusion_probabilities(sizes: Tensor, num: int) -> Tensor:
    """Return min(1, c * size), (V,), with c such that they add up to `num`; all 1 where there are not more.

    Args:
        sizes: positive, falling, (V,).
        num: how many are drawn.
    """
    if num >= len(sizes):
        return torch.ones_like(sizes)
    rests = sizes.flip(0).cumsum(0).flip(0)[:num]  # what is left after the m largest, (num,)
    scales = (num - torch.arange(num, dtype=sizes.dtype)) / rests
    num_certain = int((scales * sizes[:num] > 1).sum())  # true for the first ones only
    return (sizes * scales[num_certain]).clamp(max=1)


def sampled_log_probs(
    features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, negatives: Negatives
) -> Tensor:
    """Return log p~ of each target, (N,) nats in float32 or wider; a negative that is the target does not count.

    Args:
        features: h, (N, H).
        weight: W, (V, H); the scores are s = W h + b.
        bias: b, (V,).
        targets: (N,).
        negatives: S.
    """
    num = len(targets)
    needed = torch.cat([targets, negatives.tokens])
    vectors, offsets = embedding(needed, weight), bias[needed]
    own = (features * vectors[:num]).sum(dim=1) + offsets[:num]
    wide = torch.promote_types(own.dtype, torch.float32)
    others = (features @ vectors[num:].t()).to(wide) + (offsets[num:] - negatives.log_expected)
    others[negatives.equal_to(targets, len(weight))] = float("-inf")
    scores = torch.cat([own.to(wide).unsqueeze(1), others], dim=1)  # (N, 1 + K)
    return -cross_entropy(scores, torch.zeros_like(targets), reduction="none")
