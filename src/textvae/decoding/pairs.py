"""`PairLexicon`: for scripts without spaces, only pairs of neighbouring characters seen in training.

Most Chinese words are one or two characters long, so a made-up word nearly always shows as a pair that no text has.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS
from textvae.errors import TokenizerError


class PairLexicon:
    """Which character may follow which, and which may end a text.

    Args:
        pairs: as `textvae.data.known.character_pairs` gives them.
        tokenizer: of characters.

    Raises:
        TokenizerError: the tokenizer is of another kind.
    """

    def __init__(self, pairs: Sequence[str], tokenizer: Tokenizer) -> None:
        if tokenizer.kind != "char":
            raise TokenizerError(
                f"pairs of characters do not suit a {tokenizer.kind} tokenizer; use a Lexicon"
            )
        self.vocab_size = tokenizer.vocab_size
        ids = {tokenizer.piece(index): index for index in range(self.vocab_size) if tokenizer.piece(index)}
        followers: dict[int, list[int]] = {}
        for pair in pairs:
            if all(char in ids for char in pair):
                followers.setdefault(ids[pair[0]], []).append(ids[pair[1]] if len(pair) == 2 else EOS)
        self.followers = {token: np.array(after) for token, after in followers.items()}
        self.beginning = np.array(sorted(self.followers))
        """Characters that a text may begin with: those that something follows."""

    def constraint(self, num_rows: int, device: torch.device | str = "cpu") -> "PairConstraint":
        """Return the constraint of rows that stand at the start of their texts."""
        return PairConstraint(self, num_rows, device)

    def may_end(self, token: int) -> bool:
        """Return whether a text of the corpus ends with `token`."""
        return EOS in self.followers.get(token, ())


class PairConstraint:
    """The `Constraint` of a pair lexicon: the last character of each row."""

    def __init__(self, lexicon: PairLexicon, num_rows: int, device: torch.device | str = "cpu") -> None:
        self._lexicon, self._device = lexicon, device
        self._last: list[int | None] = [None] * num_rows

    def mask(self) -> Tensor:
        """Return which tokens may come next, (B, V) bool."""
        allowed = np.zeros((len(self._last), self._lexicon.vocab_size), bool)
        for row, last in enumerate(self._last):
            after = self._lexicon.beginning if last is None else self._lexicon.followers.get(last, [EOS])
            allowed[row, after] = True
        return torch.from_numpy(allowed).to(self._device)

    def advance(self, tokens: Tensor) -> None:
        """Read the tokens chosen, (B,)."""
        self._last = list(tokens.tolist())

    def select(self, rows: Tensor) -> None:
        """Keep `rows`, (R,) int64, in that order."""
        self._last = [self._last[row] for row in rows.tolist()]

    def cut(self, tokens: list[int]) -> int:
        """Return the length of the longest beginning that ends as some text does."""
        return max(
            (count for count, token in enumerate(tokens, 1) if self._lexicon.may_end(token)), default=0
        )
