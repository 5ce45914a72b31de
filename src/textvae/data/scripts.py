"""Which writing systems a text uses: letters counted by script, by code-point ranges."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

_RANGES = {
    "latin": "41-5A 61-7A AA BA C0-D6 D8-F6 F8-2AF 1E00-1EFF 2C60-2C7F A722-A7FF FF21-FF3A FF41-FF5A",
    "greek": "370-373 376-377 37B-37D 37F 386 388-3FF 1F00-1FFF",
    "cyrillic": "400-481 48A-52F 1C80-1C8A 2DE0-2DFF A640-A69F",
    "hebrew": "5D0-5EA 5EF-5F2 FB1D-FB4F",
    "arabic": "620-64A 66E-6D3 6D5 6FA-6FC 750-77F 8A0-8C9 FB50-FBB1 FBD3-FD3D FD50-FDFB FE70-FEFC",
    "devanagari": "900-963 971-97F",
    "thai": "E01-E3A E40-E4E",
    "lao": "E81-EBD EC0-ECE EDC-EDF",
    "myanmar": "1000-103F",
    "khmer": "1780-17D3",
    "hangul": "1100-11FF 3131-318E A960-A97C AC00-D7FB",
    "kana": "3041-3096 309D-309F 30A1-30FA 30FC-30FF 31F0-31FF FF66-FF9F",
    "han": "2E80-2FDF 3005-3007 3400-4DBF 4E00-9FFF F900-FAFF 20000-323AF",
}
SCRIPTS = tuple(_RANGES)
SPACELESS = ("han", "kana", "thai", "lao", "myanmar", "khmer")
"""Scripts that put no space between words."""

_LETTERS_A_WORD = 3
"""Letters of spaced scripts that weigh as much as one of a spaceless script (an English word: about 5; a Chinese: 1.6)."""


def _boundaries() -> tuple[np.ndarray, np.ndarray]:
    """Return range starts and, for each, the script's number; -1: not in any range."""
    spans = []
    for number, text in enumerate(_RANGES.values()):
        for span in text.split():
            low, _, high = span.partition("-")
            spans.append((int(low, 16), int(high or low, 16) + 1, number))
    starts, numbers = [0], [-1]
    for low, end, number in sorted(spans):
        if starts[-1] == low:
            numbers[-1] = number
        else:
            starts.append(low)
            numbers.append(number)
        starts.append(end)
        numbers.append(-1)
    return np.array(starts, dtype=np.uint32), np.array(numbers)


_STARTS, _NUMBERS = _boundaries()


def script_counts(text: str) -> Counter[str]:
    """Count the letters of `text` by script; letters of scripts not listed are "other".

    Digits, punctuation and spaces are not letters.

    >>> sorted(script_counts("我们 love 2 eat!").items())
    [('han', 2), ('latin', 7)]
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    numbers = _NUMBERS[np.searchsorted(_STARTS, codes, side="right") - 1]
    tally = np.bincount(numbers + 1, minlength=len(SCRIPTS) + 1)[1:]
    counts = Counter({name: int(count) for name, count in zip(SCRIPTS, tally, strict=True) if count})
    if other := _other_letters(codes[(numbers < 0) & (codes >= 0x80)]):
        counts["other"] = other
    return counts


def _other_letters(codes: np.ndarray) -> int:
    unique, counts = np.unique(codes, return_counts=True)
    return sum(int(n) for code, n in zip(unique, counts, strict=True) if chr(code).isalpha())


def is_spaceless(counts: Mapping[str, int]) -> bool:
    """Say whether scripts without spaces hold most of the *words*, from `script_counts`.

    A letter of a spaceless script weighs as three of the others, so that Chinese with English words in it is Chinese.

    >>> is_spaceless(script_counts("我喜欢用 Python 写程序"))
    True
    """
    spaceless = _total(counts, SPACELESS)
    spaced = sum(counts.values()) - spaceless
    return spaceless * _LETTERS_A_WORD > spaced


@lru_cache(maxsize=1 << 16)
def is_spaceless_letter(char: str) -> bool:
    """Say whether one character is a letter of a script without spaces."""
    return any(script in SPACELESS for script in script_counts(char))


def _total(counts: Mapping[str, int], names: Iterable[str]) -> int:
    return sum(counts.get(name, 0) for name in names)
