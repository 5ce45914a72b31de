"""What changed from one text to another: words, or single letters in scripts without spaces."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from textvae.data.scripts import is_spaceless_letter

Kind = Literal["kept", "added", "removed"]

_WORD = re.compile(r"\w+(?:[-'’]\w+|(?<=\d)[.,]\d+)*|\S")
"""A run of letters and digits, with what joins them in one word (don't, 3.5), or any other sign."""


@dataclass(frozen=True)
class Span:
    """A part of a text that changed as a whole, or not at all."""

    text: str
    kind: Kind
    """added: only in the text afterwards; removed: only in the one before."""


def changes(before: str, after: str) -> tuple[Span, ...]:
    """Return what is kept, added and removed, in order; all but the removed, put together, is `after` to the letter.

    Spaces do not count as changes: those around added words belong to what is kept.

    >>> [(span.kind, span.text) for span in changes("the food was cold", "the food was really good")]
    [('kept', 'the food was '), ('removed', 'cold'), ('added', 'really good')]
    >>> [(span.kind, span.text) for span in changes("我不喜欢", "我很喜欢")]
    [('kept', '我'), ('removed', '不'), ('added', '很'), ('kept', '喜欢')]
    """
    old, new = list(_places(before)), list(_places(after))
    parts: list[tuple[Kind, str]] = []
    end = 0  # of what is told of `after`
    for tag, a, b, c, d in _matcher(before, old, after, new).get_opcodes():
        if tag != "equal" and b > a:
            parts.append(("removed", before[old[a][0] : old[b - 1][1]]))
        if d > c:
            start, stop = new[c][0], new[d - 1][1]
            gap: tuple[Kind, str] = ("kept", after[end:start])
            # Spaces stand before what was removed, where something else takes its place.
            parts.insert(len(parts) - (tag == "replace"), gap)
            parts.append(("kept" if tag == "equal" else "added", after[start:stop]))
            end = stop
    parts.append(("kept", after[end:]))
    return tuple(_merged(parts))


def kept_share(before: str, after: str) -> float:
    """Return the share of words that two texts have in common, in order: 2 common ones / words of both; 1 for two blank ones.

    >>> kept_share("the food was cold", "the food was good")
    0.75
    """
    return _matcher(before, list(_places(before)), after, list(_places(after))).ratio()


def _matcher(
    before: str, old: Sequence[tuple[int, int]], after: str, new: Sequence[tuple[int, int]]
) -> SequenceMatcher[str]:
    words = [before[slice(*place)] for place in old], [after[slice(*place)] for place in new]
    return SequenceMatcher(None, *words, autojunk=False)


def _places(text: str) -> Iterator[tuple[int, int]]:
    """Yield where words, signs, and letters of scripts without spaces begin and end."""
    for found in _WORD.finditer(text):
        start = found.start()
        for is_alone, run in groupby(found.group(), is_spaceless_letter):
            length = sum(1 for _ in run)
            yield from (
                ((start + i, start + i + 1) for i in range(length))
                if is_alone
                else ((start, start + length),)
            )
            start += length


def _merged(parts: Sequence[tuple[Kind, str]]) -> Iterator[Span]:
    for kind, several in groupby(parts, key=lambda part: part[0]):
        if text := "".join(text for _, text in several):
            yield Span(text, kind)
