"""What held-out texts say of a model, as numbers. Nothing here needs torch: `info` reads it from a run's files."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from textvae.config.presets import FAITHFUL_NATS

LARGEST = 700.0
"""The logarithm of the largest perplexity that is told; e to the power of 710 is no float."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Means over held-out texts, nats a sentence."""

    distortion: float
    """One posterior sample a text."""
    rate: float
    """In closed form, or estimated at that sample: see `distributions.rates`."""
    active_units: int
    """Dimensions whose posterior mean (`loc`) has variance of at least .01 over the texts."""
    num_targets: int
    """All target tokens, `</s>` counted."""
    num_texts: int
    z_shuffle_gain: float | None = None
    """By which another text's z is worse, over some of the texts; None: a single text, or no z."""
    condition_shuffle_gain: float | None = None
    """By which another text's condition is worse, over the same; None: no conditions."""

    @property
    def neg_elbo(self) -> float:
        """Distortion + rate."""
        return self.distortion + self.rate

    @property
    def targets_per_text(self) -> float:
        """Mean length in tokens, `</s>` counted."""
        return self.num_targets / self.num_texts

    @property
    def perplexity(self) -> float:
        """exp(-ELBO) a token, `</s>` counted: an upper bound of the model's."""
        return math.exp(min(self.neg_elbo / self.targets_per_text, LARGEST))

    @property
    def is_faithful(self) -> bool:
        """Whether z holds enough nats a token for reconstructions to keep most words."""
        return self.rate >= FAITHFUL_NATS * self.targets_per_text

    def record(self) -> dict[str, Any]:
        """Return all measures by name, -ELBO and perplexity among them."""
        return asdict(self) | {"neg_elbo": self.neg_elbo, "perplexity": self.perplexity}
