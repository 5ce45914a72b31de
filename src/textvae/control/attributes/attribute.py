"""`Attribute`: a linear reading of z, as a category or a number."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.config.conditions import CATEGORICAL, NUMERIC
from textvae.errors import AttributeValueError

ARRAYS = ("weight", "bias", "means", "covariance")
MIN_GAIN = 0.05
"""Accuracy above the most frequent value's share, or share of variance, below which z hardly tells the attribute; nor does it
within two standard errors of that share."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribute:
    """What tells an attribute from posterior means, as numbers that belong to one model; none of the texts is in it.

    Of categories: log p(c|z) = log_softmax(W z + b). Of a number: v ~ N(w·z + b, deviation²).

    Attributes:
        name: of the attribute.
        model: what tells the weights apart that it belongs to.
        kind: categorical or numeric.
        values: C categories, most frequent first; of a number none.
        weight: (C, D); of a number (1, D).
        bias: (C,).
        means: mean z of each category, (C, D); of a number, of the texts above and below its median, (2, D).
        counts: texts of each category; none of a number, nor of attributes fitted before counts were kept.
        covariance: of z among the texts, (D, D), shrunk (Ledoit and Wolf 2004): which moves stay where texts are.
        deviation: of a number about its prediction, cross-validated; 0 of categories.
        span: of a number, its 5th and 95th percentile among the texts.
        num_texts: it was fitted to.
        score: cross-validated: share of texts told right, or of a number's variance that is explained.
        base: what always naming the most frequent category scores; 0 of a number.
        calibration_error: expected, of the probabilities, cross-validated (Guo et al. 2017, arXiv:1706.04599, eq. 3).
        seed: of the folds.
    """

    name: str
    model: str
    kind: str = CATEGORICAL
    values: tuple[str, ...] = ()
    weight: np.ndarray
    bias: np.ndarray
    means: np.ndarray
    covariance: np.ndarray
    counts: tuple[int, ...] = ()
    deviation: float = 0.0
    span: tuple[float, float] = (0.0, 0.0)
    num_texts: int
    score: float
    base: float = 0.0
    calibration_error: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        object.__setattr__(self, "counts", tuple(self.counts))
        object.__setattr__(self, "span", tuple(self.span))

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.kind == NUMERIC

    def logits(self, z: Tensor) -> Tensor:
        """Return W z + b, (N, C), of z, (N, D)."""
        weight = torch.from_numpy(self.weight).to(z)
        return z @ weight.T + torch.from_numpy(self.bias).to(z)

    def log_probs(self, z: Tensor) -> Tensor:
        """Return log p(c|z), (N, C), of an attribute of categories."""
        return self.logits(z).log_softmax(-1)

    def log_prob(self, z: Tensor, value: str | float) -> Tensor:
        """Return the log probability, of a number the log density, of one value: (N,) nats, for z (N, D)."""
        if not self.is_number:
            return self.log_probs(z)[:, self.place(value)]
        off = (self.logits(z)[:, 0] - self.number(value)) / self.deviation
        return -0.5 * off.square() - math.log(self.deviation * math.sqrt(2 * math.pi))

    def place(self, value: str | float) -> int:
        """Return the row of a category.

        Raises:
            AttributeValueError: an unknown one; those it has are listed.
        """
        if str(value).strip() not in self.values:
            raise AttributeValueError(f"{self.name} is {value!r}; it can be {', '.join(self.values)}")
        return self.values.index(str(value).strip())

    def number(self, value: str | float) -> float:
        """Return a value of a number.

        Raises:
            AttributeValueError: it is none.
        """
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            low, high = self.span
            raise AttributeValueError(
                f"{self.name} is {value!r}; it is a number, mostly from {low:.4g} to {high:.4g}"
            )
        return number

    def check(self, value: str | float) -> None:
        """Check that the attribute can have a value.

        Raises:
            AttributeValueError: it cannot.
        """
        _ = self.number(value) if self.is_number else self.place(value)

    def read(self, z: Tensor) -> list[str] | list[float]:
        """Return the likeliest category of each z, (N, D), or the number."""
        logits = self.logits(z)
        if self.is_number:
            return logits[:, 0].tolist()
        return [self.values[place] for place in logits.argmax(1).tolist()]

    def record(self) -> dict[str, Any]:
        """Return the fields but for the arrays, by name, as JSON can hold them."""
        names = (field.name for field in dataclasses.fields(self))
        return {name: getattr(self, name) for name in names if name not in ARRAYS}

    def warnings(self) -> tuple[str, ...]:
        """Return sentences on what will not work well."""
        doubt = 0.0 if self.is_number else 2 * math.sqrt(self.base * (1 - self.base) / self.num_texts)
        if self.score - self.base >= max(MIN_GAIN, doubt):
            return ()
        chance = (
            "no better than the mean" if self.is_number else f"always {self.values[0]!r}: {self.base:.2f}"
        )
        return (
            f"z hardly tells {self.name} ({self.score:.2f}; {chance}): more labels, or a model of a higher rate, may",
        )
