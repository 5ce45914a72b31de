"""The networks of priors fitted afterwards, and the numbers that say how to build them."""

from dataclasses import dataclass

from torch import Tensor, nn

from textvae.config.fields import check_range, check_types
from textvae.models.flows import autoregressive_flow
from textvae.models.velocity import VelocityField

MAX_DIM, MAX_WIDTH, MAX_LAYERS = 65_536, 16_384, 256
"""What a file may ask for."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Of a network over latents.

    Attributes:
        dim: D.
        width: hidden units of a layer.
        layers: autoregressive ones; of a velocity field always two hidden ones.
    """

    dim: int
    width: int
    layers: int

    def __post_init__(self) -> None:
        check_types("prior", self)
        check_range("prior.dim", self.dim, 1, MAX_DIM)
        check_range("prior.width", self.width, 1, MAX_WIDTH)
        check_range("prior.layers", self.layers, 1, MAX_LAYERS)


class FittedFlow(nn.Module):
    """A masked autoregressive flow, from nothing to its transform.

    Raises:
        MissingExtraError: zuko is not installed.
    """

    kind = "flow"

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.flow = autoregressive_flow(shape.dim, shape.layers, hidden=(shape.width, shape.width))

    def forward(self, context: Tensor | None = None) -> object:
        """Return the transform, of zuko."""
        return self.flow(context)


class FittedField(VelocityField):
    """A velocity field of a shape."""

    kind = "flow-matching"

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape.dim, shape.width)
        self.shape = shape
