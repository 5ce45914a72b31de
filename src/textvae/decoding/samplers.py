"""Choosing one token a row from its scores: temperature -> top-k -> top-p -> min-p, then the inverse CDF.

Each filter renormalises before the next looks. A token that ties with the last one kept is kept too, so that
what is kept does not depend on the order of a sort.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

NUM_UNIFORMS = 4
"""Numbers a draw may need: two to draw, two to draw anew."""

FLOOR, LEAST_FLOOR = 2.0**-12, 2.0**-30
"""Share of the mass of tokens among which top-p looks first; where these do not hold enough, a 32nd of it, and so on."""

BLOCK = 128
"""Tokens whose probabilities are summed before they are cumulated: a draw looks for its block, then within it."""


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

        Under top-p a token is drawn from all first; in the few rows where it lies outside the set that top-p keeps, it
        is drawn anew from that set. That is a draw from the set, and the others need not be sorted.

        Args:
            scores: (B, V) log probabilities up to a constant a row; -inf bans a token. At least one must be finite.
            uniforms: (B, NUM_UNIFORMS) in [0, 1); not read at temperature 0.
        """
        if self.temperature == 0:
            return _best(scores)
        probs = self._before_top_p(scores)
        tokens = draw(self._after_top_p(probs), uniforms[:, :2])
        if self.top_p < 1:
            outside = (~in_top_p(probs, tokens, self.top_p)).nonzero().squeeze(1)
            kept = self._after_top_p(keep_top_p(probs[outside], self.top_p))
            tokens[outside] = draw(kept, uniforms[outside, 2:])
        return tokens

    def filtered(self, scores: Tensor) -> Tensor:
        """Return the probabilities, (B, V), up to a constant a row, after all filters: what is dropped has 0."""
        probs = self._before_top_p(scores)
        return self._after_top_p(keep_top_p(probs, self.top_p) if self.top_p < 1 else probs)

    def _before_top_p(self, scores: Tensor) -> Tensor:
        if self.temperature != 1:
            scores = tempered(scores, self.temperature)
        probs = scores.softmax(-1)
        return keep_top_k(probs, self.top_k) if 0 < self.top_k < scores.shape[-1] else probs

    def _after_top_p(self, probs: Tensor) -> Tensor:
        return keep_min_p(probs, self.min_p) if self.min_p > 0 else probs


def tempered(scores: Tensor, temperature: float) -> Tensor:
    """Return scores / temperature with their maximum moved to 0: no temperature above 0 can overflow."""
    temperature = max(temperature, torch.finfo(scores.dtype).tiny)
    return (scores - scores.amax(-1, keepdim=True)).div_(temperature)


def keep_top_k(probs: Tensor, k: int) -> Tensor:
    """Keep the k best of each row of unnormalised probabilities, (B, V)."""
    return _at_least(probs, _largest(probs, k)[:, -1:])


def keep_top_p(probs: Tensor, p: float, floor: float = FLOOR) -> Tensor:
    """Keep the smallest set of each row that holds the share p of its mass (Holtzman et al. 2020, arXiv:1904.09751).

    The set is looked for among the tokens that have `floor` of a row's mass each, then among more in the rows where
    these do not hold enough; the result does not depend on it.

    Args:
        probs: unnormalised probabilities, (B, V).
        p: above 0.
        floor: 0: all tokens at once.
    """
    total = _total(probs)  # (B, 1)
    threshold, found = _mass_threshold(_from(probs, floor * total), p * total)
    while floor and not bool(found.all()):
        floor = floor / 32 if floor > LEAST_FLOOR else 0
        rest = (~found).nonzero().squeeze(1)
        likely = _from(probs[rest], floor * total[rest])
        threshold[rest], found[rest] = _mass_threshold(likely, p * total[rest])
    return _at_least(probs, threshold.unsqueeze(1))


def in_top_p(probs: Tensor, tokens: Tensor, p: float) -> Tensor:
    """Return whether `keep_top_p` would keep each row's token, (B,): those more probable have less than the share p."""
    above = _at_least(probs, probs.gather(1, tokens.unsqueeze(1)), strictly=True)
    return (_total(above) < p * _total(probs)).squeeze(1)


def keep_min_p(probs: Tensor, min_p: float) -> Tensor:
    """Keep tokens at least `min_p` times as probable as the best (Nguyen et al. 2024, arXiv:2407.01082)."""
    return _at_least(probs, probs.amax(-1, keepdim=True) * min_p)


