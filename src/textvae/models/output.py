"""From decoder features to logits, and to log-likelihoods without a (B, T, V) array."""

from typing import TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from textvae.models.linear_log_probs import linear_log_probs
from textvae.models.negatives import Negatives, sampled_log_probs
from textvae.models.products import Linear

COUNTED = ".log_frequencies"
"""How the name of what an output layer counted, not learned, ends."""
TRUSTED = 10_000
"""Target tokens of a new corpus from which its frequencies count for more than those before."""
CHUNK_LOGITS = 2**23
"""Logits of an unknown layer held at once when no gradient is needed: 32 MiB in float32."""


class OutputLayer(nn.Module):
    """Logits = W (dropout(project h)) + b, with W an embedding's weights where they are tied.

    Tying: Press and Wolf 2017, arXiv:1608.05859.

    Attributes:
        log_frequencies: log share of each token among the training targets, (V,); zeros where never told.
    """

    log_frequencies: Tensor

    def __init__(
        self, feature_dim: int, vocab_size: int, *, tied: nn.Embedding | None, dropout: float
    ) -> None:
        super().__init__()
        width = tied.embedding_dim if tied is not None else feature_dim
        self.project = Linear(feature_dim, width) if width != feature_dim else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.linear = Linear(width, vocab_size)
        if tied is not None:
            self.linear.weight = tied.weight
        nn.init.zeros_(self.linear.bias)
        self.register_buffer("log_frequencies", torch.zeros(vocab_size))

    @torch.no_grad()
    def start_from_frequencies(self, counts: Tensor) -> None:
        """Set the bias to the log frequency of each token, (V,) counts; one in a hundredth stands for never.

        Training then need not learn which of the tokens are rare, and those that never occur, such as most bytes
        of a tokenizer that falls back on them, are not generated.
        """
        smoothed = counts.to(self.linear.bias) + 0.01
        self.log_frequencies.copy_((smoothed / smoothed.sum()).log())
        self.linear.bias.copy_(self.log_frequencies)

    @torch.no_grad()
    def shift_bias(self, before: Tensor, num_targets: float) -> None:
        """Move the bias of the first tokens, (V',), from their log frequencies `before` to the present ones.

        bias += log((n p / q + k) / (n + k)) for n targets of the present corpus, frequencies p in it and q before, and k =
        `TRUSTED`: the log ratio to q of the posterior mean of frequencies under a Dirichlet prior of k q. What the bias
        learned beyond frequencies stays; equal frequencies change no bit.
        """
        old = self.log_frequencies[: len(before)]
        ratio = (num_targets * (old - before.to(old)).exp() + TRUSTED) / (num_targets + TRUSTED)
        self.linear.bias[: len(before)] += ratio.log()

    def forward(self, features: Tensor) -> Tensor:
        """Return logits, (..., V), of `features`, (..., feature_dim)."""
        return self.linear(self._read(features))

    def log_probs(self, features: Tensor, targets: Tensor, *, negatives: Negatives | None = None) -> Tensor:
        """Return log p of each target, (N,) nats, for features (N, feature_dim); estimates, given `negatives`."""
        read, weight, bias = self._read(features), self.linear.weight, self.linear.bias
        if negatives is not None:
            return sampled_log_probs(read, weight, bias, targets, negatives)
        return linear_log_probs(read, weight, bias, targets)

    def _read(self, features: Tensor) -> Tensor:
        return self.dropout(self.project(features))


def is_plain(output: nn.Module) -> TypeGuard[OutputLayer]:
    """Whether an output layer is ours and unchanged, so that `OutputLayer.log_probs` says what its logits say."""
    return type(output) is OutputLayer and type(output.linear) is Linear


def token_log_probs(
    output: nn.Module,
    features: Tensor,
    targets: Tensor,
    *,
    vocab_size: int,
    negatives: Negatives | None = None,
) -> Tensor:
    """Return log p of each target, (N,) nats in float32 or wider, for features (N, H) of real positions.

    Memory does not grow with N * V, but for the gradients of an output layer that is not ours.

    Args:
        output: from features to logits, (..., V).
        features: (N, H).
        targets: (N,).
        vocab_size: V.
        negatives: estimate with these (see `textvae.models.negatives`); the output layer must be ours. None: exact.
    """
    if is_plain(output):
        return output.log_probs(features, targets, negatives=negatives)
    if torch.is_grad_enabled():
        return _log_probs(output(features), targets)
    num_rows = max(1, CHUNK_LOGITS // vocab_size)
    parts = zip(features.split(num_rows), targets.split(num_rows), strict=True)
    return torch.cat([_log_probs(output(rows), wanted) for rows, wanted in parts])


def _log_probs(logits: Tensor, targets: Tensor) -> Tensor:
    wide = logits if logits.dtype == torch.float64 else logits.float()
    return -cross_entropy(wide, targets, reduction="none")
