"""What texts are counted in: words, or single letters where a script puts no space between words."""

from collections.abc import Callable
from functools import cache
from typing import Any

from textvae.data.scripts import is_spaceless, is_spaceless_letter, script_counts
from textvae.errors import MissingExtraError

Split = Callable[[str], list[str]]
"""A text to its units."""

LETTERS, CHINESE_WORDS = "words; single letters in scripts without spaces", "words (Chinese by rjieba)"
"""How reports name `units` and `chinese_words`."""


def units(text: str) -> list[str]:
    """Split at white space, and around every letter of a script without spaces.

    >>> units("I like 苹果 pie.")
    ['I', 'like', '苹', '果', 'pie.']
    """
    if text.isascii():
        return text.split()
    return "".join(f" {char} " if is_spaceless_letter(char) else char for char in text).split()


def stands_in(wanted: str, text: str) -> bool:
    """Return whether a text has what is wanted: as whole words where spaces part words, else anywhere.

    >>> stands_in("tea", "a teapot"), stands_in("咖啡", "我喜欢咖啡"), stands_in("KFC", "去KFC吃饭"), stands_in("50", "150元")
    (False, True, True, False)
    """
    if is_spaceless(script_counts(wanted)):
        return wanted in text
    start = text.find(wanted)
    while start >= 0:
        around = text[start - 1 : start] + text[start + len(wanted) :][:1]
        if not any(_is_inside_word(char) for char in around):
            return True
        start = text.find(wanted, start + 1)
    return False


def _is_inside_word(char: str) -> bool:
    return (char.isalnum() or char == "_") and not is_spaceless_letter(char)


def chinese_words(text: str) -> list[str]:
    """Split into words as rjieba, a port of jieba, finds them in Chinese; elsewhere at white space.

    Raises:
        MissingExtraError: rjieba is not installed.
    """
    return [word for part in text.split() for word in _rjieba().cut(part)]


@cache
def _rjieba() -> Any:
    try:
        import rjieba
    except ImportError as error:
        raise MissingExtraError("rjieba", "eval") from error
    return rjieba
