"""Whether a model is too lossy for work on given texts: what comes back of them from their posterior means."""

from collections.abc import Sequence
from dataclasses import dataclass

from textvae.codec import Codec
from textvae.config import GREEDY
from textvae.control.changes import kept_share
from textvae.data.conditions import Conditions

FAITHFUL_SHARE = 0.8
"""Of the words; with fewer, what a move changes drowns in what the model changes anyway."""


@dataclass(frozen=True)
class Fidelity:
    """What came back of texts.

    Attributes:
        share: of words that a text and its reconstruction have in common, mean over texts; see `kept_share`.
        num_texts: how many.
    """

    share: float
    num_texts: int

    @classmethod
    def between(cls, texts: Sequence[str], reconstructions: Sequence[str]) -> "Fidelity":
        """Compare texts, one at least, with their reconstructions."""
        shares = [kept_share(a, b) for a, b in zip(texts, reconstructions, strict=True)]
        return cls(sum(shares) / len(shares), len(shares))

    @property
    def is_lossy(self) -> bool:
        """Whether too little comes back for work on these texts."""
        return self.share < FAITHFUL_SHARE

    @property
    def warning(self) -> str | None:
        """A sentence for who works on these texts, with the remedy; None where enough comes back."""
        if not self.is_lossy:
            return None
        what = "this text's words come" if self.num_texts == 1 else "these texts' words come"
        return (
            f"this model is lossy: {self.share:.0%} of {what} back from z, the rest is its own; "
            "train with --for editing for faithful ones"
        )


def fidelity(codec: Codec, texts: Sequence[str], conditions: Conditions | None = None) -> Fidelity:
    """Encode texts, decode their posterior means greedily, and compare.

    Args:
        codec: the model.
        texts: one at least.
        conditions: of each; None: none.
    """
    return Fidelity.between(texts, codec.reconstruct(texts, GREEDY, conditions=conditions))
