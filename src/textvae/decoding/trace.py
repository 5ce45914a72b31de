"""The tokens decoded so far, in one preallocated tensor, with the model's own log probabilities."""

import torch
from torch import Tensor
from torch.nn.functional import pad

from textvae.data.vocabulary import BOS, EOS, PAD
from textvae.decoding.processors import Constraint
from textvae.decoding.protocol import Decoded


def with_start(prefix: Tensor) -> Tensor:
    """Return the prefix, (B, P), behind `<s>`: (B, P + 1)."""
    return pad(prefix, (1, 0), value=BOS)


def token_log_probs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return log p(token), (B,) nats, under softmax(logits), (B, V), in float32 or wider."""
    return widened(logits).log_softmax(-1).gather(1, tokens.unsqueeze(1)).squeeze(1)


def widened(logits: Tensor) -> Tensor:
    """Return logits in float32 or float64."""
    return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()


class Trace:
    """Rows of tokens behind a prefix, up to a limit; the position after the limit can hold `</s>` only."""

    def __init__(self, prefix: Tensor, limit: int, *, scored: bool = True) -> None:
        self.prefix, self.limit, self.scored = prefix, limit, scored
        self.tokens = pad(prefix, (0, limit + 1 - prefix.shape[1]), value=PAD)  # (B, limit + 1)
        wide = torch.float32 if prefix.device.type == "mps" else torch.float64  # MPS has no float64
        self.log_probs = torch.zeros(self.tokens.shape, dtype=wide, device=prefix.device)

    def write(self, rows: Tensor, position: int, tokens: Tensor, log_probs: Tensor | None) -> None:
        """Set one position of some rows, (R,); `log_probs` only where they are wanted."""
        self.tokens[rows, position] = tokens
        if log_probs is not None:
            self.log_probs[rows, position] = log_probs.to(self.log_probs.dtype)

    def collect(self, constraint: Constraint | None = None) -> Decoded:
        """Return the rows up to `</s>` or the limit; what a constraint does not let stand at the end is cut."""
        start = self.prefix.shape[1]
        ended = self.tokens[:, start:] == EOS
        finished = ended.any(1)
        unwritten = self.tokens[:, start : self.limit] == PAD
        stops = pad(ended[:, :-1] | unwritten, (0, 1), value=True)
        lengths = start + stops.int().argmax(1)  # (B,)
        if constraint is not None:
            kept = self._cut(constraint, lengths)
            finished, lengths = finished & (kept == lengths), kept
        rows = [row[:length] for row, length in zip(self.tokens.tolist(), lengths.tolist(), strict=True)]
        return Decoded(
            tokens=rows,
            log_probs=self._total(lengths + finished).cpu() if self.scored else None,
            finished=finished.tolist(),
        )

    def _total(self, counts: Tensor) -> Tensor:
        """Return the sum over the first positions of each row, `counts` (B,) of them."""
        counted = torch.arange(self.limit + 1, device=counts.device) < counts.unsqueeze(1)
        return self.log_probs.masked_fill(~counted, 0.0).sum(1)

    def _cut(self, constraint: Constraint, lengths: Tensor) -> Tensor:
        rows = zip(self.tokens.tolist(), lengths.tolist(), strict=True)
        kept = [max(constraint.cut(row[:length]), self.prefix.shape[1]) for row, length in rows]
        return torch.tensor(kept, dtype=lengths.dtype, device=lengths.device)
