"""Words bound to their places: a way for z to say which word stands where, and for a decoder to ask.

A text is summed up as sum_t V e_t * p_t, elementwise, with a vector p_t for each place; z gives back what stands at place t as
U (W z * p_t). Binding by products: Smolensky 1990; elementwise, Plate 1995 and Gayler 2003. Both maps are linear in what they
bind, so that an autoencoder learns to copy long before its recurrences do.
"""

import torch
from torch import Tensor, nn

from textvae.models.positions import Positions
from textvae.models.products import Linear

POSITION = "position"
"""The injection's name."""


def binds(injection: str) -> bool:
    """Return whether the settings of injection name this one."""
    return POSITION in injection.split("+")


class BoundWords(nn.Module):
    """The sum of a text's words, each bound to its place, over the square root of their number."""

    def __init__(self, embed_dim: int, width: int, max_length: int) -> None:
        super().__init__()
        self.positions = Positions(max_length + 1, width, std=1.0)
        self.value = Linear(embed_dim, width)
        self.width = width

    def forward(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """Return (B, width) of `embedded`, (B, T, E), whose positions past `lengths`, (B,), are padding."""
        places = torch.arange(embedded.shape[1], device=embedded.device)
        real = (places < lengths.unsqueeze(1)).unsqueeze(-1)
        bound = (self.value(embedded) * self.positions(places)).masked_fill(~real, 0)
        return bound.sum(dim=1) / lengths.to(bound.dtype).sqrt().unsqueeze(1)


class PlaceInjection(nn.Module):
    """What z says of a place, added to the features that the output layer reads."""

    def __init__(self, latent_dim: int, width: int, max_length: int) -> None:
        super().__init__()
        self.positions = Positions(max_length + 1, width, std=1.0)
        self.bind = Linear(latent_dim, width)
        self.read = Linear(width, width)

    def forward(self, features: Tensor, bound: Tensor, places: Tensor) -> Tensor:
        """Return features, (B, T, width), with what z says of their places, (T,) or (B, T).

        Args:
            features: (B, T, width).
            bound: `bind` of z, (B, width).
            places: from 0.
        """
        return features + self.read(bound.unsqueeze(1) * self.positions(places))
