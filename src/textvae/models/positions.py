"""Learned vectors of positions."""

from torch import Tensor, nn


class Positions(nn.Module):
    """Learned position embeddings; positions past the last are read as the last."""

    def __init__(self, num_positions: int, width: int, std: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_positions, width)
        nn.init.normal_(self.embedding.weight, std=std)

    def forward(self, places: Tensor) -> Tensor:
        """Return (..., width) for positions, (...), from 0."""
        return self.embedding(places.clamp(max=self.embedding.num_embeddings - 1))
