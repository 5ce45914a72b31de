"""`Tokenizer`: texts ↔ rows of ids, exactly reversible for every kind but word.

The vocabulary of the `tokenizers` library holds pieces only. Special ids and the 256 bytes lie outside it, so
that a text which spells "</s>", "<0x41>" or "▁" is ordinary characters.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
from tokenizers import Tokenizer as Library

from textvae.config.data import NORMALIZERS
from textvae.data.normalization import normalized
from textvae.data.tokenizer_defaults import default_kind, default_vocab_size, mostly_spaceless
from textvae.data.tokenizer_training import BARRIER, train_library
from textvae.data.vocabulary import FIRST_BYTE, NUM_BYTES, NUM_SPECIAL, UNK
from textvae.errors import TokenizerError

__all__ = ["KINDS", "Tokenizer", "default_kind", "default_vocab_size"]

KINDS = ("word", "char", "bpe", "unigram")
FORMAT_VERSION = 1
LIBRARY_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"

_CHUNK = 8192
_SURROGATES = re.compile("[\ud800-\udfff]")


class Tokenizer:
    """Texts to rows of ids and back.

    Ids 0..3 are the specials. Word tokenizers: pieces from 4. All others: bytes 4..259, pieces from 260; what no
    piece covers is spelt in UTF-8 bytes, so that `decode(encode(t)) == t` for any `str`.

    >>> tokenizer = Tokenizer.train(["to be or not to be"], kind="word")
    >>> tokenizer.decode(tokenizer.encode(["to be sure"]))
    ['to be <unk>']
    """

    def __init__(self, library_json: str, config: dict[str, Any]) -> None:
        self._library_json, self._config = library_json, config
        self._library = Library.from_str(library_json)
        self.kind: str = config["kind"]
        self.normalize: str = config["normalize"]
        self._first_piece = NUM_SPECIAL if self.kind == "word" else FIRST_BYTE + NUM_BYTES
        self._prefix = " " if config["prefix_space"] else ""
        vocabulary = self._library.get_vocab()
        self._pieces = sorted(vocabulary, key=vocabulary.__getitem__)[1:]  # 0 is the library's unknown token

    @classmethod
    def train(
        cls, texts: Iterable[str], *, kind: str, vocab_size: int | None = None, normalize: str = "none"
    ) -> Self:
        """Learn a vocabulary.

        Args:
            texts: the corpus; it is iterated several times.
            kind: word, char, bpe or unigram.
            vocab_size: V, specials and bytes included; None: all words or characters, or chosen from the
                corpus's size. A small corpus may yield fewer pieces.
            normalize: none, nfkc, simplified or nfkc+simplified.

        Raises:
            TokenizerError: an unknown kind or normaliser, too small a vocabulary, an empty corpus.
        """
        _check(kind, normalize, vocab_size)
        texts = list(texts) if iter(texts) is texts else texts  # a generator would be spent after one pass
        subword = kind in ("bpe", "unigram")
        spaceless = subword and mostly_spaceless(texts)
        if vocab_size is None and subword:
            vocab_size = default_vocab_size(kind, sum(map(len, texts)), spaceless=spaceless)
        prefix_space = (
            subword and not spaceless
        )  # so that a text's first word has the pieces of any later one
        prepared = _Prepared(texts, normalize, " " if prefix_space else "")
        library = train_library(prepared, kind, vocab_size and vocab_size - _num_reserved(kind))
        config = {
            "format": FORMAT_VERSION,
            "kind": kind,
            "normalize": normalize,
            "prefix_space": prefix_space,
        }
        config["vocab_size"] = _num_reserved(kind) + library.get_vocab_size() - 1
        return cls(library.to_str(), config)

    @property
    def vocab_size(self) -> int:
        """V, special tokens and bytes included."""
        return self._first_piece + len(self._pieces)

    @property
    def prefix_space(self) -> bool:
        """Whether a text is cut as if a space stood before it, so that its first word has the pieces of any later one."""
        return bool(self._prefix)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the vocabulary and the settings, in hex."""
        return hashlib.sha256((self._library_json + self._config_json).encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Turn texts into rows of ids, int32, without specials; an empty text gives an empty row."""
        rows: list[np.ndarray] = []
        for start in range(0, len(texts), _CHUNK):
            rows += self._encode_chunk(normalized(texts[start : start + _CHUNK], self.normalize))
        return rows

    def decode(self, rows: Iterable[Sequence[int] | np.ndarray]) -> list[str]:
        """Turn rows of ids into texts.

        Specials are skipped, but the unknown word of a word tokenizer reads `<unk>`; byte ids that are not UTF-8
        give U+FFFD.

        Raises:
            TokenizerError: an id outside the vocabulary.
        """
        return [self._text([int(i) for i in row]) for row in rows]

    def said(self, text: str) -> str:
        """Return a decoded text without the spaces before its first word where a text is cut as if one stood there.

        A model may then write that space as a token of its own, and the word with another.
        """
        return text.lstrip(" ") if self.prefix_space else text

    def piece(self, index: int) -> str | None:
        """Return the characters an id stands for: "" for a special, None for a byte (no text of its own)."""
        if index >= self._first_piece:
            return self._pieces[index - self._first_piece]
        return "" if index < NUM_SPECIAL else None

    def starts_word(self, index: int) -> bool:
        """Return whether a new whitespace-delimited word begins with this id."""
        if self.kind == "word":
            return index >= UNK
        return (self.piece(index) or "")[:1].isspace()

    def save(self, folder: str | Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json` into a folder, which is made if absent."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files().items():
            (folder / name).write_bytes(content)

    def files(self, prefix: str = "") -> dict[str, bytes]:
        """Return the content of both files by name; `prefix` tells those of several tokenizers apart."""
        return {
            prefix + LIBRARY_FILE: self._library_json.encode(),
            prefix + CONFIG_FILE: self._config_json.encode(),
        }

    @classmethod
    def load(cls, folder: str | Path, prefix: str = "") -> Self:
        """Read a tokenizer that `save` wrote, or `files` with a prefix.

        Raises:
            TokenizerError: a file is missing or damaged, or was written by a later version.
        """
        folder = Path(folder)
        config = _read_config(folder / (prefix + CONFIG_FILE))
        try:
            tokenizer = cls(_read(folder / (prefix + LIBRARY_FILE)), config)
        except TokenizerError:
            raise
        except Exception as error:  # the library raises bare Exception
            raise TokenizerError(
                f"{folder / LIBRARY_FILE} is damaged: {error}; copy the folder again"
            ) from error
        if tokenizer.vocab_size != config["vocab_size"]:
            raise TokenizerError(
                f"{folder / LIBRARY_FILE} has {tokenizer.vocab_size} entries, its settings say "
                f"{config['vocab_size']}; the two files belong to different tokenizers: copy the folder again"
            )
        return tokenizer

    @property
    def _config_json(self) -> str:
        return json.dumps(self._config, indent=2, sort_keys=True) + "\n"

    def _encode_chunk(self, texts: Sequence[str]) -> list[np.ndarray]:
        # One noncharacter for each lone surrogate keeps the offsets; no piece holds it, so it falls back on bytes.
        originals = [self._prefix + text if text else "" for text in texts]
        safe = [text if text.isascii() else _SURROGATES.sub(BARRIER, text) for text in originals]
        encodings = self._library.encode_batch_fast(safe, add_special_tokens=False)
        ids = [encoding.ids for encoding in encodings]
        if self.kind == "word":
            return self._arrays(ids)
        shift = self._first_piece - 1
        rows = self._arrays(ids)
        unknown = [i for i, row in enumerate(ids) if 0 in row]
        again = self._library.encode_batch([safe[i] for i in unknown], add_special_tokens=False)
        for i, encoding in zip(unknown, again, strict=True):
            rows[i] = np.fromiter(_with_bytes(originals[i], encoding, shift), np.int32)
        return rows

    def _arrays(self, ids: list[list[int]]) -> list[np.ndarray]:
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        flat = np.fromiter(chain.from_iterable(ids), np.int32, int(lengths.sum()))
        flat = np.where(flat == 0, UNK, flat + (self._first_piece - 1)).astype(np.int32)
        return np.split(flat, np.cumsum(lengths)[:-1]) if ids else []

    @cached_property
    def _bytes(self) -> list[bytes]:
        """The UTF-8 bytes of every id."""
        own = [piece.encode() for piece in self._pieces]
        if self.kind == "word":
            return [b"", b"", b"", b"<unk>", *own]
        return [b""] * NUM_SPECIAL + [bytes([byte]) for byte in range(NUM_BYTES)] + own

    def _text(self, row: list[int]) -> str:
        if row and not 0 <= min(row) <= max(row) < self.vocab_size:
            bad = min(row) if min(row) < 0 else max(row)
            raise TokenizerError(
                f"token id {bad} is outside the vocabulary; ids are 0 to {self.vocab_size - 1}"
            )
        units = (self._bytes[index] for index in row)
        if self.kind == "word":
            return b" ".join(filter(None, units)).decode()
        return _utf8(b"".join(units)).removeprefix(self._prefix)


def _with_bytes(text: str, encoding: Any, shift: int) -> Iterator[int]:
    for index, (start, end) in zip(encoding.ids, encoding.offsets, strict=True):
        if index:
            yield index + shift
        else:
            yield from (FIRST_BYTE + byte for byte in text[start:end].encode("utf-8", "surrogatepass"))


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


class _Prepared:
    """A re-iterable view of a corpus as the library sees it."""

    def __init__(self, texts: Iterable[str], form: str, prefix: str) -> None:
        self.texts, self.form, self.prefix = texts, form, prefix

    def __iter__(self) -> Iterator[str]:
        if self.form == "none":
            return (self.prefix + text for text in self.texts)
        return (self.prefix + normalized([text], self.form)[0] for text in self.texts)


def _num_reserved(kind: str) -> int:
    return NUM_SPECIAL if kind == "word" else FIRST_BYTE + NUM_BYTES


def _check(kind: str, normalize: str, vocab_size: int | None) -> None:
    if kind not in KINDS:
        raise TokenizerError(f"tokenizer is {kind!r}; use one of {', '.join(KINDS)}")
    if normalize not in NORMALIZERS:
        raise TokenizerError(f"normalize is {normalize!r}; use one of {', '.join(NORMALIZERS)}")
    if vocab_size is not None and vocab_size <= _num_reserved(kind):
        raise TokenizerError(
            f"vocab_size is {vocab_size}; a {kind} tokenizer needs more than {_num_reserved(kind)}, "
            "its special tokens and bytes"
        )


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise TokenizerError(f"no tokenizer file at {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is damaged: it is not UTF-8; copy the folder again") from error


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(_read(path))
        version, kind, normalize = config["format"], config["kind"], config["normalize"]
        config["prefix_space"], config["vocab_size"]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise TokenizerError(f"{path} is damaged: {error}; copy the folder again") from error
    if version != FORMAT_VERSION:
        raise TokenizerError(
            f"{path} has format {version!r}, this textvae reads {FORMAT_VERSION}; update textvae"
        )
    _check(kind, normalize, None)
    return config
