"""Rewrite a text as z asks, at a price for every change: a beam search over edits of the text.

A decoder of few nats cannot give back a text that it was shown; here the text itself says what stays. The search finds
the x that maximises

    log p(x|z) - log p(kept words|z) + contrast * [log p(x|z) - log p(x|z')] - price * changes

where z is where the text should go and z' lies opposite. A kept token is free of the cost of being rare: its log p in the
unchanged text is given back, so that only what a change does to its neighbours counts. The contrast pays for words that z
explains and z' does not, and charges for those of the text that speak for z': the latent counterpart of decoding with an
expert and an anti-expert (Liu et al. 2021, arXiv:2105.03023). Changes are tokens left out, put in or replaced.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from textvae.config.fields import check_range
from textvae.data.vocabulary import BOS, EOS, PAD, UNK
from textvae.decoding.processors import Constraint
from textvae.decoding.protocol import State, StepDecoder
from textvae.decoding.trace import widened
from textvae.models.products import laid_out

_NEVER = float("-inf")
_BANNED = [PAD, BOS, UNK, EOS]
"""Tokens that are never put in; the end is that of the source."""


@dataclass(frozen=True, kw_only=True)
class Rewriting:
    """How a text is rewritten."""

    price: float = 5.0
    """Nats that each token left out, put in or replaced costs."""
    contrast: float = 1.0
    """Weight of log p(x|z) - log p(x|z')."""
    ceiling: float | None = None
    """The most nats that one token can gain by the contrast; 0: it only charges; None: no limit."""
    num_beams: int = 6
    longest_gap: int = 2
    """Tokens of the text that are left out or replaced by one at most."""
    num_words: int = 20
    """Tokens that are tried at each place."""
    growth: int = 4
    """Tokens by which a text can grow."""

    def __post_init__(self) -> None:
        check_range("price", self.price, 0)
        check_range("contrast", self.contrast, 0)
        check_range("ceiling", self.ceiling, 0)
        for name in ("num_beams", "longest_gap", "num_words"):
            check_range(name, getattr(self, name), 1)
        check_range("growth", self.growth, 0)


@dataclass(frozen=True)
class _Beams:
    """The unended beams of the rows still searched: K a row."""

    rows: Tensor  # (R,) rows of the batch
    scores: Tensor  # (R, K)
    places: Tensor  # (R, K) of the source, next to be kept
    copying: Tensor  # (R, K) whether the token before was kept
    tokens: Tensor  # (R, K, T)


def rewrite(
    decoder: StepDecoder,
    z: Tensor,
    opposite: Tensor,
    sources: Sequence[Sequence[int]],
    how: Rewriting,
    *,
    max_length: int,
    keep: Sequence[Sequence[bool]] | None = None,
    constraint: Constraint | None = None,
) -> list[list[int]]:
    """Return the rewritten tokens of each source, which may be the source itself.

    Args:
        decoder: in evaluation mode, of 2B rows: those of z and of `opposite` by turns.
        z: where the texts should go, (B, D).
        opposite: z', (B, D).
        sources: token ids of the texts, `<s>` and `</s>` not among them.
        how: prices and breadth.
        max_length: the most tokens of a text; a longer source is cut.
        keep: which tokens of each source have to stay; None: none has to.
        constraint: what else limits tokens put in, one state a row, B of them; kept neighbours stand as they are.
    """
    if not len(z):
        return []
    with torch.inference_mode(), laid_out():
        search = _Search(decoder, z, opposite, [list(row)[:max_length] for row in sources], how, keep)
        return search.run(max_length, constraint)


class _Search:
    """The sources, laid out, and the search over them."""

    def __init__(
        self,
        decoder: StepDecoder,
        z: Tensor,
        opposite: Tensor,
        sources: list[list[int]],
        how: Rewriting,
        keep: Sequence[Sequence[bool]] | None,
    ) -> None:
        self.decoder, self.how, self.device = decoder, how, z.device
        self.z = torch.stack([z, opposite], dim=1).flatten(0, 1)  # (2B, D), by turns
        self.sources = sources
        self.lengths = torch.tensor([len(row) for row in sources], device=self.device)
        self.width = int(self.lengths.max())
        self.tokens = _padded(sources, EOS, self.width + 1, self.device)  # (B, T + 1): `</s>` is kept last
        must = [list(row)[: self.width] for row in keep] if keep is not None else [[] for _ in sources]
        self.must = _padded(must, 0, self.width + 1, self.device).bool()
        self.given_back = self._log_probs()

    def _log_probs(self) -> Tensor:
        """Return log p of each source token under z, (B, T + 1), in the text as it was."""
        found = []
        logits, state = self.decoder.prefill(self.z, self._start())
        for position in range(self.width + 1):
            tokens = self.tokens[:, position]
            log_probs = widened(logits)[::2].log_softmax(-1)
            found.append(log_probs.gather(1, tokens.unsqueeze(1)))
            if position < self.width:
                logits, state = self.decoder.step(tokens.repeat_interleave(2), state)
        return torch.cat(found, dim=1)

    def run(self, max_length: int, constraint: Constraint | None) -> list[list[int]]:
        """Return the best text of each row: each grows by its own source's length, whatever is searched beside it."""
        num_rows = len(self.sources)
        best = [list(row) for row in self.sources]
        best_scores = self.z.new_full((num_rows,), _NEVER)
        logits, state = self.decoder.prefill(self.z, self._start())
        zeros = torch.zeros(num_rows, 1, dtype=torch.int64, device=self.device)
        beams = _Beams(
            torch.arange(num_rows, device=self.device),
            self.z.new_zeros(num_rows, 1),
            zeros,
            zeros == 0,
            zeros.unsqueeze(-1)[:, :, :0],
        )
        limits = (self.lengths + self.how.growth).clamp(max=max_length)  # (B,)
        for length in range(int(limits.max()) + 1):
            moves = self._moves(beams, widened(logits), constraint)
            self._end(beams, moves, best, best_scores)
            beams, parents = self._continued(beams, moves, limits[beams.rows] > length)
            if not len(parents):
                break
            state = self._selected(state, parents)
            if constraint is not None:
                constraint.select(parents)
                constraint.advance(beams.tokens[:, :, -1].flatten())
            logits, state = self.decoder.step(beams.tokens[:, :, -1].flatten().repeat_interleave(2), state)
        return best

    def _moves(self, beams: _Beams, logits: Tensor, constraint: Constraint | None) -> "_Moves":
        """Return every way on: tokens kept behind a gap of 0 or more, and tokens put in for as many."""
        shape = (*beams.scores.shape, logits.shape[-1])
        own, other = (part.log_softmax(-1).view(shape) for part in (logits[::2], logits[1::2]))
        ceiling = float("inf") if self.how.ceiling is None else self.how.ceiling
        gains = own + self.how.contrast * (own - other).clamp(max=ceiling)  # (R, K, V)
        allowed = (
            constraint.mask().view(shape)
            if constraint is not None
            else torch.ones_like(gains, dtype=torch.bool)
        )
        new = gains.masked_fill(~allowed, _NEVER)
        new[:, :, _BANNED] = _NEVER
        kept, written = [], []
        skipped = torch.zeros_like(beams.scores)  # -inf once a token was passed that has to stay
        for gap in range(self.how.longest_gap + 1):
            places = beams.places + gap
            inside = places <= self.lengths[beams.rows].unsqueeze(1)
            at = places.clamp(max=self.width)
            tokens = self._of(self.tokens, beams, at)
            gain = gains.gather(2, tokens.unsqueeze(-1)).squeeze(-1) - self._of(self.given_back, beams, at)
            fits = allowed.gather(2, tokens.unsqueeze(-1)).squeeze(-1) | (beams.copying & (gap == 0))
            score = beams.scores + skipped + gain - self.how.price * gap
            kept.append((score.masked_fill(~(inside & fits), _NEVER), tokens, places + 1))
            written.append((skipped.masked_fill(~inside, _NEVER) - self.how.price * max(gap, 1), places))
            skipped = skipped.masked_fill(self._of(self.must, beams, at), _NEVER)
        return _Moves.of(beams, kept, new.topk(min(self.how.num_words, shape[-1]), dim=2), written)

    def _end(self, beams: _Beams, moves: "_Moves", best: list[list[int]], best_scores: Tensor) -> None:
        """Note the best text of each row that ends here."""
        ended = moves.scores.masked_fill(moves.tokens != EOS, _NEVER)
        scores, which = ended.max(1)
        for row in (scores > best_scores[beams.rows]).nonzero().squeeze(1).tolist():
            place = int(beams.rows[row])
            best_scores[place] = scores[row]
            best[place] = beams.tokens[row, moves.parents[row, which[row]]].tolist()

    def _continued(self, beams: _Beams, moves: "_Moves", can_grow: Tensor) -> tuple[_Beams, Tensor]:
        """Return the best beams of the rows that go on, of those that can, (R,), and the flat beam that each comes from."""
        scores = moves.scores.masked_fill(moves.tokens == EOS, _NEVER)
        scores, which = scores.topk(min(self.how.num_beams, scores.shape[1]), dim=1)
        going = ((scores[:, 0] > _NEVER) & can_grow).nonzero().squeeze(1)
        which, scores = which[going], scores[going]
        parents = moves.parents[going].gather(1, which)
        tokens = moves.tokens[going].gather(1, which)
        before = beams.tokens[going.unsqueeze(1), parents]
        chosen = _Beams(
            beams.rows[going],
            scores,
            moves.places[going].gather(1, which),
            moves.copying[going].gather(1, which),
            torch.cat([before, tokens.unsqueeze(-1)], dim=2),
        )
        return chosen, (going.unsqueeze(1) * beams.scores.shape[1] + parents).flatten()

    def _selected(self, state: State, parents: Tensor) -> State:
        """Return the state of beams, of both halves."""
        return self.decoder.select(state, torch.stack([2 * parents, 2 * parents + 1], dim=1).flatten())

    def _start(self) -> Tensor:
        return torch.full((len(self.z), 1), BOS, dtype=torch.int64, device=self.device)

    @staticmethod
    def _of(table: Tensor, beams: _Beams, places: Tensor) -> Tensor:
        """Return entries of a table, (B, T + 1), at the places, (R, K), of the beams."""
        return table[beams.rows.unsqueeze(1), places]


@dataclass(frozen=True)
class _Moves:
    """All ways on of each row, (R, M) each."""

    scores: Tensor
    tokens: Tensor
    places: Tensor
    parents: Tensor
    copying: Tensor

    @classmethod
    def of(
        cls,
        beams: _Beams,
        kept: list[tuple[Tensor, Tensor, Tensor]],
        new: tuple[Tensor, Tensor],
        written: list[tuple[Tensor, Tensor]],
    ) -> "_Moves":
        """Lay out the kept tokens, (scores, tokens, next places), and the new ones with what each gap costs.

        To put a token in before its like, which is then kept, is the same as to keep it and put it in behind: not laid out.
        """
        number = torch.arange(beams.scores.shape[1], device=beams.scores.device).expand_as(beams.scores)
        parts = [(*one, number, torch.ones_like(number, dtype=torch.bool)) for one in kept]
        gains, words = new
        repeated = words == kept[0][1].unsqueeze(-1)
        for gap, (cost, places) in enumerate(written):
            shape = words.shape
            scores = (beams.scores + cost).unsqueeze(-1) + gains
            scores = scores if gap else scores.masked_fill(repeated, _NEVER)
            parents, after = (part.unsqueeze(-1).expand(shape) for part in (number, places))
            parts.append((scores, words, after, parents, torch.zeros_like(words, dtype=torch.bool)))
        return cls(
            *(torch.cat([part.flatten(1) for part in column], dim=1) for column in zip(*parts, strict=True))
        )


def _padded(rows: Sequence[Sequence[int]], value: int, width: int, device: torch.device) -> Tensor:
    """Return rows as (B, width), `value` behind their ends."""
    ends = torch.full((width,), value)
    found = pad_sequence([*(torch.tensor(list(row), dtype=torch.int64) for row in rows), ends], True, value)
    return found[:-1, :width].to(device)
