"""`Lexicon`: only words seen in training.

A chunk is what stands between white space; its core is the chunk without the edge characters, those that are neither
letters nor digits, at its ends. A text is permitted if every core is empty or a known word. An automaton over the
characters of the chunk decides, not one over its tokens: whichever way a tokenizer cuts a known text, bytes of rare
characters included, every cut is permitted, and nothing else is.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from textvae.data.normalization import normalized
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS, FIRST_BYTE, NUM_BYTES, NUM_SPECIAL
from textvae.errors import TokenizerError

_SPACE = re.compile(r"\s")
_LEADING, _TRAILING = re.compile(r"^[\W_]+"), re.compile(r"[\W_]+\Z")
_CONTINUATION = range(0x80, 0xC0)
_LEAST_CODE = {2: 0x80, 3: 0x800, 4: 0x10000}
"""The first character that takes so many bytes in UTF-8."""

_CLOSED = None
"""The stem of a chunk that can take edge characters only."""


@dataclass(frozen=True)
class _Node:
    """Where a text stands in its current chunk."""

    stem: bytes | None
    """The chunk from its first letter or digit on, UTF-8; empty before that."""
    pending: bytes = b""
    """The first bytes of a character."""


_FRESH, _DONE = _Node(b""), _Node(_CLOSED)


class Lexicon:
    """The known words, and which token may follow where.

    Args:
        words: as `textvae.data.known.word_list` gives them, of the texts as the tokenizer normalises them.
        tokenizer: of a kind with bytes (bpe, unigram, char).

    Raises:
        TokenizerError: a word tokenizer, which needs no lexicon.
    """

    def __init__(self, words: Sequence[str], tokenizer: Tokenizer) -> None:
        if tokenizer.kind == "word":
            raise TokenizerError(
                "a lexicon was asked for a word tokenizer, which makes known words only: drop it"
            )
        self.vocab_size = tokenizer.vocab_size
        self._known = {core.encode("utf-8", "surrogatepass") for core in _cores(words, tokenizer.normalize)}
        self._words = sorted(self._known)
        self._texts = [_text_of(tokenizer, index) for index in range(self.vocab_size)]
        self._index_tokens()
        self._extra: dict[_Node, np.ndarray] = {}
        self._next: dict[tuple[_Node, int], _Node] = {}
        self._kinds: dict[_Node, int] = {}
        self._bases = np.stack(
            [np.zeros(self.vocab_size, bool), self._permitted(_DONE), self._permitted(_FRESH)]
        )

    def constraint(self, num_rows: int, device: torch.device | str = "cpu") -> "LexiconConstraint":
        """Return the constraint of rows that stand at the start of their texts."""
        return LexiconConstraint(self, num_rows, device)

    def follow(self, node: _Node, token: int) -> _Node:
        """Return where a token leads; one that is not permitted, as a prefix may hold, counts as a known word."""
        key = (node, token)
        if (after := self._next.get(key)) is None:
            after = self._next[key] = self._step(node, token) or self._recovered(token)
        return after

    def mask(self, nodes: Sequence[_Node]) -> np.ndarray:
        """Return which tokens may follow, (B, V) bool."""
        mask = self._bases[[self._kind(node) for node in nodes]]
        for row, node in zip(mask, nodes, strict=True):
            row[self._extras(node)] = True
        return mask

    def is_complete(self, node: _Node) -> bool:
        """Return whether a text may end here."""
        return self._kind(node) > 0

    def _kind(self, node: _Node) -> int:
        """Return which shared row of permitted tokens holds: 0 within a word, 1 after a whole one, 2 before one."""
        if (kind := self._kinds.get(node)) is None:
            kind = 2 if node == _FRESH else int(not node.pending and self._is_whole(node.stem))
            self._kinds[node] = kind
        return kind

    def _is_whole(self, stem: bytes | None) -> bool:
        return not stem or _core_of(stem) in self._known

    def _is_begun(self, start: bytes) -> bool:
        """Return whether a known word begins so."""
        first = bisect_left(self._words, start)
        return first < len(self._words) and self._words[first].startswith(start)

    # Steps

    def _step(self, node: _Node, token: int) -> _Node | None:
        """Return where a token leads; None: it is not permitted."""
        text = self._texts[token]
        if text is None:
            return self._step_byte(node, bytes([token - FIRST_BYTE]))
        if not text:
            return node
        return self._step_text(node.stem, text) if not node.pending else None

    def _step_byte(self, node: _Node, byte: bytes) -> _Node | None:
        pending = node.pending + byte
        if (char := _char(pending)) is not None:
            return self._step_text(node.stem, char)
        in_word = node.stem is not None and self._is_begun(node.stem + pending)
        beside_word = self._is_whole(node.stem) and _begins_edge(pending)
        return _Node(node.stem, pending) if in_word or beside_word else None

    def _step_text(self, stem: bytes | None, text: str) -> _Node | None:
        first, *others = _SPACE.split(text)
        extended = self._extended(_Node(stem), first)
        for part in others:
            if extended is None or not self._is_whole(extended.stem):
                return None
            extended = self._extended(_FRESH, part)
        return extended

    def _extended(self, node: _Node, part: str) -> _Node | None:
        """Return the node after some characters of the same chunk."""
        if not node.stem:
            rest = _LEADING.sub("", part)
            if not rest:
                return node
            part = rest
        if node.stem is None:
            return None
        stem = node.stem + part.encode("utf-8", "surrogatepass")
        if self._is_begun(stem):
            return _Node(stem)
        return _DONE if self._is_whole(stem) else None

    def _recovered(self, token: int) -> _Node:
        *before, last = _SPACE.split(self._texts[token] or "")
        return (self._extended(_FRESH, last) if before else None) or _DONE

    # Permitted tokens

    def _index_tokens(self) -> None:
        """Index the tokens that can go on with a word: by all their bytes, and by the bytes that would end it."""
        self._within: dict[bytes, list[int]] = defaultdict(list)
        self._ending: dict[bytes, list[int]] = defaultdict(list)
        for token in range(NUM_SPECIAL, self.vocab_size):
            text = self._texts[token]
            if text is None:
                self._within[bytes([token - FIRST_BYTE])].append(token)
                continue
            head = _SPACE.split(text, maxsplit=1)[0]
            core = _TRAILING.sub("", head)
            if text and head == text:
                self._within[text.encode("utf-8", "surrogatepass")].append(token)
            if core and core != text:
                self._ending[core.encode("utf-8", "surrogatepass")].append(token)
        self._longest = max(map(len, self._within), default=0)

    def _permitted(self, node: _Node) -> np.ndarray:
        tokens = range(NUM_SPECIAL, self.vocab_size)
        row = np.zeros(self.vocab_size, bool)
        row[NUM_SPECIAL:] = [self._step(node, token) is not None for token in tokens]
        row[EOS] = True
        return row

    def _extras(self, node: _Node) -> np.ndarray:
        """Return the permitted tokens that the node's shared row lacks."""
        if (extra := self._extra.get(node)) is None:
            extra = self._extra[node] = np.fromiter(self._find_extras(node), np.int64)
        return extra

    def _find_extras(self, node: _Node) -> Iterable[int]:
        if node.pending:
            bytes_ = (FIRST_BYTE + byte for byte in _CONTINUATION)
            return [token for token in bytes_ if self._step(node, token) is not None]
        if not node.stem:
            return []
        first, last = bisect_left(self._words, node.stem), bisect_left(self._words, node.stem + b"\xff")
        if last - first > len(self._within):  # fewer tokens than words to look at
            found = {start for start in self._within if self._is_begun(node.stem + start)}
        else:
            found = self._starts(self._words[first:last], len(node.stem))
        ended = (core for core in self._ending if node.stem + core in self._known)
        endings = (token for core in ended for token in self._ending[core])
        return [
            *(token for start in found for token in self._within[start]),
            *(token for token in endings if self._step(node, token) is not None),
        ]

    def _starts(self, words: Sequence[bytes], begin: int) -> set[bytes]:
        """Return the tokens' bytes that the words go on with after `begin` bytes."""
        ends = range(begin + 1, begin + self._longest + 1)
        return {word[begin:end] for word in words for end in ends if word[begin:end] in self._within}


