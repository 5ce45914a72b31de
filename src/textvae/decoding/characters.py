"""Whole characters: what a vocabulary spells in bytes comes byte by byte in the order of UTF-8, or not at all."""

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from textvae.data.vocabulary import FIRST_BYTE, NUM_BYTES


class _Within(NamedTuple):
    """Where a row stands within a character: so many bytes are to come, the next one of these."""

    missing: int
    low: int = 0x80
    high: int = 0xBF


_BETWEEN = _Within(0)
_LEADS = {
    (0x00, 0x7F): _BETWEEN,
    (0xC2, 0xDF): _Within(1),
    (0xE0, 0xE0): _Within(2, low=0xA0),
    (0xE1, 0xEC): _Within(2),
    (0xED, 0xED): _Within(2, high=0x9F),
    (0xEE, 0xEF): _Within(2),
    (0xF0, 0xF0): _Within(3, low=0x90),
    (0xF1, 0xF3): _Within(3),
    (0xF4, 0xF4): _Within(3, high=0x8F),
}
"""What follows the first byte of a character (The Unicode Standard, table 3-7)."""
_PLACES = (_BETWEEN, *{place: None for place in (*_LEADS.values(), _Within(1), _Within(2)) if place.missing})


class WholeCharacters:
    """The `Constraint` of rows whose tokens after the specials are 256 bytes and then pieces of text.

    A model of few texts that spells a rare character in bytes may lose its way within it; what it then says is no text.
    """

    def __init__(self, num_rows: int, vocab_size: int, device: torch.device | str = "cpu") -> None:
        """Begin at the starts of `num_rows` texts."""
        self._allowed = torch.zeros(len(_PLACES), vocab_size, dtype=torch.bool)
        self._next = torch.zeros(len(_PLACES), vocab_size, dtype=torch.int64)
        for index, place in enumerate(_PLACES):
            if place == _BETWEEN:
                self._allowed[index] = True
                self._allowed[index, FIRST_BYTE : FIRST_BYTE + NUM_BYTES] = False
            for (low, high), after in _steps(place):
                bytes_ = slice(FIRST_BYTE + low, FIRST_BYTE + high + 1)
                self._allowed[index, bytes_] = True
                self._next[index, bytes_] = _PLACES.index(after)
        self._allowed, self._next = self._allowed.to(device), self._next.to(device)
        self._places = torch.zeros(num_rows, dtype=torch.int64, device=device)

    @cached_property
    def _after(self) -> list[list[int]]:
        """Where each byte leads from each place, for what is read one token at a time."""
        return self._next[:, FIRST_BYTE : FIRST_BYTE + NUM_BYTES].tolist()

    def mask(self) -> Tensor:
        """Return which tokens may come next, (B, V) bool."""
        return self._allowed[self._places]

    def advance(self, tokens: Tensor) -> None:
        """Read the tokens chosen, (B,)."""
        self._places = self._next[self._places, tokens.to(self._places.device)]

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, (R,)."""
        self._places = self._places[rows]

    def cut(self, tokens: list[int]) -> int:
        """Return the length of the longest beginning that does not end within a character."""
        place, kept = 0, 0
        for count, token in enumerate(tokens, 1):
            byte = token - FIRST_BYTE
            place = self._after[place][byte] if 0 <= byte < NUM_BYTES else 0
            kept = count if _PLACES[place] == _BETWEEN else kept
        return kept


def _steps(place: _Within) -> list[tuple[tuple[int, int], _Within]]:
    """Return which bytes may come, and where each leads."""
    if place == _BETWEEN:
        return list(_LEADS.items())
    after = _Within(place.missing - 1) if place.missing > 1 else _BETWEEN
    return [((place.low, place.high), after)]
