"""A text with gaps: what is visible of it, and where something is missing."""

import re
from dataclasses import dataclass

from textvae.data.derived import GAP
from textvae.data.scripts import is_spaceless, script_counts
from textvae.errors import DataError

_GAPS = re.compile(rf"(?<![^\W_]){GAP}(?![^\W_])|(?:\.\.\.|…+)\s*\Z")
_GAPS_ANYWHERE = re.compile(rf"{GAP}|(?:\.\.\.|…+)\s*\Z")


@dataclass(frozen=True)
class Gapped:
    """The visible parts of a text, with a gap between each two neighbours.

    Attributes:
        parts: as they stand; the first and the last may be empty.
        spaceless: whether gaps are counted in characters, not words.
    """

    parts: tuple[str, ...]
    spaceless: bool

    @classmethod
    def read(cls, text: str) -> "Gapped":
        """Read a text in which `___` marks a gap, and so does `...` or `…` at the end.

        In a script with spaces a gap takes whole words, so that a mark within a word is none.

        >>> Gapped.read("the ___ was good ...").parts
        ('the ', ' was good ', '')

        Raises:
            DataError: no gap, or two with nothing between them.
        """
        spaceless = is_spaceless(script_counts(text))
        parts = tuple((_GAPS_ANYWHERE if spaceless else _GAPS).split(text))
        if len(parts) == 1:
            raise DataError(
                f"{text!r:.60} has no gap; write {GAP} where words are missing, or ... at the end"
            )
        if not all(part.strip() for part in parts[1:-1]):
            raise DataError(f"{text!r:.60} has two gaps with nothing between them; write one, for more words")
        return cls(parts, spaceless)

    @property
    def visible(self) -> str:
        """What is visible, gaps left out."""
        return " ".join(" ".join(self.parts).split()) if not self.spaceless else "".join(self.parts)

    def joined(self, fillings: list[str]) -> str:
        """Return the text with each gap filled; the visible parts stay as they stand."""
        pieces = [self.parts[0]]
        for filling, part in zip(fillings, self.parts[1:], strict=True):
            pieces += [filling.strip(), part]
        return "".join(pieces)
