"""Persons: authors and speakers that training did not know, as values of a condition."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

PERSON = "person"
"""What a person without a label is called among the conditions."""

ARRAYS = ("embedding", "profile")
"""What a person is made of."""

FEW_TEXTS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Person:
    """An author or speaker, as numbers that belong to one model; none of the texts is in it.

    Attributes:
        name: of the person.
        model: what tells the weights apart that it belongs to.
        label: the label of which it is a new value; None: of none.
        embedding: of that value, (C,); None: it has none.
        profile: means and standard deviations of a Gaussian over z that takes the place of p(z), (2, D); None: p(z).
        num_texts: it was fitted to.
        gain: nats a text by which the bound on log p(x) of held-out texts of the person rises; None: not measured.
        steps: of gradient that the embedding took.
        seed: of the fit.
    """

    name: str
    model: str
    label: str | None = None
    embedding: np.ndarray | None = None
    profile: np.ndarray | None = None
    num_texts: int
    gain: float | None = None
    steps: int = 0
    seed: int = 0

    @property
    def condition(self) -> str:
        """The name of the condition that it is a value of."""
        return self.label or PERSON

    @property
    def parts(self) -> tuple[str, ...]:
        """What it is made of: embedding, profile."""
        return tuple(name for name in ARRAYS if getattr(self, name) is not None)

    def record(self) -> dict[str, Any]:
        """Return the fields but for the arrays, by name, as JSON can hold them."""
        names = (field.name for field in dataclasses.fields(self))
        return {name: getattr(self, name) for name in names if name not in ARRAYS}

    def warnings(self) -> tuple[str, ...]:
        """Return sentences on what will not work well."""
        found = []
        if self.num_texts < FEW_TEXTS:
            found.append(f"few texts ({self.num_texts}) say little of a person; give at least {FEW_TEXTS}")
        if self.gain is not None and self.gain <= 0:
            found.append(
                f"held-out texts of {self.name} are no likelier under it ({self.gain:+.2f} nats a text): "
                "the model does not tell this person from others; more texts may help"
            )
        return tuple(found)
