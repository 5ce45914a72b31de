"""`DataConfig`: which texts are read, how they are split and cut into tokens."""

from dataclasses import dataclass

from textvae.config.conditions import Columns, label_columns
from textvae.config.fields import check_choice, check_range, check_types
from textvae.errors import ConfigError

PAIRS = ("none", "completion", "infill", "dialogue")
SOURCE_TOKENIZERS = ("auto", "shared", "own")
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
    source: str | int | None = None
    """The column of the source text that each text answers: a question, a document, another language."""
    labels: str | None = None
    """Columns of labels, joined by commas; each may say what it holds and what to call it, as stars=3:ordinal."""
    feature: str | None = None
    """A column of numbers, or a .npy or .npz file (as pixels.npz:train) with a row for each row of the texts."""
    pairs: str = "none"
    """Sources made from the texts themselves: completion (its beginning), infill (the rest of it), dialogue (turns before)."""
    source_tokenizer: str = "auto"
    """shared: the texts' own; own: trained on the sources; auto: shared where both are written in the same script."""
    source_max_length: int | None = None
    """Longer sources are cut to this many tokens; None: their 99th percentile."""
    source_apart: bool = False
    """Read name['The Eagle'] as name [ ' The Eagle ' ]: a value then has the tokens that it has within a text, and can be copied."""

    def __post_init__(self) -> None:
        check_types("data", self)
        check_choice("data.tokenizer", self.tokenizer, TOKENIZERS)
        check_choice("data.normalize", self.normalize, NORMALIZERS)
        check_range("data.valid_fraction", self.valid_fraction, high=0.5, above=0)
        check_range("data.vocab_size", self.vocab_size, 5)
        check_choice("data.source_tokenizer", self.source_tokenizer, SOURCE_TOKENIZERS)
        check_range("data.max_length", self.max_length, 1)
        check_range("data.source_max_length", self.source_max_length, 1)
        check_choice("data.pairs", self.pairs, PAIRS)
        label_columns(self.labels)
        if self.pairs != "none" and self.source is not None:
            raise ConfigError(
                f"data.source is {self.source!r} and data.pairs {self.pairs!r}, which makes sources itself; give one of them"
            )

    @property
    def columns(self) -> Columns:
        """Where conditions are found."""
        return Columns(source=self.source, labels=self.labels, feature=self.feature, pairs=self.pairs)

    @property
    def has_condition(self) -> bool:
        """Whether texts come with something they answer to."""
        return self.columns != Columns()
