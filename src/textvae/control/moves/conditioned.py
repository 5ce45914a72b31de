"""A model under one condition: what all moves encode, draw and decode with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor
from torch.nn.functional import normalize

from textvae.codec import Codec
from textvae.config import GREEDY, DecodingConfig
from textvae.config.model import SPHERE
from textvae.data.conditions import Conditions
from textvae.distributions import Posterior, Prior


@dataclass(frozen=True)
class Conditioned:
    """A model under one condition.

    Attributes:
        codec: the model.
        condition: one row; None: none.
        decoding: how tokens are chosen; None: greedily.
        seed: of everything drawn.
    """

    codec: Codec
    condition: Conditions | None = None
    decoding: DecodingConfig | None = None
    seed: int = 0

    def times(self, num: int) -> Conditions | None:
        """Return the condition for `num` rows."""
        return self.condition and self.condition.rows(np.zeros(num, np.int64))

    def posterior(self, texts: Sequence[str]) -> Posterior:
        """Return q(z|x,c) over (N, D)."""
        return self.codec.posterior(self.codec.store(texts, self.times(len(texts))))

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Return posterior means, (N, D)."""
        return self.posterior(texts).loc

    def prior(self, num: int) -> Prior:
        """Return p(z|c): over (D,), or where it depends on the condition over (num, D)."""
        return self.codec.prior(self.times(num))

    def prior_sample(self, num: int, seed: int) -> Tensor:
        """Return z ~ p(z|c), (num, D)."""
        return self.codec.prior_sample(num, seed=seed, conditions=self.times(num))

    def decode(self, z: Tensor) -> list[str]:
        """Return the texts of z, (N, D)."""
        z = within(self.codec, z)
        return self.codec.decode(z, self.decoding or GREEDY, seed=self.seed, conditions=self.times(len(z)))


def within(codec: Codec, z: Tensor) -> Tensor:
    """Return z, (..., D), where the model's latents are: where those lie on the unit sphere, its directions."""
    z = z.to(codec.dtype)
    return normalize(z, dim=-1) if codec.model.config.posterior == SPHERE else z
