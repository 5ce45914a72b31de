"""Training of tokenizers: texts → a `tokenizers` library object with a reproducible vocabulary."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from tokenizers import Regex, models, pre_tokenizers, trainers
from tokenizers import Tokenizer as Library

from textvae.data.unigram import weigh_pieces
from textvae.errors import TokenizerError

UNKNOWN = "< >"
"""The library's unknown token. No tokenizer can meet it as one unit of a text: it has a space inside (so it is
no word), three characters (so it is no character) and two pre-tokens (so it is no BPE or Unigram piece)."""

BARRIER = "\uffff"
"""A noncharacter that is never in a vocabulary; it stands for what the library cannot be given."""

UNLIMITED = 2**31
MAX_TRAIN_TEXTS = 300_000
MAX_TRAIN_CHARS = 64_000_000
MAX_PIECE_CHARS = 16
MIN_CHAR_COUNT = 2
"""A character seen fewer times is spelt in bytes by BPE and Unigram."""

_LADDER_STEP = 1e-4
"""The Unigram trainer's penalty between one unneeded character and the next."""

# What stands between spaces keeps the space before it, as in SentencePiece; numbers stand apart from the rest.
_UNITS = pre_tokenizers.Split(Regex(r" ?[^\s\p{N}]+| ?\p{N}+|\s+(?!\S)|\s+"), "isolated")
# Rust strings hold no surrogates, and the Unigram trainer uses NUL as its own separator.
_UNTRAINABLE = re.compile("[\0\uffff\ud800-\udfff]+")


def train_library(texts: Iterable[str], kind: str, num_pieces: int | None) -> Library:
    """Train the library's tokenizer; its id 0 is `UNKNOWN`, the pieces follow in a reproducible order.

    Args:
        texts: the corpus, iterated up to three times.
        kind: word, char, bpe or unigram.
        num_pieces: the most pieces to learn; None: every word or character (word, char).

    Raises:
        TokenizerError: nothing to learn from.
    """
    library = Library(_MODELS[kind](texts, UNLIMITED if num_pieces is None else num_pieces))
    library.pre_tokenizer = _pre_tokenizer(kind)
    if all(piece == UNKNOWN or piece.isspace() for piece in library.get_vocab()):
        raise TokenizerError(
            f"a {kind} tokenizer found 0 pieces to learn: the corpus is empty or too small; "
            "check the file and its text column, or cut so few texts with --tokenizer word or char"
        )
    return library


def _pre_tokenizer(kind: str) -> pre_tokenizers.PreTokenizer | None:
    if kind == "word":
        return pre_tokenizers.WhitespaceSplit()
    return None if kind == "char" else _UNITS


def _word_model(texts: Iterable[str], num_pieces: int) -> models.Model:
    # The library's own counting, so that words are split in training exactly as in encoding.
    library = Library(models.WordLevel())
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.WordLevelTrainer(vocab_size=num_pieces, show_progress=False, special_tokens=[])
    library.train_from_iterator(trainable(texts), trainer)
    words = library.get_vocab()
    return models.WordLevel(_numbered(sorted(words, key=lambda word: words[word])), unk_token=UNKNOWN)


def _char_model(texts: Iterable[str], num_pieces: int) -> models.Model:
    # BPE without merges: characters, by the library's fastest path.
    chars = [char for char, _ in _char_counts(trainable(texts))[:num_pieces]]
    return models.BPE(_numbered(chars), [], unk_token=UNKNOWN)


def _bpe_model(texts: Iterable[str], num_pieces: int) -> models.Model:
    trainer = trainers.BpeTrainer(
        vocab_size=num_pieces, show_progress=False, special_tokens=[], max_token_length=MAX_PIECE_CHARS
    )
    learned = _learned(Library(models.BPE()), trainer, _Familiar(texts, num_pieces // 2))
    pieces = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    merges = [(left, right) for left, right in learned["merges"]]
    return models.BPE(_numbered(pieces), merges, unk_token=UNKNOWN)


def _unigram_model(texts: Iterable[str], num_pieces: int) -> models.Model:
    trainer = trainers.UnigramTrainer(
        vocab_size=num_pieces, show_progress=False, special_tokens=[], max_piece_length=MAX_PIECE_CHARS
    )
    sample = _Familiar(texts, num_pieces // 2)
    learned = _learned(Library(models.Unigram()), trainer, sample)
    units = Counter(unit for text in sample for unit, _ in _UNITS.pre_tokenize_str(text))
    pieces = weigh_pieces(_reproducible(dict(learned["vocab"])), units, num_pieces, max_chars=MAX_PIECE_CHARS)
    return models.Unigram([(UNKNOWN, 0.0), *pieces], unk_id=0)


def _reproducible(scores: dict[str, float]) -> dict[str, float]:
    """Undo what the library's trainer leaves to chance: equal corpora train equally.

    Characters no sentence needs get scores from a ladder, in hash order: they all go to its foot. Parallel sums
    vary in their last digits: they are rounded, then sorted.
    """
    foot = min(scores.values(), default=0.0)
    top = foot + _LADDER_STEP * sum(len(piece) == 1 for piece in scores)
    level = {p: foot if len(p) == 1 and score < top else score for p, score in scores.items()}
    return {piece: round(level[piece], 6) for piece in sorted(level)}


_MODELS = {"word": _word_model, "char": _char_model, "bpe": _bpe_model, "unigram": _unigram_model}


def _learned(library: Library, trainer: trainers.Trainer, sample: Iterable[str]) -> dict:
    library.pre_tokenizer = _UNITS
    library.train_from_iterator(iter(sample), trainer)
    return json.loads(library.to_str())["model"]


def _numbered(pieces: Iterable[str]) -> dict[str, int]:
    return {piece: index for index, piece in enumerate([UNKNOWN, *pieces])}


def trainable(texts: Iterable[str]) -> Iterator[str]:
    """Yield what trainers can be given of texts: the pieces between what they cannot."""
    for text in texts:
        yield from filter(None, _UNTRAINABLE.split(text))


def _char_counts(texts: Iterable[str]) -> list[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _rare_chars(texts: Iterable[str], limit: int) -> re.Pattern[str] | None:
    counts = _char_counts(trainable(texts))
    rare = [char for rank, (char, count) in enumerate(counts) if count < MIN_CHAR_COUNT or rank >= limit]
    return re.compile(f"[{re.escape(''.join(rare))}]+") if rare else None


class _Familiar:
    """Every n-th text of a large corpus, without the characters that are spelt in bytes."""

    def __init__(self, texts: Iterable[str], max_chars: int) -> None:
        lengths = [0, 0]
        for text in texts:
            lengths[0] += 1
            lengths[1] += len(text)
        self.texts = texts
        self.stride = max(1, math.ceil(lengths[0] / MAX_TRAIN_TEXTS), math.ceil(lengths[1] / MAX_TRAIN_CHARS))
        self.rare = _rare_chars(islice(iter(texts), 0, None, self.stride), max_chars)

    def __iter__(self) -> Iterator[str]:
        for text in trainable(islice(iter(self.texts), 0, None, self.stride)):
            yield from filter(None, self.rare.split(text) if self.rare else [text])
