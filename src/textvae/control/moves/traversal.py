"""Moves of a text along directions of latent space."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from textvae.config.fields import check_count, check_range
from textvae.control.changes import Span, changes
from textvae.control.moves.conditioned import Conditioned
from textvae.control.moves.directions import Direction


@dataclass(frozen=True)
class Traversal:
    """The texts along a direction.

    Attributes:
        direction: which one.
        reconstruction: the text where the move is 0.
        offsets: moves in standard deviations, ascending.
        texts: one each.
    """

    direction: Direction
    reconstruction: str
    offsets: tuple[float, ...]
    texts: tuple[str, ...]

    @property
    def changes(self) -> list[tuple[Span, ...]]:
        """What each text has that the reconstruction has not, and the reverse."""
        return [changes(self.reconstruction, text) for text in self.texts]


def traverse(
    model: Conditioned, text: str, directions: Sequence[Direction], *, steps: int = 7, span: float = 3.0
) -> list[Traversal]:
    """Move a text's posterior mean along each of several directions, from -span to span.

    Args:
        model: where latents are decoded; all of them at once.
        text: whose mean it is.
        directions: see `textvae.control.moves.directions.directions`.
        steps: texts along each direction, at least 2; of an odd number the middle one is the reconstruction.
        span: in standard deviations, above 0.

    Raises:
        ConfigError: steps or span out of range.
    """
    check_count("steps", steps, 2)
    check_range("span", span, above=0)
    [mean] = model.encode([text]).double()
    offsets = torch.linspace(-span, span, steps, dtype=torch.float64)
    moved = [mean + offsets.unsqueeze(1) * one.step for one in directions]
    reconstruction, *texts = model.decode(torch.cat([mean.unsqueeze(0), *moved]))
    return [
        Traversal(one, reconstruction, tuple(offsets.tolist()), tuple(texts[i * steps : (i + 1) * steps]))
        for i, one in enumerate(directions)
    ]
