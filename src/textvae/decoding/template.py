"""Templates: tokens that must stand where they stand, and gaps between them that are filled freely.

The gaps are counted in units: words, or in scripts without spaces characters.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor

from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS, FIRST_BYTE, NUM_BYTES, NUM_SPECIAL
from textvae.decoding.processors import Constraint


@dataclass(frozen=True)
class Given:
    """Tokens that stand as they are, at least one.

    Attributes:
        tokens: ids.
        gap: the number of the gap that they were put into; None: they are the text's own.
    """

    tokens: tuple[int, ...]
    gap: int | None = None


@dataclass(frozen=True)
class Gap:
    """A place for `low` to `high` units.

    Attributes:
        low: units at least.
        high: units at most.
        gap: its number.
        joined: whether its first unit goes on where the text before it stops, without a space.
    """

    low: int
    high: int
    gap: int
    joined: bool = False


_WORD_STARTS = re.compile(r"\s+(?=\S)|\s+\Z")

Template = tuple[Given | Gap, ...]
"""Pieces in their order; no two gaps are neighbours."""


@dataclass(frozen=True)
class _Place:
    """Where a row stands: before a token of a given piece, or within a gap."""

    piece: int = 0
    count: int = 0
    """Tokens read of a given piece; units begun in a gap."""
    is_open: bool = False
    """Whether a gap stands behind a space, before the word that it begins."""


class UnitTable:
    """How many units each token begins.

    Args:
        tokenizer: whose tokens they are.
        spaceless: count characters, not words.
    """

    def __init__(self, tokenizer: Tokenizer, *, spaceless: bool) -> None:
        texts = [_text_of(tokenizer, token) for token in range(tokenizer.vocab_size)]
        if tokenizer.kind == "word":
            begun = [1] * len(texts)
        else:
            begun = [
                _num_characters(text) if spaceless else len(_WORD_STARTS.findall(text)) for text in texts
            ]
        self.units = np.array(begun, np.int64)
        self.after_space = np.array([text[:1].isspace() for text in texts])
        self.ends_open = np.array([text[-1:].isspace() for text in texts]) & (not spaceless)
        self.usable = np.arange(len(texts)) >= NUM_SPECIAL
        if spaceless and tokenizer.kind != "word":  # no part of a character that a gap's end could cut
            self.usable[FIRST_BYTE + 0x80 : FIRST_BYTE + NUM_BYTES] = False
        self.spaceless = spaceless
        self.is_whole = spaceless or tokenizer.kind == "word"  # no token ends within a unit
        self.allowed = cache(self._allowed)

    def moved(self, token: int, gap: Gap, place: _Place) -> _Place:
        """Return the place after a token of a gap."""
        count = max(place.count + int(self.units[token]), int(gap.joined and place.count == 0))
        return _Place(place.piece, count, bool(self.ends_open[token]))

    def _allowed(self, gap: Gap, count: int, is_open: bool) -> np.ndarray:
        """Return which tokens may go on with a gap in which `count` units have begun, (V,) bool."""
        if gap.joined and count == 0 and not self.spaceless:
            return self.usable & (self.units == 0)
        goes_on = (self.units > 0) | (count > 0)
        fits = self.usable & goes_on & (count + self.units <= gap.high)
        return fits & ~self.after_space if is_open else fits


class TemplateConstraint:
    """The `Constraint` of templates, one a row; within gaps another constraint, as a lexicon's, holds too.

    Where that leaves nothing that the template allows, it gives way. A token that can end a gap ends it. Without known words the last
    word of a gap within a text may be cut, or run on.

    Args:
        templates: one a row.
        tables: units of tokens, one a row.
        within: what else holds in gaps, its rows as many; None: nothing.
        device: where the decoder is.
    """

    def __init__(
        self,
        templates: Sequence[Template],
        tables: Sequence[UnitTable],
        within: Constraint | None,
        device: torch.device,
    ) -> None:
        self._templates, self._tables, self._within = list(templates), list(tables), within
        self._device = device
        self._places = [_Place() for _ in templates]

    def mask(self) -> Tensor:
        """Return which tokens may come next, (B, V) bool."""
        within = None if self._within is None else self._within.mask()
        known = None if within is None else within.cpu().numpy()
        mask = np.zeros((len(self._places), len(self._tables[0].units) if self._tables else 0), bool)
        for row, place in enumerate(self._places):
            allowed = None if known is None else known[row]
            _allow(mask[row], self._templates[row], place, self._tables[row], allowed)
        return torch.from_numpy(mask).to(self._device)

    def advance(self, tokens: Tensor) -> None:
        """Read the tokens chosen, (B,)."""
        rows = zip(self._templates, self._places, tokens.tolist(), self._tables, strict=True)
        self._places = [_moved(template, place, token, table) for template, place, token, table in rows]
        if self._within is not None:
            self._within.advance(tokens)

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, (R,) int64, in that order."""
        self._templates = [self._templates[row] for row in rows.tolist()]
        self._places = [self._places[row] for row in rows.tolist()]
        self._tables = [self._tables[row] for row in rows.tolist()]
        if self._within is not None:
            self._within.select(rows)

    def cut(self, tokens: list[int]) -> int:
        """Return the length: `filled` says of a row that could not end whether it is whole."""
        return len(tokens)


