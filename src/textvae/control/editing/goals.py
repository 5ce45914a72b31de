"""`Goal`: the value that an attribute should have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from textvae.config.fields import check_range
from textvae.control.attributes.attribute import Attribute
from textvae.errors import AttributeValueError

NUMBER_SLACK = 0.5
"""Standard deviations of its reading by which a number may miss, at strength 1."""


@dataclass(frozen=True)
class Goal:
    """An attribute and its wanted value.

    Attributes:
        attribute: what is read from z.
        value: a category or a number.
        weight: of this goal among several.
    """

    attribute: Attribute
    value: str | float
    weight: float = 1.0

    def __post_init__(self) -> None:
        self.attribute.check(self.value)
        check_range("weight", self.weight, above=0)

    def line(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return a and b, (N, D) and (N,), of the reading a·z + b.

        Of a category: its log odds against the strongest other one at z. Of a number: the standard deviations it is off.
        """
        weight, bias = (torch.from_numpy(part).to(z) for part in (self.attribute.weight, self.attribute.bias))
        if self.attribute.is_number:
            deviation = self.attribute.deviation
            wanted = self.attribute.number(self.value)
            return weight.expand(len(z), -1) / deviation, ((bias - wanted) / deviation).expand(len(z))
        place = self.attribute.place(self.value)
        others = (z @ weight.T + bias).index_fill(1, torch.tensor([place], device=z.device), float("-inf"))
        rivals = others.argmax(1)
        return weight[place] - weight[rivals], bias[place] - bias[rivals]

    def reading(self, z: Tensor) -> Tensor:
        """Return log odds of the category, or standard deviations that the number is off: (N,)."""
        slope, offset = self.line(z)
        return (slope * z).sum(1) + offset

    def shortfall(self, z: Tensor, margin: float) -> Tensor:
        """Return by how much z misses the goal, (N,) >= 0.

        Of a category: nats of log odds below `margin`. Of a number: nats of log density lost beyond `NUMBER_SLACK`.
        """
        reading = self.reading(z)
        if not self.attribute.is_number:
            return self.weight * (margin - reading).clamp(min=0)
        return self.weight * 0.5 * (reading.square() - NUMBER_SLACK**2).clamp(min=0)


def wanted_of(values: Mapping[str, Any] | None, others: Mapping[str, Any]) -> dict[str, Any]:
    """Return what attributes are to be, from a mapping and from keyword arguments.

    Raises:
        AttributeValueError: the first is no mapping.
    """
    if values is not None and not isinstance(values, Mapping):
        raise AttributeValueError(
            f"set is {values!r:.40}; give values by name, as {{'sentiment': 'positive'}}"
        )
    return {**(values or {}), **others}


def goals_of(
    attributes: Mapping[str, Attribute], wanted: Mapping[str, Any], weights: Mapping[str, float] | None = None
) -> list[Goal]:
    """Return goals by the attributes' names.

    Raises:
        AttributeNotFittedError: an attribute that was not fitted.
        AttributeValueError: a value that it cannot have, or nothing wanted.
    """
    if not wanted:
        raise AttributeValueError("an edit needs a goal; give one, as sentiment=positive")
    weights = weights or {}
    return [Goal(attributes[name], value, weights.get(name, 1.0)) for name, value in wanted.items()]


def shortfall(goals: Sequence[Goal], z: Tensor, margin: float) -> Tensor:
    """Return by how much each z, (N, D), misses its goals together, (N,)."""
    return torch.stack([goal.shortfall(z, margin) for goal in goals]).sum(0)
