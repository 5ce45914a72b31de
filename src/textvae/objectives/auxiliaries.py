"""Auxiliary terms: what is added to distortion + beta * rate-term, each with its weight."""

import math

import torch
from torch import Tensor, nn

from textvae.distributions.discrepancy import squared_mmd


class BagOfWords(nn.Module):
    """-log p(words of x | z) with the words drawn independently of each other: z alone has to say which occur.

    log p(bag | z) = sum_t log softmax(W_2 tanh(W_1 z + b_1) + b_2)[x_t]

    Zhao, Zhao and Eskenazi 2017, arXiv:1703.10960. `</s>` is no word. The weights serve training alone and are not
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
    """Return the squared maximum mean discrepancy between aggregate posterior and prior, a scalar without unit.

    InfoVAE (Zhao, Song and Ermon 2019, arXiv:1706.02262, section 3.2), with the kernels of `distributions.discrepancy`
    at seven scales. A single sentence has none: 0.

    Args:
        z: one posterior sample a sentence, (B, D): together a sample of the aggregate posterior.
        prior_z: (B, D).
    """
    return squared_mmd(z, prior_z, SCALES) if len(z) > 1 else z.sum() * 0.0


def hidden_width(latent_dim: int) -> int:
    """Return the hidden units of `BagOfWords`: some times D, a power of two."""
    return 2 ** math.ceil(math.log2(4 * latent_dim))
