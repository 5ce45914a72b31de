"""Which of several candidates an edit takes: one that meets its goals, and of those the closest and most fluent."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.control.changes import kept_share
from textvae.control.editing.goals import Goal, shortfall
from textvae.data.conditions import Conditions

FLUENCY = 0.1
"""Share of words kept that one nat a token of likelihood is worth."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Candidate:
    """A text that an edit may end with.

    Attributes:
        text: itself.
        readings: what the goals' attributes read in it, by name.
        met: whether its own encoding reads as wanted.
        missing: nats by which it reads so less surely than it should; 0: sure enough.
        closeness: share of words in common with the original, see `kept_share`.
        fluency: log p(x|z) of its own posterior mean, nats a token.
    """

    text: str
    readings: dict[str, str | float]
    met: bool
    missing: float
    closeness: float
    fluency: float

    @property
    def rank(self) -> tuple[float, float]:
        """What is smallest for the best one: what it misses, then what it loses of closeness and fluency."""
        return (self.missing if self.missing > TOLERANCE else 0.0), -self.closeness - FLUENCY * self.fluency


def candidates(
    codec: Codec,
    original: Sequence[str],
    texts: Sequence[Sequence[str]],
    goals: Sequence[Goal],
    margin: float,
    conditions: Conditions | None = None,
) -> list[list[Candidate]]:
    """Measure the candidates of each text, best first; equal ones count once.

    A text that meets the goals as it is needs no margin: nothing was done to it to please the reading.

    Args:
        codec: the model, which reads the candidates.
        original: N texts.
        texts: candidates of each.
        goals: what they should be.
        margin: log odds that a category needs.
        conditions: of the texts; None: none.
    """
    found = [list(dict.fromkeys(row)) for row in texts]
    flat = [text for row in found for text in row]
    owners = [number for number, row in enumerate(found) for _ in row]
    given = None if conditions is None else conditions.rows(torch.tensor(owners).numpy())
    store = codec.store(flat, given)
    z = codec.posterior(store).loc
    names = [goal.attribute.name for goal in goals]
    readings = zip(*(goal.attribute.read(z.double()) for goal in goals), strict=True)
    unchanged = torch.tensor([text == original[owner] for text, owner in zip(flat, owners, strict=True)])
    lack = shortfall(goals, z.double(), 0.0)
    met = (lack <= TOLERANCE).tolist()
    missing = torch.where(unchanged & (lack <= TOLERANCE), 0.0, shortfall(goals, z.double(), margin)).tolist()
    fluency = _fluency(codec, flat, z, given)
    measured = [
        Candidate(
            text, dict(zip(names, read, strict=True)), good, lack, kept_share(original[owner], text), nats
        )
        for text, read, good, lack, owner, nats in zip(
            flat, readings, met, missing, owners, fluency, strict=True
        )
    ]
    rows: list[list[Candidate]] = [[] for _ in original]
    for owner, one in zip(owners, measured, strict=True):
        rows[owner].append(one)
    return [sorted(row, key=lambda one: one.rank) for row in rows]


def _fluency(codec: Codec, texts: Sequence[str], z: Tensor, conditions: Conditions | None) -> list[float]:
    store = codec.store(texts, conditions)
    return (codec.log_likelihood(store, z) / torch.from_numpy(store.lengths + 1)).tolist()
