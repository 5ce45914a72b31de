"""What keeps a decoder to words, or in scripts without spaces pairs of characters, that training has seen."""

from functools import lru_cache

from textvae.data.known import PAIRS, WORDS, Known
from textvae.data.tokenizers import Tokenizer
from textvae.decoding.lexicon import Lexicon
from textvae.decoding.pairs import PairLexicon

LEXICONS = {WORDS: Lexicon, PAIRS: PairLexicon}


@lru_cache(maxsize=8)  # to build one takes a second
def lexicon_of(known: Known | None, tokenizer: Tokenizer) -> Lexicon | PairLexicon | None:
    """Return the lexicon of what a run knows; None: of nothing."""
    return LEXICONS[known.kind](known.entries, tokenizer) if known else None
