"""Edit texts: their latents are moved to goals, and the texts follow."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from textvae.codec import Codec
from textvae.codec.rewriting import rewrite_texts
from textvae.config import GREEDY
from textvae.config.fields import check_choice, check_count, check_range
from textvae.control.changes import Span, changes
from textvae.control.editing.candidates import candidates
from textvae.control.editing.goals import Goal
from textvae.control.editing.moves import METHODS as MOVES
from textvae.control.editing.moves import opposite, projection
from textvae.control.moves.conditioned import within
from textvae.data.conditions import Conditions
from textvae.decoding.rewriting import Rewriting
from textvae.errors import ConfigError

REWRITE, BEST = "rewrite", "best"
METHODS = (REWRITE, *MOVES, BEST)
SURE = 2.0
"""Log odds, nats, that the encoding of an edited text should give its categories at strength 1. Texts that were made to please a
reading please it more than they should: on short reviews independent judges agree with .9 of them."""
REWRITINGS = (
    (1.0, Rewriting(price=5.0)),
    (1.0, Rewriting(price=4.0)),
    (1.5, Rewriting(price=7.0)),
    (1.5, Rewriting(price=5.0)),
    (2.0, Rewriting(price=8.0)),
)
"""How far z is moved, in strengths, and at which price: from small changes to large ones."""
STEPS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
"""Strengths that `best` tries."""


@dataclass(frozen=True)
class Edited:
    """An edited text.

    Attributes:
        text: itself.
        original: the text before.
        readings: what the attributes read in it, by name.
        met: whether its own encoding meets the goals.
        closeness: share of words in common with the original.
    """

    text: str
    original: str
    readings: dict[str, str | float]
    met: bool
    closeness: float

    def __str__(self) -> str:
        return self.text

    @property
    def changes(self) -> tuple[Span, ...]:
        """What was kept, put in and taken out."""
        return changes(self.original, self.text)


def edit(
    codec: Codec,
    texts: Sequence[str],
    goals: Sequence[Goal],
    *,
    method: str = REWRITE,
    strength: float = 1.0,
    n: int = 1,
    keep: Sequence[str] = (),
    conditions: Conditions | None = None,
) -> list[list[Edited]]:
    """Return edits of each text, the best first: at most n, fewer where candidates are equal.

    `rewrite` moves z by `projection` and changes the text itself at a price, several ways from small changes to large
    ones; `best` decodes z moved by each of the ways and several strengths. Both keep the candidate that meets the goals by its own
    encoding and loses least of the words. `projection`, `mean-difference` and `gradient` decode z moved so, once.

    Args:
        codec: the model.
        texts: N of them.
        goals: one at least.
        method: one of `METHODS`.
        strength: 1: as usual; above, surer of the goals and further from the text.
        n: how many.
        keep: words that stay; of `rewrite`.
        conditions: of the texts; None: none.

    Raises:
        ConfigError: an unknown method, a strength not above 0, or words to keep with another method.
    """
    check_choice("method", method, METHODS)
    check_range("strength", strength, above=0)
    check_count("n", n, 1)
    if keep and method != REWRITE:
        raise ConfigError(f"words are kept by the method {REWRITE}, not by {method}; leave one of them out")
    if not texts:
        return []
    z = codec.posterior(codec.store(texts, conditions)).loc
    found = _proposed(codec, texts, z, goals, method, strength, keep, conditions)
    ranked = candidates(codec, texts, found, goals, strength * SURE, conditions)
    wanted = n if method in (REWRITE, BEST) else 1
    return [
        [Edited(one.text, original, one.readings, one.met, one.closeness) for one in row[:wanted]]
        for original, row in zip(texts, ranked, strict=True)
    ]


def _proposed(
    codec: Codec,
    texts: Sequence[str],
    z: Tensor,
    goals: Sequence[Goal],
    method: str,
    strength: float,
    keep: Sequence[str],
    conditions: Conditions | None,
) -> list[tuple[str, ...]]:
    """Return the candidates of each text."""
    if method == REWRITE:
        columns = [
            rewrite_texts(
                codec,
                texts,
                within(codec, projection(z, goals, strength * share)),
                within(codec, opposite(z, goals, strength * share)),
                how,
                keep=keep,
                conditions=conditions,
            )
            for share, how in REWRITINGS
        ]
    else:
        moves = tuple(MOVES.values()) if method == BEST else (MOVES[method],)
        steps = STEPS if method == BEST else (1.0,)
        columns = [
            codec.decode(within(codec, move(z, goals, strength * step)), GREEDY, conditions=conditions)
            for move in moves
            for step in steps
        ]
    if method in (REWRITE, BEST):
        columns.append(
            list(texts)
        )  # nothing need change where a text is as wanted, or nothing better was found
    return list(zip(*columns, strict=True))
