"""Batched beam search for argmax of log p(x | z) / |x| ** length_penalty.

|x| counts `</s>`, and tokens after the prefix only. Every beam may end at every step, whatever its rank, and a row
goes on until none of its beams can still beat its best ended one, so that the search is exact when the beams hold all
alternatives. A text that could not end within the limit is returned only where no ended one was found.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.data.vocabulary import EOS
from textvae.decoding.processors import Constraint, Rules
from textvae.decoding.protocol import StepDecoder
from textvae.decoding.trace import Trace, widened, with_start

_NEVER = float("-inf")


@dataclass(frozen=True)
class _Beams:
    """The unended beams of the rows still searched: K a row."""

    rows: Tensor  # (R,) rows of the trace
    scores: Tensor  # (R, K) log p, rescored
    tokens: Tensor  # (R, K, limit + 1)
    log_probs: Tensor  # (R, K, limit + 1) the model's own

    def kept(self, rows: Tensor) -> "_Beams":
        return _Beams(self.rows[rows], self.scores[rows], self.tokens[rows], self.log_probs[rows])


@dataclass(frozen=True)
class BeamSearch:
    """Finds one text a row.

    The rules' bans remove texts, their repetition penalty changes p; the filters of sampling play no part.
    """

    decoder: StepDecoder
    rules: Rules
    constraint: Constraint | None
    num_beams: int
    length_penalty: float

    def run(self, z: Tensor, trace: Trace) -> None:
        """Write the best text of each z, (B, D), into the trace."""
        start = trace.prefix.shape[1]
        logits, state = self.decoder.prefill(z, with_start(trace.prefix))
        logits = widened(logits)
        beams = _Beams(
            torch.arange(len(z), device=z.device),
            logits.new_zeros(len(z), 1),
            trace.tokens.unsqueeze(1).clone(),
            trace.log_probs.unsqueeze(1).clone(),
        )
        best = logits.new_full((len(z),), _NEVER)
        for position in range(start, trace.limit + 1):
            own, totals = self._totals(widened(logits), beams, position)
            self._end(beams, own, totals, position, trace, best)
            if position == trace.limit:
                _leave(beams, best, position, trace)
                return
            extended, parents, tokens = self._extended(beams, own, totals, position)
            going = (
                self._bound(extended.scores, position + 1 - start, trace.limit + 1 - start) > best[beams.rows]
            )
            _leave(beams.kept(~going), best, position, trace)
            if not bool(going.any()):
                return
            beams, parents, tokens = extended.kept(going), parents[going].flatten(), tokens[going].flatten()
            state = self.decoder.select(state, parents)
            if self.constraint is not None:
                self.constraint.select(parents)
                self.constraint.advance(tokens)
            logits, state = self.decoder.step(tokens, state)

    def _totals(self, logits: Tensor, beams: _Beams, position: int) -> tuple[Tensor, Tensor]:
        """Return the model's own next log p, and the scores of all continuations: (R, K, V) both."""
        shape = (*beams.scores.shape, logits.shape[-1])
        history = beams.tokens[:, :, :position].flatten(0, 1)  # (RK, T)
        rescored = self.rules.rescored(logits, history).log_softmax(-1)
        banned = self.rules.banned(rescored, history, self.constraint)
        own = rescored if self.rules.repetition_penalty == 1 else logits.log_softmax(-1)
        return own.view(shape), beams.scores.unsqueeze(-1) + banned.view(shape)

    def _end(
        self, beams: _Beams, own: Tensor, totals: Tensor, position: int, trace: Trace, best: Tensor
    ) -> None:
        """Let every beam end; write those into the trace that beat the best of their row."""
        length = position + 1 - trace.prefix.shape[1]
        ended, which = (totals[:, :, EOS] / length**self.length_penalty).max(1)  # (R,)
        better = (ended > best[beams.rows]).nonzero().squeeze(1)
        rows, which = beams.rows[better], which[better]
        best[rows] = ended[better]
        trace.tokens[rows] = beams.tokens[better, which]
        trace.log_probs[rows] = beams.log_probs[better, which]
        trace.write(rows, position, torch.full_like(rows, EOS), own[better, which, EOS])

    def _extended(
        self, beams: _Beams, own: Tensor, totals: Tensor, position: int
    ) -> tuple[_Beams, Tensor, Tensor]:
        """Return the best unended continuations, (R, K), the flat beam each comes from, and their last tokens."""
        num_rows, num_beams, vocab_size = totals.shape
        totals[:, :, EOS] = _NEVER
        flat = totals.flatten(1)
        scores, index = flat.topk(min(self.num_beams, flat.shape[1]))  # (R, K')
        which, tokens = index // vocab_size, index % vocab_size
        row = torch.arange(num_rows, device=index.device).unsqueeze(1)
        extended = _Beams(beams.rows, scores, beams.tokens[row, which], beams.log_probs[row, which])
        extended.tokens[:, :, position] = tokens
        extended.log_probs[:, :, position] = own[row, which, tokens].to(extended.log_probs.dtype)
        return extended, row * num_beams + which, tokens

    def _bound(self, scores: Tensor, length: int, longest: int) -> Tensor:
        """Return the best score, (R,), that texts of length + 1 to `longest` can reach from the beams' log p <= 0."""
        best = scores.amax(1)
        return torch.maximum(best / (length + 1) ** self.length_penalty, best / longest**self.length_penalty)


def _leave(beams: _Beams, best: Tensor, position: int, trace: Trace) -> None:
    """Write the best unended beam of rows in which nothing ended."""
    beams = beams.kept(best[beams.rows] == _NEVER)
    which = beams.scores.argmax(1) if len(beams.rows) else beams.rows
    chosen = (torch.arange(len(which), device=which.device), which)
    trace.tokens[beams.rows, :position] = beams.tokens[chosen][:, :position]
    trace.log_probs[beams.rows, :position] = beams.log_probs[chosen][:, :position]