def filled(template: Template, tokens: Sequence[int], table: UnitTable) -> list[int | None] | None:
    """Return which gap each token of a decoded row is in, None for the text's own; None in all: the row is not whole."""
    place, gaps = _Place(), []
    for token in tokens:
        place = _moved(template, place, token, table)
        if place.piece >= len(template):
            return None
        gaps.append(template[place.piece].gap)
    place = _past(template, place)
    ended = place.piece == len(template) or (
        place.piece == len(template) - 1 and _may_leave(template[place.piece], place)
    )
    return gaps if ended else None


def _allow(
    row: np.ndarray, template: Template, place: _Place, table: UnitTable, known: np.ndarray | None
) -> None:
    """Set in `row`, (V,) bool, what may come next."""
    place = _past(template, place)
    piece = template[place.piece] if place.piece < len(template) else None
    if piece is None:
        row[EOS] = True
    elif isinstance(piece, Given):
        row[piece.tokens[place.count]] = True
    else:
        _allow_in_gap(row, template, place, table, known)


def _allow_in_gap(
    row: np.ndarray, template: Template, place: _Place, table: UnitTable, known: np.ndarray | None
) -> None:
    """Set what may come next in a gap.

    A gap within a text is left as soon as the last unit that it takes is whole: what follows may be unlikely, and any
    number of further tokens likelier.
    """
    gap, leaving, exit_ = template[place.piece], False, _exit(template, place)
    assert isinstance(gap, Gap)
    allowed = table.allowed(gap, place.count, place.is_open)
    if _may_leave(gap, place):
        is_whole = table.is_whole or (known is not None and bool(known[EOS]))
        if place.count == gap.high and exit_ != EOS and is_whole:
            row[exit_] = True
            return
        leaving = is_whole or known is None
    row[:] = allowed if known is None else allowed & known
    row[exit_] |= leaving
    if not row.any():
        row[:] = allowed
        row[exit_] |= _may_leave(gap, place)


def _moved(template: Template, place: _Place, token: int, table: UnitTable) -> _Place:
    """Return where a token leads; the place then is in the piece that the token belongs to."""
    place = _past(template, place)
    if place.piece >= len(template):
        return place
    piece = template[place.piece]
    if isinstance(piece, Given):
        return _Place(place.piece, place.count + 1)
    if _may_leave(piece, place) and token == _exit(template, place):
        return _Place(place.piece + 1, 1)
    return table.moved(token, piece, place)


def _past(template: Template, place: _Place) -> _Place:
    """Return the place, at the start of the next piece where a given one has been read."""
    if place.piece < len(template):
        piece = template[place.piece]
        if isinstance(piece, Given) and place.count == len(piece.tokens):
            return _Place(place.piece + 1)
    return place


def _may_leave(piece: Given | Gap, place: _Place) -> bool:
    return isinstance(piece, Gap) and piece.low <= place.count <= piece.high and not place.is_open


def _exit(template: Template, place: _Place) -> int:
    """Return the token that ends the gap: the first of the next piece, or `</s>`."""
    following = template[place.piece + 1] if place.piece + 1 < len(template) else None
    return following.tokens[0] if isinstance(following, Given) else EOS


def _num_characters(text: str) -> int:
    return sum(not char.isspace() for char in text)


def _text_of(tokenizer: Tokenizer, token: int) -> str:
    """Return what a token spells; of a byte that is no character of its own, nothing."""
    byte = token - FIRST_BYTE
    if tokenizer.kind != "word" and 0 <= byte < NUM_BYTES:
        return chr(byte) if byte < 0x80 else ""
    return tokenizer.piece(token) or ""
