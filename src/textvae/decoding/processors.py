"""What may come next: rules over the tokens so far, and constraints.

The order of the whole step: repetition penalty -> no-repeat-n-gram -> forbidden ids, minimum length, constraint ->
temperature -> top-k -> top-p -> min-p (the last four in `samplers`).
"""

from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from textvae.config import DecodingConfig
from textvae.data.vocabulary import BOS, EOS, NUM_SPECIAL, PAD, UNK

_NEVER = float("-inf")


class Constraint(Protocol):
    """Says what each row may say next; it has a state a row and follows the rows through the batch."""

    def mask(self) -> Tensor:
        """Return which tokens may come next, (B, V) bool; a row that allows none is ended."""
        ...

    def advance(self, tokens: Tensor) -> None:
        """Read the tokens chosen, (B,)."""
        ...

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, (R,) int64, in that order; rows may be missing or come twice."""
        ...

    def cut(self, tokens: list[int]) -> int:
        """Return how many of a row's tokens, prefix included, may stand where the row could not end by itself."""
        ...


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules over a row's own tokens; neutral settings forbid `<pad>`, `<s>` and `<unk>` only."""

    repetition_penalty: float = 1.0
    no_repeat_ngram: int = 0
    min_length: int = 0
    forbidden: tuple[int, ...] = (PAD, BOS, UNK)

    @classmethod
    def of(cls, config: DecodingConfig, *, allow_unk: bool) -> Self:
        """Translate the settings."""
        return cls(
            repetition_penalty=config.repetition_penalty,
            no_repeat_ngram=config.no_repeat_ngram,
            min_length=config.min_length,
            forbidden=(PAD, BOS) if allow_unk else (PAD, BOS, UNK),
        )

    def rescored(self, logits: Tensor, history: Tensor) -> Tensor:
        """Return the logits, (B, V), after the repetition penalty."""
        return logits if self.repetition_penalty == 1 else penalized(logits, history, self.repetition_penalty)

    def banned(self, scores: Tensor, history: Tensor, constraint: Constraint | None) -> Tensor:
        """Return a copy of the scores, (B, V), that is -inf where a token may not come; that may be everywhere.

        Args:
            scores: (B, V).
            history: (B, T) the tokens so far, prefix included, `<s>` not.
            constraint: what else is allowed, its rows in the order of `scores`.
        """
        scores = scores.clone()
        if 0 < self.no_repeat_ngram <= history.shape[1]:
            scores.masked_fill_(repeating(history, self.no_repeat_ngram, scores.shape[1]), _NEVER)
        for index in self.forbidden:
            scores[:, index] = _NEVER
        if history.shape[1] < self.min_length:
            scores[:, EOS] = _NEVER
        if constraint is not None:
            scores.masked_fill_(~constraint.mask(), _NEVER)
        return scores


def penalized(logits: Tensor, history: Tensor, penalty: float) -> Tensor:
    """Divide positive and multiply negative logits of the tokens in history, (B, T), by the penalty; specials never.

    Keskar et al. 2019, arXiv:1909.05858. Deviation: a token's logit is changed once, however often it came, and
    negative logits are multiplied, without which the penalty would reward them.
    """
    seen = logits.gather(1, history)  # (B, T)
    changed = logits.scatter(1, history, torch.where(seen > 0, seen / penalty, seen * penalty))
    changed[:, :NUM_SPECIAL] = logits[:, :NUM_SPECIAL]
    return changed


def repeating(history: Tensor, n: int, vocab_size: int) -> Tensor:
    """Return which tokens, (B, V) bool, would complete an n-gram that is already in history, (B, T), T >= n."""
    grams = history.unfold(1, n, 1)  # (B, T - n + 1, n)
    tail = history[:, history.shape[1] - n + 1 :].unsqueeze(1)  # (B, 1, n - 1)
    repeats = (grams[:, :, :-1] == tail).all(-1)
    completing = torch.where(repeats, grams[:, :, -1], PAD)  # PAD never comes anyway
    mask = torch.zeros(len(history), vocab_size, dtype=torch.bool, device=history.device)
    return mask.scatter_(1, completing, True)


def able_to_stop(scores: Tensor) -> Tensor:
    """Allow `</s>`, in place, in the rows of scores, (B, V), that allow nothing: a row can always stop."""
    dead = scores.amax(-1) == _NEVER
    scores[:, EOS].masked_fill_(dead, 0.0)
    return scores
