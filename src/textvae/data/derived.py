"""Sources and texts made from plain texts: the beginning and the rest, a gap and what fills it, the turns so far and the next.

Where a text is cut is a function of the text alone, so that every reading of a corpus cuts it alike.
"""

import hashlib
import re
from collections.abc import Callable, Iterator

from textvae.data.scripts import is_spaceless, script_counts

Pair = tuple[str, str]
"""A source, and the text that answers it."""

GAP = "___"
"""Stands in a source where the text is missing."""

LEAST_WORDS = 4
"""Words, of scripts without spaces characters, that a text needs to be cut in two."""

TURNS = 3
"""Turns that a source holds at most."""

OTHER, OWN = "[A]", "[B]"
"""Marks of the turns of the other side, and of the side that answers."""

_MARK = re.compile(r"(?:^|(?<=\s))\[[AB]\] ")
_WORD, _CHARACTER = re.compile(r"\s*\S+"), re.compile(r"\s*\S")


def completions(text: str) -> Iterator[Pair]:
    """Give the beginning of a text and its rest, cut between words after a fifth to four fifths of them.

    >>> source, rest = next(completions("a b c d e f g h"))
    >>> f"{source} {rest}"
    'a b c d e f g h'
    """
    words = _words(text)
    if len(words) < LEAST_WORDS:
        return
    cut = 1 + _drawn(text, 0, len(words) - 1, low=0.2, high=0.8)
    yield "".join(words[:cut]), "".join(words[cut:]).lstrip()


def fillings(text: str) -> Iterator[Pair]:
    """Give a text with a gap of a fifth to a half of its words, and what stood there.

    >>> source, missing = next(fillings("a b c d e f g h"))
    >>> source.replace("___", missing)
    'a b c d e f g h'
    """
    words = _words(text)
    if len(words) < LEAST_WORDS:
        return
    size = 1 + _drawn(text, 0, len(words) // 2, low=0.4, high=1.0)
    start = _drawn(text, 1, len(words) - size + 1)
    before, missing, after = (
        "".join(part) for part in (words[:start], words[start : start + size], words[start + size :])
    )
    space = missing[: len(missing) - len(missing.lstrip())]
    yield f"{before}{space}{GAP}{after}", missing.lstrip()


def replies(dialogue: str) -> Iterator[Pair]:
    r"""Give each turn but the first of a dialogue, a turn a line, with up to three turns before it as its source.

    >>> list(replies("Hi.\nHello!\nHow are you?"))
    [('[A] Hi.', 'Hello!'), ('[B] Hi. [A] Hello!', 'How are you?')]
    """
    turns = [turn.strip() for turn in dialogue.split("\n") if turn.strip()]
    for number in range(1, len(turns)):
        yield history(turns[:number]), turns[number]


def history(turns: list[str]) -> str:
    """Return the last turns as one source, marked by side; the last is the other side's."""
    marks = (OTHER, OWN)
    kept = turns[-TURNS:]
    return " ".join(f"{marks[(len(kept) - 1 - i) % 2]} {turn}" for i, turn in enumerate(kept))


def unmarked(source: str) -> str:
    """Return the words of a source that `history` made.

    >>> unmarked("[B] Hi. [A] Hello!")
    'Hi. Hello!'
    """
    return _MARK.sub("", source)


DERIVATIONS: dict[str, Callable[[str], Iterator[Pair]]] = {
    "completion": completions,
    "infill": fillings,
    "dialogue": replies,
}


def _words(text: str) -> list[str]:
    """Return words, or where the script has no spaces characters, with the spaces before them; joined they are the text."""
    text = text.strip()
    return (_CHARACTER if is_spaceless(script_counts(text)) else _WORD).findall(text)


def _drawn(text: str, stream: int, size: int, low: float = 0.0, high: float = 1.0) -> int:
    """Return a whole number in [low * size, high * size), the same whenever it is asked for."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, salt=bytes([stream]))
    share = int.from_bytes(digest.digest()) / 2**64
    return min(int(size * (low + (high - low) * share)), size - 1)
