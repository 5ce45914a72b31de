"""`DataConfig`: which texts are read, how they are split and cut into tokens."""

from dataclasses import dataclass

from textvae.config.fields import check_choice, check_range, check_types

TOKENIZERS = ("auto", "word", "char", "bpe", "unigram")
NORMALIZERS = ("none", "nfkc", "simplified", "nfkc+simplified")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Corpus and tokenizer settings."""

    text: str | int | None = None
    """The column that holds the text, by name or number (from 0); None: found by name, or the only one."""
    blank_line: bool = False
    """In plain text files a blank line, not a line end, separates texts."""
    encoding: str | None = None
    """None: UTF-8, or UTF-16 where a byte-order mark says so."""
    valid: str | None = None
    """A file of held-out texts; None: a share is split off."""
    test: str | None = None
    valid_fraction: float = 0.05
    split_seed: int = 0
    tokenizer: str = "auto"
    """word, char, bpe, unigram; auto: chosen from the corpus's scripts."""
    vocab_size: int | None = None
    """V, special tokens included; None: chosen from the corpus's size."""
    extend_vocabulary: bool = False
    """Give the tokenizer of the run that this one begins from tokens for what it spells in bytes or as `<unk>`."""
    normalize: str = "none"
    """nfkc and/or simplified (traditional to simplified Chinese)."""
    max_length: int | None = None
    """Longer texts are cut to this many tokens; None: the corpus's 99th percentile."""

    def __post_init__(self) -> None:
        check_types("data", self)
        check_choice("data.tokenizer", self.tokenizer, TOKENIZERS)
        check_choice("data.normalize", self.normalize, NORMALIZERS)
        check_range("data.valid_fraction", self.valid_fraction, high=0.5, above=0)
        check_range("data.vocab_size", self.vocab_size, 5)
        check_range("data.max_length", self.max_length, 1)
