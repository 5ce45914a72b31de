"""Settings that suit a corpus, from its measures alone."""

from dataclasses import dataclass

from textvae.config.presets import default_target_rate
from textvae.data.histograms import Lengths
from textvae.data.tokenizer_defaults import default_vocab_size

_TOKENS_A_WORD = 1.5
_NATS_A_WORD = 3.4
"""What faithful reconstruction of short English reviews takes, about."""
_LETTERS_A_WORD = 1.6
"""Characters of a Chinese word, about."""


@dataclass(frozen=True, kw_only=True)
class Suggestions:
    """Settings to begin with; `train` chooses much the same by itself."""

    tokenizer: str
    vocab_size: int | None
    """None: all words or characters there are."""
    max_length: int
    """Tokens; about one text in a hundred is longer."""
    target_rate: str
    """Nats a text, in words."""


def suggest(kind: str, num_characters: int, characters: Lengths, words: Lengths) -> Suggestions:
    """Return settings for a corpus.

    Args:
        kind: the tokenizer.
        num_characters: of the whole corpus.
        characters: the lengths of its texts in characters.
        words: the same in words.
    """
    tokens = characters.p99 if kind == "char" else round(words.p99 * _TOKENS_A_WORD)
    num_words = words.median / _LETTERS_A_WORD if kind == "char" else words.median
    faithful = max(round(num_words * _NATS_A_WORD), 1)
    mean = characters.mean if kind == "char" else words.mean * _TOKENS_A_WORD
    sampling = min(default_target_rate(mean + 1), faithful)
    return Suggestions(
        tokenizer=kind,
        vocab_size=default_vocab_size(kind, num_characters),
        max_length=max(tokens, 1),
        target_rate=f"about {sampling:g} nats to sample; about {faithful} to reconstruct and edit faithfully",
    )