def draw(probs: Tensor, uniforms: Tensor) -> Tensor:
    """Return the ids, (B,) int64, at which the cumulated probabilities pass the uniforms: a block's, then a token's in it.

    One number would do for both, but then rounding in the sums before a block, which differs between a text alone and
    the same text in a batch, would move the place in the block.

    Args:
        probs: up to a constant a row, (B, V); what has 0 is never drawn.
        uniforms: in [0, 1), (B, 2); shares of the row's mass and of the block's, whose rounded totals stand for 1.
    """
    masses = _block_masses(probs)  # (B, V / BLOCK)
    of_block, of_place = uniforms.to(masses.dtype).split(1, dim=1)
    block = _located(masses, of_block)
    places = block * BLOCK + torch.arange(BLOCK, device=probs.device)  # (B, BLOCK)
    inside = probs.gather(1, places.clamp(max=probs.shape[-1] - 1)).to(masses.dtype)
    place = _located(inside.masked_fill_(places >= probs.shape[-1], 0), of_place)
    tokens = block * BLOCK + place
    impossible = (inside.gather(1, place) == 0).squeeze(
        1
    )  # past the end, or between the sums of a parallel scan
    if bool(impossible.any()):
        tokens[impossible] = _best(probs[impossible]).unsqueeze(1)
    return tokens.squeeze(1)


def _located(masses: Tensor, share: Tensor) -> Tensor:
    """Return the index, (B, 1), at which the cumulated masses, (B, N), pass a share of their total, (B, 1)."""
    cumulated = masses.cumsum(-1)
    index = torch.searchsorted(cumulated, share * cumulated[:, -1:], right=True)
    return index.clamp_(max=masses.shape[-1] - 1)


def _block_masses(probs: Tensor) -> Tensor:
    """Return the sums of each BLOCK of columns, (B, V / BLOCK) rounded up, in float64."""
    whole = probs.shape[-1] // BLOCK * BLOCK
    parts = [probs[:, :whole].unflatten(-1, (-1, BLOCK)).sum(-1)] if whole else []
    if whole < probs.shape[-1]:
        parts.append(probs[:, whole:].sum(-1, keepdim=True))
    return torch.cat(parts, dim=-1).to(_wide(probs))


def _total(probs: Tensor) -> Tensor:
    return _block_masses(probs).sum(-1, keepdim=True)


def _at_least(probs: Tensor, threshold: Tensor, *, strictly: bool = False) -> Tensor:
    """Return the probabilities, (B, V), of at least (or more than) their row's threshold, (B, 1), and 0 for the others."""
    if probs.device.type != "cpu":
        return probs * (probs > threshold if strictly else probs >= threshold)
    numbers, least = probs.detach().numpy(), threshold.numpy()
    kept = np.zeros_like(numbers)
    np.copyto(
        kept, numbers, where=numbers > least if strictly else numbers >= least
    )  # far faster than `where`
    return torch.from_numpy(kept)


def _best(scores: Tensor) -> Tensor:
    """Return the first most probable token of each row, (B,)."""
    if scores.device.type != "cpu":
        return scores.argmax(-1)
    return torch.from_numpy(scores.detach().numpy().argmax(-1))  # vectorised, as below


def _largest(probs: Tensor, count: int) -> Tensor:
    """Return the `count` largest of each row, (B, count), in descending order."""
    if probs.device.type != "cpu":
        return probs.topk(count).values
    # NumPy selects and sorts with vector instructions: several times faster than torch on a CPU.
    start = probs.shape[-1] - count
    ascending = np.partition(probs.detach().numpy(), start, axis=-1)[:, start:]
    ascending.sort(axis=-1)
    return torch.from_numpy(ascending[:, ::-1].copy())


def _from(probs: Tensor, least: Tensor) -> Tensor:
    """Return the probabilities of each row that are at least `least`, (B, 1): (B, N) in descending order, then zeros."""
    least = least.to(probs.dtype)
    if probs.device.type != "cpu":
        return torch.where(probs >= least, probs, 0).sort(descending=True).values
    numbers = probs.detach().numpy()
    places = np.flatnonzero(numbers >= least.numpy())
    rows = places // numbers.shape[1]
    counts = np.bincount(rows, minlength=len(numbers))
    starts = counts.cumsum() - counts
    ascending = np.zeros((len(numbers), max(1, counts.max(initial=0))), numbers.dtype)
    ascending[rows, np.arange(len(rows)) - starts[rows]] = numbers.ravel()[places]
    ascending.sort(axis=-1)
    return torch.from_numpy(ascending[:, ::-1].copy())


def _mass_threshold(largest: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least probability to keep, (B,), and whether the mass wanted, (B, 1), lies in these, (B, N) descending."""
    mass = largest.to(_wide(largest)).cumsum(-1)
    num_kept = (mass < wanted).sum(-1, keepdim=True) + 1
    last = num_kept.clamp(max=largest.shape[-1]) - 1
    return largest.gather(1, last).squeeze(1), num_kept.squeeze(1) <= largest.shape[-1]


def _wide(scores: Tensor) -> torch.dtype:
    return torch.float32 if scores.device.type == "mps" else torch.float64  # MPS has no float64
