"""Guess the encoding of bytes that are not UTF-8.

charset-normalizer knows nearly a hundred encodings and so takes French in Latin-1 for cp775 and one sentence of Big5
for Shift JIS. The few encodings that most old files are in are therefore tried first: one of them is believed where
nearly all its non-ASCII characters are everyday ones. charset-normalizer answers for the rest.
"""

import codecs
from collections import Counter
from collections.abc import Callable

SAMPLE_BYTES = 1 << 16
_CONFIDENT = 0.8
_DAMAGED_SHARE = 0.2
_WESTERN = frozenset("àâäáãåæçèéêëìíîïñòóôöõøœùúûüÿßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØŒÙÚÛÜ«»’‘“”–—…•°€£§©®™¿¡\xa0·")
_CJK_MARKS = frozenset("“”‘’—…·～、。〈〉《》「」『』【】〔〕\u3000")


def detect_encoding(sample: bytes) -> str | None:
    """Return the name of the likeliest encoding of `sample`, or None.

    "utf-8" means UTF-8 with a few damaged bytes.
    """
    sample = sample[:SAMPLE_BYTES]
    if _is_damaged_utf8(sample):
        return "utf-8"
    scores = {name: _score(sample, name, ordinary) for name, ordinary in _CANDIDATES.items()}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _CONFIDENT else _ask_charset_normalizer(sample)


def _is_damaged_utf8(sample: bytes) -> bool:
    text = sample.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    good = sum(not char.isascii() for char in text) - bad
    return bad <= _DAMAGED_SHARE * good


def _ask_charset_normalizer(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(sample).best()
    return best.encoding if best is not None else None


def _score(sample: bytes, name: str, ordinary: Callable[[Counter[str]], int]) -> float:
    """Return the share of non-ASCII characters that are everyday ones; 0 where the bytes do not decode."""
    try:
        text = codecs.getincrementaldecoder(name)().decode(sample)  # a character cut at the end is left out
    except UnicodeDecodeError:
        return 0.0
    counts = Counter(text)
    total = sum(n for char, n in counts.items() if not char.isascii())
    return ordinary(counts) / total if total else 0.0


def _is_cjk_mark(char: str) -> bool:
    return char in _CJK_MARKS or "\uff01" <= char <= "\uff5e"


def _lead_byte(char: str, charset: str) -> int:
    """Return the first byte of `char` in `charset`; 0 where it has none or is ASCII."""
    try:
        code = char.encode(charset)
    except UnicodeEncodeError:
        return 0
    return code[0] if len(code) == 2 else 0


def _common(charset: str, first: int, last: int) -> Callable[[Counter[str]], int]:
    """Count characters in the rows of `charset` that hold its everyday characters."""

    def count(counts: Counter[str]) -> int:
        return sum(n for c, n in counts.items() if _is_cjk_mark(c) or first <= _lead_byte(c, charset) <= last)

    return count


def _japanese(counts: Counter[str]) -> int:
    kana = sum(n for char, n in counts.items() if "\u3041" <= char <= "\u30fe")
    rest = _common("euc_jp", 0xB0, 0xCF)(counts)
    return kana + rest if kana * 5 > rest else 0


def _korean(counts: Counter[str]) -> int:
    return sum(
        n for c, n in counts.items() if _is_cjk_mark(c) or ("가" <= c <= "힣" and _lead_byte(c, "euc_kr"))
    )


def _russian(counts: Counter[str]) -> int:
    small = sum(n for char, n in counts.items() if "а" <= char <= "я" or char in "ёіїє")
    large = sum(n for char, n in counts.items() if "А" <= char <= "Я")
    marks = sum(n for char, n in counts.items() if char in "«»–—№…\xa0")
    if small <= _num_plain(counts):  # French read as Russian: a few letters among many plain ones
        return 0
    return small + marks + min(large, small // 4)  # mostly capitals: KOI8 misread


def _western(counts: Counter[str]) -> int:
    known = sum(n for char, n in counts.items() if char in _WESTERN)
    return known if _num_plain(counts) > known else 0  # accented letters stand among plain ones


def _num_plain(counts: Counter[str]) -> int:
    return sum(n for char, n in counts.items() if char.isascii() and char.isalpha())


_CANDIDATES: dict[str, Callable[[Counter[str]], int]] = {
    "cp949": _korean,  # before gb18030, in whose everyday rows all Korean falls
    "euc_jp": _japanese,
    "cp932": _japanese,
    "gb18030": _common("gb2312", 0xB0, 0xD7),
    "big5": _common("big5", 0xA4, 0xC6),
    "cp1251": _russian,
    "koi8_r": _russian,
    "cp1252": _western,
}
