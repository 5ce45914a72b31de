"""`open_splits`: texts to train on and texts held out, without a text on both sides."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae.config.data import DataConfig
from textvae.data.blobs import exists
from textvae.data.examples import reading_options
from textvae.data.objects import HUB, load_hub
from textvae.data.sources import Corpus, corpus_from, folder_files
from textvae.data.split_names import split_name
from textvae.data.streams import ReadOptions
from textvae.errors import DataError

MAX_VALID_TEXTS = 5000
"""Held-out texts expected at most where they are split off: more make an evaluation slower, not better."""

FEW_TEXTS = 1000
_SPACE = 2**64


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The texts of a run."""

    train: Corpus
    valid: Corpus
    test: Corpus | None = None
    warnings: tuple[str, ...] = ()
    """Sentences for the user, as on a corpus too small; with conditions it is not known yet how many texts there are."""
    num_texts: int
    """Texts read for training, before any are held out."""


@dataclass(frozen=True)
class _Hashes:
    """What one pass over a corpus tells of its texts' hashes."""

    num_texts: int
    smallest: int
    largest: int

    def threshold(self, fraction: float) -> int:
        """Return the hash below which texts are held out; at least one text is on each side."""
        share = min(fraction, MAX_VALID_TEXTS / self.num_texts)
        return min(max(int(share * _SPACE), self.smallest + 1), self.largest)


def open_splits(data: Any, config: DataConfig) -> Splits:
    """Open the texts of a run and hold some out.

    Args:
        data: as for `open_corpus`. A folder with files named train…, valid… (dev…, val…) and test…, a mapping with
            such keys and a Hub data set with such splits are taken as they are divided.
        config: `valid` and `test` name files of held-out texts. Where there are none to validate on, each text whose
            keyed hash falls below a threshold is held out: equal texts fall on the same side, always the same.

    Raises:
        ConfigError: no such encoding.
        DataError: no texts, or fewer than two distinct ones.
        MissingColumnError: no such column.
        TextEncodingError: bytes in another encoding.
    """
    parts = find_parts(data, config)
    options = ReadOptions(
        text=config.text,
        blank_line=config.blank_line,
        encoding=config.encoding,
        **reading_options(config.columns),
    )
    opened = {split: corpus_from(part, options, split) for split, part in parts.items()}
    for split, corpus in opened.items():
        corpus.split = split
    corpus = opened["train"]
    hashes = _survey(corpus, config.split_seed)
    for held_out in ("valid", "test"):
        if held_out in opened and next(iter(opened[held_out]), None) is None:
            raise DataError(f"no texts in {opened[held_out].name}, the {held_out} data; every line is blank")
    train, valid = corpus, opened.get("valid")
    if valid is None:
        train, valid = _divided(corpus, hashes, config)
    return Splits(
        train=train,
        valid=valid,
        test=opened.get("test"),
        warnings=(
            *corpus.findings,
            *_without_text(corpus),
            *(() if config.has_condition else few_texts_warning(hashes.num_texts)),
        ),
        num_texts=hashes.num_texts,
    )


def find_parts(data: Any, config: DataConfig) -> dict[str, Any]:
    """Return the data of each split there is, train always; settings come before what `data` itself divides."""
    if isinstance(data, str) and data.startswith(HUB) and "split=" not in data:
        data = load_hub(data)
    parts = {"train": data}
    if isinstance(data, Mapping):
        parts = _mapping_parts(data)
    elif isinstance(data, str | Path) and exists(folder := Path(data).expanduser()) and folder.is_dir():
        parts = _folder_parts(folder) or parts
    given = {"valid": config.valid, "test": config.test}
    return parts | {split: path for split, path in given.items() if path is not None}


def _without_text(corpus: Corpus) -> tuple[str, ...]:
    """Return a sentence on the rows of a table, read to its end, that have no text; blank lines of plain text are none."""
    if corpus.column is None or not corpus.num_skipped:
        return ()
    return (f"{corpus.num_skipped:,} of {corpus.num_rows:,} rows have no text and are left out",)


def few_texts_warning(num_texts: int) -> tuple[str, ...]:
    """Return a sentence where the texts are too few to learn much from."""
    if num_texts >= FEW_TEXTS:
        return ()
    return (
        f"only {num_texts:,} texts: the model will repeat them more than it learns from them; "
        "a few thousand are a start, tens of thousands are good",
    )


def text_hash(text: str, seed: int) -> int:
    """Return a number in [0, 2^64) that depends on the text and the seed alone (BLAKE2b)."""
    salt = (seed % 2**128).to_bytes(16, "little")
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
    )


def _mapping_parts(data: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for key, part in data.items():
        if (split := split_name(str(key))) is not None:
            parts.setdefault(split, part)
    if "train" not in parts:
        raise DataError(
            f"no train split in the data, which hold {', '.join(map(str, data)) or 'nothing'}; name one train"
        )
    return parts


def _folder_parts(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split; nothing where none is named after training."""
    parts: dict[str, list[Path]] = {}
    for path in folder_files(folder):
        if (split := split_name(path.name)) is not None:
            parts.setdefault(split, []).append(path)
    return parts if "train" in parts else {}


def _survey(corpus: Corpus, seed: int) -> _Hashes:
    num_texts, smallest, largest = 0, _SPACE, -1
    for text in corpus:
        value = text_hash(text, seed)
        num_texts, smallest, largest = num_texts + 1, min(smallest, value), max(largest, value)
    if num_texts == 0:
        raise DataError(f"no texts in {corpus.name}; it is empty or every line is blank")
    if smallest == largest:
        held = "one text" if num_texts == 1 else f"one text, {num_texts} times"
        raise DataError(
            f"{corpus.name} holds {held}; training needs at least two different texts, one to a line"
        )
    return _Hashes(num_texts, smallest, largest)


def _divided(corpus: Corpus, hashes: _Hashes, config: DataConfig) -> tuple[Corpus, Corpus]:
    seed, threshold = config.split_seed, hashes.threshold(config.valid_fraction)
    train = corpus.where(lambda text: text_hash(text, seed) >= threshold, f"train {seed} {threshold}")
    valid = corpus.where(lambda text: text_hash(text, seed) < threshold, f"valid {seed} {threshold}")
    return train, valid
