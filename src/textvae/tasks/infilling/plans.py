"""Plans: how many words each gap takes in one attempt, and where the words go that have to be included."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from textvae.config.fields import check_range
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import FIRST_BYTE
from textvae.decoding.template import Gap, Given, Template
from textvae.errors import ConfigError
from textvae.tasks.infilling.gapped import Gapped

DEFAULT_MOST = 5
"""Words, in scripts without spaces characters, of a gap within a text unless told otherwise; at its end any number."""


@dataclass(frozen=True)
class Sizes:
    """How much goes into a gap, and what has to be in one of them.

    Attributes:
        low: words a gap at least, in scripts without spaces characters; those included count.
        high: at most; None: 5, and at the end of a text as many as the model takes.
        include: words that have to be in the gaps.
    """

    low: int = 1
    high: int | None = None
    include: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_range("min_words", self.low, 1)
        check_range("max_words", self.high, self.low)
        if not all(word.strip() for word in self.include):
            raise ConfigError("a word to include is empty; give words")


class Planner:
    """Draws templates for texts with gaps.

    Args:
        tokenizer: cuts what is visible.
        sizes: of the gaps.
        max_length: the most tokens of a text.
    """

    def __init__(self, tokenizer: Tokenizer, sizes: Sizes, max_length: int) -> None:
        self._tokenizer, self._sizes, self._max_length = tokenizer, sizes, max_length
        pieces = ((tokenizer.piece(token), token) for token in range(tokenizer.vocab_size))
        self._ids = {piece: token for piece, token in pieces if piece}
        self._longest = max(map(len, self._ids), default=1)

    def plans(self, text: Gapped, num: int, rng: np.random.Generator) -> list[Template]:
        """Return `num` templates: the sizes of gaps within the text are drawn, each as often as any other in turn.

        Raises:
            ConfigError: the words to include do not fit, or what is visible is longer than the model takes.
        """
        offsets = rng.integers(1 << 30, size=len(text.parts))
        room = self._room(text)
        return [self._plan(text, attempt, offsets, room, rng) for attempt in range(num)]

    def _room(self, text: Gapped) -> int:
        """Return how many words more than the least a gap may take, at a token a word."""
        visible = sum(len(self._spelt(part, glued=False)) for part in text.parts if part.strip())
        least = visible + self._sizes.low * (len(text.parts) - 1)
        if least > self._max_length:
            raise ConfigError(
                f"the text has {least} tokens with its gaps filled, and the model takes {self._max_length}; shorten it"
            )
        return self._max_length - least

    def _plan(
        self, text: Gapped, attempt: int, offsets: np.ndarray, room: int, rng: np.random.Generator
    ) -> Template:
        pieces = self._given(text.parts[0], after_gap=False)
        for gap, words in enumerate(self._placed(text, rng)):
            following = text.parts[gap + 1]
            is_last = gap == len(text.parts) - 2 and not following.strip()
            low, high = self._free(words, room, text, is_last=is_last)
            if not is_last:
                low = high = low + (int(offsets[gap]) + attempt) % (high - low + 1)
            around = np.sort(rng.integers(0, low + 1, size=len(words)))
            shares = np.diff([0, *around, low]).tolist() if words else [low]
            begins = Gap(0, 0, gap, joined=self._is_joined(text.parts[gap]))
            pieces += self._inside(begins, words, shares, high - low, spaceless=text.spaceless)
            pieces += self._given(following, after_gap=True)
        return tuple(pieces)

    def _placed(self, text: Gapped, rng: np.random.Generator) -> list[list[str]]:
        """Return the words that have to be in each gap."""
        placed: list[list[str]] = [[] for _ in text.parts[1:]]
        for word in self._sizes.include:
            placed[int(rng.integers(len(placed)))].append(word.strip())
        for words in placed:
            rng.shuffle(words)
        return placed

    def _free(self, words: list[str], room: int, text: Gapped, *, is_last: bool) -> tuple[int, int]:
        """Return how many words a gap takes at least and at most beside those that have to be in it."""
        low, high = self._sizes.low, self._sizes.high
        taken = sum(_size(word, text.spaceless) for word in words)
        most = self._max_length if high is None and is_last else max(high or DEFAULT_MOST, low)
        if taken > most:
            raise ConfigError(
                f"{' '.join(words)!r} to include is more than the {most} words of a gap; raise max_words"
            )
        least = max(low - taken, 0)
        return least, max(least, min(most - taken, low + room - taken))

    def _inside(
        self, begins: Gap, words: list[str], shares: list[int], more: int, *, spaceless: bool
    ) -> list[Given | Gap]:
        """Return the pieces of a gap: free words before, between and after those that have to be in it.

        Args:
            begins: the gap, empty.
            words: that have to be in it.
            shares: free words before each of them, and after the last.
            more: free words that the last share may grow by.
            spaceless: whether the text's words have no spaces between.
        """
        pieces: list[Given | Gap] = []

        def free(low: int, high: int) -> None:
            if high > 0:
                joined = begins.joined and not pieces
                pieces.append(dataclasses.replace(begins, low=low, high=high, joined=joined))

        for share, word in zip(shares, words, strict=False):
            free(share, share)
            glued = begins.joined and not pieces
            before = "" if glued or spaceless or self._tokenizer.prefix_space else " "
            pieces.append(Given(self._spelt(before + word, glued=glued), begins.gap))
        free(shares[-1], shares[-1] + more)
        return pieces

    def _given(self, part: str, *, after_gap: bool) -> list[Given | Gap]:
        """Return the tokens of a visible part."""
        tokens = self._spelt(part, glued=after_gap and not part[:1].isspace()) if part.strip() else ()
        return [Given(tokens)] if tokens else []

    def _spelt(self, text: str, *, glued: bool) -> tuple[int, ...]:
        """Return the tokens of a text; `glued`: it stands right behind what was there before."""
        tokenizer = self._tokenizer
        if tokenizer.kind == "word" or not tokenizer.prefix_space:
            return tuple(map(int, tokenizer.encode([text])[0]))
        head, rest = text.strip().partition(" ")[::2] if glued else ("", text.strip())
        tokens = [int(token) for token in tokenizer.encode([rest.strip()])[0]]
        return (*self._bare(head), *tokens)

    def _bare(self, head: str) -> list[int]:
        """Return the tokens of characters that no space stands before: the longest pieces first, bytes where there are none."""
        tokens, place = [], 0
        while place < len(head):
            sizes = range(min(self._longest, len(head) - place), 0, -1)
            size = next((size for size in sizes if head[place : place + size] in self._ids), 0)
            if size:
                tokens.append(self._ids[head[place : place + size]])
            else:
                tokens += [FIRST_BYTE + byte for byte in head[place].encode("utf-8", "surrogatepass")]
            place += max(size, 1)
        return tokens

    def _is_joined(self, before: str) -> bool:
        """Return whether what follows `before` goes on without a space where that ends; where texts are cut as they stand, always."""
        if self._tokenizer.kind == "word":
            return False
        return not self._tokenizer.prefix_space or (bool(before) and not before[-1:].isspace())


def _size(word: str, spaceless: bool) -> int:
    return len("".join(word.split())) if spaceless else len(word.split())


def visible_tokens(template: Template, gaps: Sequence[int | None]) -> np.ndarray:
    """Return which tokens of a filled row, and of the `</s>` after it, are the text's own, (T + 1,) bool."""
    ends = template[-1].gap is None if template else True
    return np.array([gap is None for gap in gaps] + [ends])
