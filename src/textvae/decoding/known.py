"""What keeps a decoder to words, or in scripts without spaces pairs of characters, that training has seen."""

from functools import lru_cache

import torch

from textvae.data.known import PAIRS, WORDS, Known
from textvae.data.tokenizers import Tokenizer
from textvae.decoding.characters import WholeCharacters
from textvae.decoding.lexicon import Lexicon
from textvae.decoding.pairs import PairLexicon
from textvae.decoding.processors import Constraint

LEXICONS = {WORDS: Lexicon, PAIRS: PairLexicon}


@lru_cache(maxsize=8)  # to build one takes a second
def lexicon_of(known: Known | None, tokenizer: Tokenizer) -> Lexicon | PairLexicon | None:
    """Return the lexicon of what a run knows; None: of nothing."""
    return LEXICONS[known.kind](known.entries, tokenizer) if known else None


def constraint_of(
    known: Known | None, tokenizer: Tokenizer, num_rows: int, device: torch.device
) -> Constraint | None:
    """Return what limits rows at the start of their texts: to what a run knows; None: to whole characters, where there are bytes."""
    if (lexicon := lexicon_of(known, tokenizer)) is not None:
        return lexicon.constraint(num_rows, device)
    if tokenizer.kind == "word":
        return None
    return WholeCharacters(num_rows, tokenizer.vocab_size, device)