class LexiconConstraint:
    """The `Constraint` of a lexicon: one node a row."""

    def __init__(self, lexicon: Lexicon, num_rows: int, device: torch.device | str = "cpu") -> None:
        self._lexicon, self._device = lexicon, device
        self._nodes = [_FRESH] * num_rows

    def mask(self) -> Tensor:
        """Return which tokens may come next, (B, V) bool."""
        return torch.from_numpy(self._lexicon.mask(self._nodes)).to(self._device)

    def advance(self, tokens: Tensor) -> None:
        """Read the tokens chosen, (B,)."""
        pairs = zip(self._nodes, tokens.tolist(), strict=True)
        self._nodes = [self._lexicon.follow(node, token) for node, token in pairs]

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, (R,) int64, in that order."""
        self._nodes = [self._nodes[row] for row in rows.tolist()]

    def cut(self, tokens: list[int]) -> int:
        """Return the length of the longest beginning that does not end within a word."""
        node, kept = _FRESH, 0
        for count, token in enumerate(tokens, 1):
            node = self._lexicon.follow(node, token)
            kept = count if self._lexicon.is_complete(node) else kept
        return kept


def _cores(words: Sequence[str], form: str) -> Iterator[str]:
    for word in normalized(list(words), form):
        for chunk in word.split():
            if core := _LEADING.sub("", _TRAILING.sub("", chunk)):
                yield core


def _core_of(stem: bytes) -> bytes:
    if stem[-1:].isalnum():
        return stem
    return _TRAILING.sub("", stem.decode("utf-8", "surrogatepass")).encode("utf-8", "surrogatepass")


def _text_of(tokenizer: Tokenizer, token: int) -> str | None:
    """Return what a token spells; None: a byte that is not a character of its own."""
    byte = token - FIRST_BYTE
    if 0 <= byte < NUM_BYTES:
        return chr(byte) if byte < 0x80 else None
    return tokenizer.piece(token)


def _char(data: bytes) -> str | None:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


@cache
def _begins_edge(start: bytes) -> bool:
    """Return whether these bytes, fewer than a character's, can become one that is no letter or digit."""
    size = 2 if start[0] < 0xE0 else 3 if start[0] < 0xF0 else 4
    whole = 0xC2 <= start[0] <= 0xF4 and all(byte in _CONTINUATION for byte in start[1:])
    if not whole or len(start) >= size:
        return False
    code = start[0] & (0x7F >> size)
    for byte in start[1:]:
        code = code << 6 | byte & 0x3F
    bits = 6 * (size - len(start))
    codes = range(max(code << bits, _LEAST_CODE[size]), min((code + 1) << bits, 0x110000))
    return any(not chr(code).isalnum() for code in codes)
