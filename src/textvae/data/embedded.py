"""The corpora that ship inside two small packages, so that the first command downloads nothing."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from textvae.config.fields import check_choice
from textvae.data.blobs import file_blob
from textvae.data.encodings import lines
from textvae.errors import MissingExtraError


def embedded_texts(language: str) -> list[str]:
    """Return the sentences of an embedded corpus.

    Args:
        language: "english" (randfacts: 7,193 facts, MIT) or "chinese" (hsk-sentences-audio: 4,354 sentences,
            CC BY-SA 4.0).

    Raises:
        ConfigError: another language.
        MissingExtraError: the package is not installed.
    """
    check_choice("language", language, ("chinese", "english"))
    return _facts() if language == "english" else _sentences()


def embedded_sentences() -> list[dict[str, Any]]:
    """Return the Chinese sentences with what is known of them: chinese, english, level (HSK 1 to 6) and topic.

    Raises:
        MissingExtraError: the package is not installed.
    """
    return [
        {
            "chinese": sentence["chinese"],
            "english": sentence["translation"]["en"],
            "level": sentence["hsk_level"],
            "topic": sentence["topic"],
        }
        for sentence in _loaded()
    ]


def _facts() -> list[str]:
    spec = find_spec("randfacts")
    if spec is None or spec.origin is None:
        raise MissingExtraError("randfacts", "demo")
    stripped = (line.strip() for line in lines(file_blob(Path(spec.origin).with_name("safe.txt"))))
    return [line for line in stripped if line]


def _sentences() -> list[str]:
    return [sentence["chinese"] for sentence in _loaded()]


def _loaded() -> list[dict[str, Any]]:
    try:
        from hsk_sentences_audio import load_sentences
    except ImportError as error:
        raise MissingExtraError("hsk-sentences-audio", "demo") from error
    return load_sentences()
