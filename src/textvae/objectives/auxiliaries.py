"""Auxiliary terms: what is added to distortion + beta * rate-term, each with its weight."""

import math

import torch
from torch import Tensor, nn


class BagOfWords(nn.Module):
    """-log p(words of x | z) with the words drawn independently of each other: z alone has to say which occur.

    log p(bag | z) = sum_t log softmax(W_2 tanh(W_1 z + b_1) + b_2)[x_t]

    Zhao, Zhao and Eskenazi 2017, arXiv:1703.10960, eq. 4. `</s>` is no word. The weights serve training alone and are not
    part of the model.
    """

    def __init__(self, latent_dim: int, hidden_dim: int, vocab_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(latent_dim, hidden_dim)
        self.output = nn.Linear(hidden_dim, vocab_size)

    def forward(self, z: Tensor, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return -log p(bag | z), (B,) nats, for z (B, D), tokens (B, T) that end with `</s>`, and lengths (B,)."""
        log_probs = self.output(torch.tanh(self.hidden(z))).float().log_softmax(dim=-1)  # (B, V)
        word = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1) - 1  # (B, T)
        return -log_probs.gather(1, tokens).masked_fill(~word, 0).sum(dim=1)


SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(z: Tensor, prior_z: Tensor) -> Tensor:
    """Return the squared maximum mean discrepancy between two samples, a scalar without unit, at least about 0.

    The unbiased estimate with inverse multiquadratic kernels C / (C + |a - b|²), summed over C = 2 D s for seven scales
    s. InfoVAE (Zhao, Song and Ermon 2019, arXiv:1706.02262, section 3.2) with the kernel of Tolstikhin et al. 2018,
    arXiv:1711.01558, section 4.

    Args:
        z: one posterior sample a sentence, (B, D): together a sample of the aggregate posterior.
        prior_z: (B, D).
    """
    num, base = len(z), 2.0 * z.shape[1]
    if num < 2:
        return z.sum() * 0.0
    own = _kernel(z, z, base).sum() - num * len(SCALES)
    others = _kernel(prior_z, prior_z, base).sum() - num * len(SCALES)
    return (own + others) / (num * (num - 1)) - 2 * _kernel(z, prior_z, base).mean()


def _kernel(a: Tensor, b: Tensor, base: float) -> Tensor:
    """Return the sum of kernels of all pairs, (B, B)."""
    # not cdist: its gradient at distance 0 is not finite
    squares = (a.square().sum(1, keepdim=True) + b.square().sum(1) - 2 * a @ b.T).clamp(min=0)
    total = torch.zeros_like(squares)
    for scale in SCALES:
        total = total + base * scale / (base * scale + squares)
    return total


def hidden_width(latent_dim: int) -> int:
    """Return the hidden units of `BagOfWords`: some times D, a power of two."""
    return 2 ** math.ceil(math.log2(4 * latent_dim))
