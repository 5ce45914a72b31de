"""`inspect_corpus`: what a corpus holds, and the settings that suit it; nothing is trained."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from textvae.config.data import DataConfig
from textvae.data.advice import Suggestions, suggest
from textvae.data.blobs import stdin_blob
from textvae.data.histograms import Lengths
from textvae.data.sources import Corpus, corpus_from
from textvae.data.splits import few_texts_warning, find_parts, text_hash
from textvae.data.streams import ReadOptions
from textvae.data.survey import Survey
from textvae.data.tokenizer_defaults import SAMPLE_TEXTS, default_kind

_LONG_TEXT_WORDS = 2000


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What `inspect_corpus` found; `dataclasses.asdict` gives plain JSON."""

    name: str
    encoding: str
    """Of the files; "unicode" for texts that come decoded."""
    num_texts: int
    num_skipped: int
    """Blank texts and rows without one."""
    num_distinct: int
    num_duplicates: int
    distinct_is_exact: bool
    """Above four million distinct texts their number is an estimate."""
    num_valid: int | None
    """Texts of the given held-out data; None: they are to be split off."""
    num_valid_in_train: int | None
    """Held-out texts that are also trained on."""
    characters: Lengths
    words: Lengths
    """Words between spaces; in scripts without spaces, characters."""
    num_characters: int
    num_distinct_characters: int
    scripts: dict[str, float]
    """Shares of the letters, largest first."""
    num_nul: int
    num_control: int
    """Other control characters, tab and line ends not counted."""
    num_replacement: int
    """U+FFFD, which stands where something could not be read."""
    longest: str
    """The beginning of the longest text."""
    suggestions: Suggestions | None
    """None: there is nothing to train on."""
    notes: tuple[str, ...]


def inspect_corpus(
    data: Any,
    *,
    text: str | int | None = None,
    blank_line: bool = False,
    encoding: str | None = None,
    valid: str | None = None,
) -> Inspection:
    """Read a corpus once or twice and describe it; memory is bounded, whatever its size.

    Odd content (another encoding, NUL bytes, no text at all) is reported, not refused.

    Args:
        data: as for `open_splits`; of data already divided, the training texts are described.
        text: the column, as for `open_corpus`.
        blank_line: as for `open_corpus`.
        encoding: as for `open_corpus`; where it does not fit, the likeliest one is used and noted.
        valid: a file of held-out texts; those that also occur in the training texts are counted.

    Raises:
        ConfigError: no such encoding.
        DataError: no such file, or one that is not in the format its name says.
        MissingColumnError: no such column.
    """
    config = DataConfig(text=text, blank_line=blank_line, encoding=encoding, valid=valid)
    options = ReadOptions(text=text, blank_line=blank_line, encoding=encoding, probe=True)
    parts = find_parts(stdin_blob() if isinstance(data, str) and data == "-" else data, config)
    corpus = corpus_from(parts["train"], options)
    survey = Survey(corpus)
    held_out = _hashes(corpus_from(parts["valid"], options)) if "valid" in parts else None
    return _report(corpus, survey, held_out)


def _hashes(corpus: Corpus) -> "array[int]":
    return array("Q", (text_hash(text, 0) for text in corpus))


def _report(corpus: Corpus, survey: Survey, held_out: "array[int] | None") -> Inspection:
    num_distinct = min(survey.distinct.count(), survey.num_texts)
    common = None if held_out is None else survey.distinct.count_common(held_out)
    characters, words = survey.characters.summary(), survey.words.summary()
    kind = default_kind(islice(corpus, SAMPLE_TEXTS))
    found = Inspection(
        name=corpus.name,
        encoding=", ".join(corpus.encodings) or "unicode",
        num_texts=survey.num_texts,
        num_skipped=corpus.num_skipped,
        num_distinct=num_distinct,
        num_duplicates=survey.num_texts - num_distinct,
        distinct_is_exact=survey.distinct.is_exact,
        num_valid=None if held_out is None else len(held_out),
        num_valid_in_train=common,
        characters=characters,
        words=words,
        num_characters=survey.characters.total,
        num_distinct_characters=len(survey.alphabet),
        scripts=dict(_shares(survey.scripts)),
        num_nul=survey.num_nul,
        num_control=survey.num_control,
        num_replacement=survey.num_replacement,
        longest=survey.longest,
        suggestions=suggest(kind, survey.characters.total, characters, words) if num_distinct > 1 else None,
        notes=(),
    )
    return replace(found, notes=(*corpus.notes, *corpus.findings, *_notes(found)))


def _shares(scripts: Counter[str]) -> Iterator[tuple[str, float]]:
    total = scripts.total()
    return ((name, count / total) for name, count in scripts.most_common())


def _notes(found: Inspection) -> Iterator[str]:
    """Say in sentences what a person should know before training."""
    if found.num_distinct < 2:
        there = "there is one text only" if found.num_distinct else "there are no texts"
        yield f"{there}; training needs at least two different ones, one to a line"
    else:
        yield from few_texts_warning(found.num_texts)
    if found.num_skipped:
        yield f"{found.num_skipped:,} blank texts are left out"
    if found.num_duplicates * 20 > found.num_texts:
        share = found.num_duplicates / found.num_texts
        yield f"{share:.0%} of the texts repeat an earlier one; the model will favour them"
    if found.num_valid_in_train:
        yield (
            f"{found.num_valid_in_train:,} of the {found.num_valid:,} held-out texts are trained on too; "
            "measures on them will look better than they are"
        )
    yield from _character_notes(found)
    if found.words.max > _LONG_TEXT_WORDS:
        yield f"the longest text has {found.words.max:,} words; is each text on its own line?"


def _character_notes(found: Inspection) -> Iterator[str]:
    if found.num_nul * 4 > found.num_characters:
        yield f"{found.num_nul:,} NUL characters: this may be UTF-16; try --encoding utf-16-le"
    elif found.num_nul:
        yield f"{found.num_nul:,} NUL characters are kept as characters"
    if found.num_control:
        yield f"{found.num_control:,} control characters are kept as characters"
    if found.num_replacement:
        yield f"{found.num_replacement:,} characters stand for something that could not be read (U+FFFD)"
    main = sorted(found.scripts, key=lambda name: -found.scripts[name])[:2]
    if len(main) == 2 and found.scripts[main[1]] > 0.2:
        yield f"two scripts are mixed, {main[0]} and {main[1]}; a subword tokenizer serves both"
