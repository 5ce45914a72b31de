"""Fonts for labels in pictures: matplotlib's own has no Chinese letters, and a machine may have none that does."""

from collections.abc import Sequence, Set
from functools import cache

OWN = "DejaVu Sans"
"""It comes with matplotlib."""
PREFERRED = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "PingFang SC", "Hiragino Sans GB",
    "Microsoft YaHei", "SimHei", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Noto Sans CJK JP", "Arial Unicode MS",
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
    from matplotlib import font_manager

    names = {entry.name for entry in font_manager.fontManager.ttflist}
    best, most = None, 0
    for name in [name for name in PREFERRED if name in names] + sorted(names - set(PREFERRED) - {OWN}):
        there = len(letters & _letters(name))
        if there == len(letters):
            return name
        if there > most:
            best, most = name, there
    return best


@cache
def _letters(name: str) -> frozenset[str]:
    """Return the characters that a font has, and white space, which it need not have."""
    from matplotlib import font_manager

    try:
        font = font_manager.get_font(font_manager.findfont(name, fallback_to_default=False))
    except (OSError, RuntimeError, ValueError):  # not there, or a kind that matplotlib cannot read
        return frozenset()
    return frozenset(map(chr, font.get_charmap())) | frozenset("\t\n ")
