"""Answers to data that leave slots out, and others in their place.

Dušek and Jurčíček 2016, arXiv:1606.05491, rank the texts of a beam by what a classifier finds missing or added; deviation:
values are looked for in the text itself, additions do not count, and the texts to choose from have latents of their own.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.data.conditions import Conditions
from textvae.evaluation.tasks.slots import Slot, is_said, slots_of
from textvae.tasks.latents import several_latents

DRAWN_TEMPERATURE = 0.7
"""Of the attempts of a model without z, which differ by their tokens alone."""


@dataclass(frozen=True)
class Wanted:
    """The slots, (N,), that answers are to say; empty: none are known."""

    slots: Sequence[Sequence[Slot]] = ()

    @classmethod
    def of(cls, sources: Iterable[Any] | None) -> "Wanted":
        """Return the slots of sources that are data, as name[The Eagle]; of other texts and of None, none."""
        if sources is None:
            return cls()
        return cls([(isinstance(source, str) and slots_of(source)) or [] for source in sources])

    def missing(self, row: int, text: str) -> int:
        """Return how many slots of a row its text leaves out."""
        return sum(not is_said(slot, text) for slot in self.slots[row]) if self.slots else 0


NOTHING = Wanted()


def fuller(
    codec: Codec,
    conditions: Conditions,
    wanted: Wanted,
    firsts: list[str],
    decoding: DecodingConfig,
    *,
    seed: int = 0,
) -> list[str]:
    """Return the first answers, (N,), and in place of those that leave slots out the attempt that leaves out fewest.

    Args:
        codec: a conditional model.
        conditions: N of them.
        wanted: their slots.
        firsts: their first answers.
        decoding: its `complete_of` is how many texts there are to choose from, the first one among them; each other has a z of its
            own (`several_latents`), without z tokens drawn at `DRAWN_TEMPERATURE`.
        seed: of z and tokens.
    """
    short = [row for row, text in enumerate(firsts) if wanted.missing(row, text)]
    others = decoding.complete_of - 1
    if not short or not others:
        return firsts
    z = several_latents(codec, conditions, others, decoding.prior_temperature, seed=seed)[short].flatten(0, 1)
    if not codec.model.config.has_latent:
        decoding = dataclasses.replace(decoding, temperature=DRAWN_TEMPERATURE, num_beams=1)
    each = conditions.rows(np.repeat(short, others))
    drawn = list(map(codec.tokenizer.said, codec.decode(z, decoding, seed=seed, conditions=each)))
    found = list(firsts)
    for place, row in enumerate(short):
        attempts = [firsts[row], *drawn[place * others : (place + 1) * others]]
        found[row] = min(attempts, key=lambda text: wanted.missing(row, text))  # the first of those
    return found
