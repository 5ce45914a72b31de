"""What the training texts hold that decoding may keep to: their words, or their pairs of neighbouring characters."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from textvae.config.fields import check_choice
from textvae.data.normalization import normalized
from textvae.data.tokenizer_defaults import mostly_spaceless
from textvae.data.tokenizers import Tokenizer
from textvae.errors import DataError

WORDS, PAIRS = "words", "pairs"
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True)
class Known:
    """Entries of one kind, and their file.

    Raises:
        ConfigError: an unknown kind.
    """

    kind: str
    """words, as `word_list` gives them; pairs, as `character_pairs` does."""
    entries: tuple[str, ...]

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, (WORDS, PAIRS))

    def joined(self, other: "Known | None") -> "Known":
        """Return these entries, then those of `other` that are not among them; of another kind: these alone."""
        if other is None or other.kind != self.kind:
            return self
        return Known(self.kind, tuple(dict.fromkeys((*self.entries, *other.entries))))

    def to_json(self) -> bytes:
        """Return the file: a JSON object with `kind` and `entries`."""
        record = {"kind": self.kind, "entries": self.entries}
        return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """Undo `to_json`.

        Raises:
            ConfigError: an unknown kind.
            DataError: it is no such file.
        """
        try:
            record = json.loads(content.decode("utf-8", "surrogatepass"))
            kind, entries = record["kind"], record["entries"]
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"a JSON object with kind and entries is needed: {error}") from error
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise DataError("entries is no list of strings")
        return cls(kind, tuple(entries))


def known_entries(texts: Iterable[str], tokenizer: Tokenizer) -> Known | None:
    """Return the words of `texts` where spaces part them, else their pairs of characters; None where neither helps.

    Word tokenizers cannot misspell; characters of a script with spaces, and subwords of one without, are left alone.

    Args:
        texts: re-iterable.
        tokenizer: the model's.
    """
    spaceless = mostly_spaceless(texts)
    if tokenizer.kind in ("bpe", "unigram") and not spaceless:
        kind, entries = WORDS, word_list(texts)
    elif tokenizer.kind == "char" and spaceless:
        kind, entries = PAIRS, character_pairs(normalized([text], tokenizer.normalize)[0] for text in texts)
    else:
        return None
    return Known(kind, tuple(entries)) if entries else None


def word_list(texts: Iterable[str], limit: int = 200_000) -> list[str]:
    """Return the whitespace-delimited words, punctuation stripped from their edges, most frequent first.

    >>> word_list(['A rose is a rose, "a rose"!'])
    ['rose', 'a', 'A', 'is']
    """
    units: Counter[str] = Counter()
    for text in texts:
        units.update(text.split())
    words: Counter[str] = Counter()
    for unit, count in units.items():
        words[_EDGES.sub("", unit)] += count
    words.pop("", None)
    return sorted(words, key=lambda word: (-words[word], word))[:limit]


def character_pairs(texts: Iterable[str], limit: int = 500_000) -> list[str]:
    """Return the pairs of neighbouring characters of `texts`, and each character that ends one, sorted.

    Nothing is returned where there are more than `limit`: a corpus of that size teaches its words by itself.

    >>> character_pairs(["你好。", "好。"])
    ['。', '你好', '好。']
    """
    found: set[str] = set()
    for text in texts:
        found.update(map("".join, pairwise(text)), text[-1:])
        if len(found) > limit:
            return []
    return sorted(found)
