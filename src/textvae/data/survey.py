"""One pass over a corpus that measures its texts."""

import re
from collections import Counter

from textvae.data.histograms import DistinctCounter, LengthCounter
from textvae.data.scripts import script_counts
from textvae.data.sources import Corpus
from textvae.data.splits import text_hash

_PREVIEW_CHARS = 120
_BATCH_CHARS = 1 << 18
_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SPACELESS = re.compile(
    "[\u0e01-\u0e4e\u0e81-\u0ede\u1000-\u103f\u1780-\u17d3\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af]"
)


class Survey:
    """One pass over the texts."""

    def __init__(self, corpus: Corpus) -> None:
        self.num_texts = 0
        self.characters, self.words = LengthCounter(), LengthCounter()
        self.distinct = DistinctCounter()
        self.scripts: Counter[str] = Counter()
        self.alphabet: set[str] = set()
        self.num_nul = self.num_control = self.num_replacement = 0
        self.longest, longest = "", 0
        self._batch: list[str] = []
        self._batch_chars = 0
        for text in corpus:
            self._add(text)
            if len(text) > longest:
                longest, self.longest = len(text), preview(text)
        self._flush()

    def _add(self, text: str) -> None:
        self.num_texts += 1
        self.characters.add(len(text))
        self.words.add(num_words(text))
        self.distinct.add(text_hash(text, 0))
        self._batch.append(text)
        self._batch_chars += len(text)
        if self._batch_chars >= _BATCH_CHARS:
            self._flush()

    def _flush(self) -> None:
        """Count characters over many texts at once, which is much faster than over each."""
        joined = "".join(self._batch)
        self._batch, self._batch_chars = [], 0
        self.scripts.update(script_counts(joined))
        self.alphabet.update(joined)
        self.num_nul += joined.count("\0")
        self.num_control += sum(1 for _ in _CONTROL.finditer(joined))
        self.num_replacement += joined.count("\ufffd")


def num_words(text: str) -> int:
    """Count words between spaces, and each character of scripts without spaces as one.

    >>> num_words("It's fine."), num_words("老师，您好！"), num_words("我用 Python 3")
    (2, 4, 4)
    """
    if text.isascii():
        return len(text.split())
    rest, num_spaceless = _SPACELESS.subn(" ", text)
    if not num_spaceless:
        return len(text.split())
    return num_spaceless + sum(1 for word in rest.split() if any(map(str.isalnum, word)))


def preview(text: str) -> str:
    """Return the beginning of a text on one line, control characters made visible."""
    start = text[:_PREVIEW_CHARS]
    shown = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in start)
    return shown + "…" if len(text) > _PREVIEW_CHARS else shown
