"""How z enters a decoder.

initial   the recurrent state before the first token is a function of z (Bowman et al. 2016, arXiv:1511.06349)
input     a projection of z is joined to every input embedding (recurrent decoders)
add       a projection of z is added to every input embedding (Li et al. 2020, arXiv:2004.04092, section 3.2)
skip      a projection of z is added to the features that the output layer reads, past all layers: a skip connection
          (Dieng et al. 2019, arXiv:1807.04863, section 3; deviation: theirs also enters between the layers)
memory    z becomes one key and value a layer that every position attends to (the same paper)
position  z says which word stands where, by a product with a vector of the place, past all layers; the encoder then
          also sums its words bound to their places (`textvae.models.binding`)
none      z does not enter: a language model
"""

from collections.abc import Sequence

from torch import Tensor, nn

from textvae.config.model import NO_LATENT
from textvae.errors import ConfigError
from textvae.models.products import Linear


def parse_injection(text: str, *, suited: Sequence[str], default: str, decoder: str) -> frozenset[str]:
    """Read names joined by + ("initial+input").

    Raises:
        ConfigError: a name that does not suit the decoder; those that do are listed.
    """
    if text == NO_LATENT:
        return frozenset()
    names = (default if text == "default" else text).split("+")
    for name in names:
        if name not in suited:
            raise ConfigError(
                f"model.injection names {name!r}; the {decoder} decoder takes {', '.join(suited)}, joined by +"
            )
    return frozenset(names)


class AddInjection(nn.Module):
    """embedded + W z at every position."""

    def __init__(self, latent_dim: int, embed_dim: int) -> None:
        super().__init__()
        self.project = Linear(latent_dim, embed_dim)

    def forward(self, embedded: Tensor, z: Tensor) -> Tensor:
        """Return (B, T, E) from `embedded` (B, T, E) and z (B, D)."""
        return embedded + self.project(z).unsqueeze(1)
