"""Fonts for labels in pictures: matplotlib's own has no Chinese letters, and a machine may have none that does."""

from collections.abc import Sequence, Set
from functools import cache

OWN = "DejaVu Sans"
"""It comes with matplotlib."""
PREFERRED = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Sans CJK TC", "Noto Sans CJK JP", "Arial Unicode MS",
)  # fmt: skip
"""Looked at first: sans-serif, with most letters."""


def family(text: str) -> list[str]:
    """Return the names of the fonts with which matplotlib draws `text`: its own, and the one that has most of what that lacks."""
    missing = frozenset(text) - _letters(OWN)
    other = _font_with(missing) if missing else None
    return [OWN] if other is None else [OWN, other]


def can_draw(fonts: Sequence[str], text: str) -> bool:
    """Say whether fonts have all letters of a text."""
    return frozenset(text) <= frozenset[str]().union(*map(_letters, fonts))


def _font_with(letters: Set[str]) -> str | None:
    """Return the first font that has all letters, else the one that has most of them; None: no font has any."""
    names = _files().keys() - {OWN, *PREFERRED}
    best, most = None, 0
    for name in (*(name for name in PREFERRED if name in _files()), *sorted(names)):
        there = len(letters & _letters(name))
        if there == len(letters):
            return name
        if there > most:
            best, most = name, there
    return best


@cache
def _letters(name: str) -> frozenset[str]:
    """Return the characters that a font has, and white space, which it need not have."""
    from matplotlib.font_manager import get_font

    try:
        found = map(chr, get_font(_files()[name]).get_charmap())
    except (OSError, RuntimeError):  # gone, or of a kind that matplotlib cannot read
        return frozenset()
    return frozenset(found) | frozenset("\t\n ")


@cache
def _files() -> dict[str, str]:
    """Return a file of each font that matplotlib knows, but for the one that comes with it and has a box for each letter."""
    from matplotlib.font_manager import fontManager

    return {entry.name: entry.fname for entry in fontManager.ttflist if "Last Resort" not in entry.name}
