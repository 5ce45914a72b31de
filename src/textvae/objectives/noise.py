"""Noise on rows of tokens: what a decoder reads, and what an encoder reads, in training.

All draw from the global generator of the tokens' device.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.data.vocabulary import NUM_SPECIAL, PAD, UNK


def blanked(inputs: Tensor, share: float) -> Tensor:
    """Return decoder inputs (B, T) with a share of the words blanked, never `<s>` (Bowman et al. 2016, section 3.1).

    The blank is the unknown word's id, which subword and character tokenizers use for nothing else.
    """
    if share == 0:
        return inputs
    dropped = torch.rand(inputs.shape, device=inputs.device) < share
    dropped[:, 0] = False
    return inputs.masked_fill(dropped, UNK)


@dataclass(frozen=True, kw_only=True)
class Denoising:
    """Noise on the texts an encoder reads; the decoder still has to give back the clean ones.

    A denoising autoencoder's: Vincent et al. 2008; for text Hill et al. 2016, arXiv:1602.03483, and, in a model with a
    latent space, Shen et al. 2020, arXiv:1905.12777, section 4. `</s>` stays, and stays last.

    Args:
        drop: share of the words left out.
        blank: share of those left that are blanked.
        substitute: share of those left that become a word drawn from the whole vocabulary.
        shuffle: a word moves by less than this many places (Lample et al. 2018, arXiv:1711.00043, section 2.3); 0: none.
        vocab_size: V.
    """

    drop: float = 0.0
    blank: float = 0.0
    substitute: float = 0.0
    shuffle: float = 0.0
    vocab_size: int

    @property
    def is_on(self) -> bool:
        """Whether anything changes."""
        return max(self.drop, self.blank, self.substitute, self.shuffle) > 0

    def __call__(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return noisy tokens, (B, T), and their lengths, (B,), of tokens that end with `</s>`."""
        if self.shuffle:
            tokens = self._shuffled(tokens, lengths)
        if self.drop:
            tokens, lengths = self._shortened(tokens, lengths)
        if self.substitute:
            drawn = torch.randint(NUM_SPECIAL, self.vocab_size, tokens.shape, device=tokens.device)
            tokens = torch.where(self._chosen(tokens, lengths, self.substitute), drawn, tokens)
        if self.blank:
            tokens = tokens.masked_fill(self._chosen(tokens, lengths, self.blank), UNK)
        return tokens, lengths

    def _shuffled(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1], device=tokens.device).expand(tokens.shape)
        moved = places + torch.rand(tokens.shape, device=tokens.device) * self.shuffle
        keys = torch.where(_words(tokens, lengths), moved, places + tokens.shape[1] + self.shuffle)
        return tokens.gather(1, keys.argsort(dim=1, stable=True))

    def _shortened(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        gone = self._chosen(tokens, lengths, self.drop)
        order = gone.to(torch.uint8).argsort(dim=1, stable=True)  # those that stay first, in their order
        left = lengths - gone.sum(dim=1)
        places = torch.arange(tokens.shape[1], device=tokens.device)
        return tokens.gather(1, order).masked_fill(places >= left.unsqueeze(1), PAD), left

    def _chosen(self, tokens: Tensor, lengths: Tensor, share: float) -> Tensor:
        return (torch.rand(tokens.shape, device=tokens.device) < share) & _words(tokens, lengths)


def _words(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Return which places, (B, T), hold words: not padding, not `</s>`."""
    places = torch.arange(tokens.shape[1], device=tokens.device)
    return places < lengths.unsqueeze(1) - 1
