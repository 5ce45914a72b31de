"""Bytes to characters: a stream decoded in chunks, errors in the user's words."""

import codecs
from collections.abc import Iterator
from dataclasses import replace
from encodings.aliases import aliases

from textvae.config.fields import nearest
from textvae.data.blobs import Blob
from textvae.data.detection import SAMPLE_BYTES, detect_encoding
from textvae.data.streams import ReadOptions
from textvae.errors import ConfigError, TextEncodingError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, with whose mark it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDER = {"gb2312": "gb18030", "gbk": "gb18030"}
"""Files said to be GB2312 or GBK often hold characters of their successor, which reads all three alike."""


def check_encoding(name: str | None) -> None:
    """Raise `ConfigError` with the nearest known name unless `name` is an encoding of text."""
    if name is None:
        return
    try:
        b"x".decode(name)  # no bytes at all would not be looked at
    except UnicodeError:  # one letter is too little for UTF-16
        return
    except (LookupError, ValueError) as error:
        known = {alias.replace("_", "-") for alias in {*aliases, *aliases.values()}}
        hint = nearest(name.lower().replace("_", "-"), known)
        if hint.startswith("known"):  # hundreds
            hint = "utf-8, gb18030, big5, shift-jis and latin-1 are some of those known"
        raise ConfigError(f"unknown encoding {name!r}; {hint}") from error


def sniff_encoding(start: bytes) -> str:
    """Return the encoding that a byte-order mark at the start names; UTF-8 without one."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")


def decoded(blob: Blob, encoding: str | None = None, errors: str = "strict") -> Iterator[str]:
    """Yield the characters of `blob` in pieces, without a byte-order mark.

    Args:
        blob: the bytes.
        encoding: None: UTF-8, or what a byte-order mark says.
        errors: "strict", or "replace" to put U+FFFD where bytes cannot be read.

    Raises:
        TextEncodingError: bytes that are not in this encoding; the likeliest one is named.
    """
    decoder = None
    num_bytes = 0
    for chunk in blob.chunks():
        if decoder is None:
            name = _WIDER.get((encoding or "").lower(), encoding) or sniff_encoding(chunk)
            decoder = codecs.getincrementaldecoder(name)(errors)
        first, num_bytes = num_bytes == 0, num_bytes + len(chunk)
        text = _decode(decoder, chunk, blob, num_bytes, name)
        yield text.removeprefix("\ufeff") if first else text
    if decoder is not None:
        yield _decode(decoder, b"", blob, num_bytes, name, final=True)


def lines(blob: Blob, encoding: str | None = None, errors: str = "strict") -> Iterator[str]:
    r"""Yield the lines of `blob`, each with its end; only "\n" ends a line (U+2028 and the like are text)."""
    pending: list[str] = []
    for text in decoded(blob, encoding, errors):
        first, *others = text.split("\n")
        pending.append(first)
        if others:
            yield "".join(pending) + "\n"
            yield from (line + "\n" for line in others[:-1])
            pending = [others[-1]]
    if last := "".join(pending):
        yield last


def probe(blob: Blob, options: ReadOptions) -> tuple[ReadOptions, str, tuple[str, ...]]:
    """Find settings that read `blob` whatever its bytes, by reading it once.

    Returns:
        the settings, the encoding's name or "not recognised", and notes on what is wrong with the file.
    """
    name = options.encoding or sniff_encoding(blob.start(4))
    try:
        for _ in decoded(blob, name):
            pass
    except TextEncodingError as error:
        cause = error.__cause__
        guess = _guess(cause) if isinstance(cause, UnicodeDecodeError) else None
        told = guess or "not recognised"
        return replace(options, encoding=guess or "utf-8", errors="replace"), told, (str(error),)
    return options, name, ()


def _decode(
    decoder: codecs.IncrementalDecoder,
    chunk: bytes,
    blob: Blob,
    num_bytes: int,
    name: str,
    *,
    final: bool = False,
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        offset = (
            num_bytes - len(error.object) + error.start
        )  # the decoder's buffer ends where reading has come to
        raise TextEncodingError(_complaint(blob.name, name, error, offset)) from error
    except UnicodeError as error:  # UTF-16 and UTF-32 of the wrong byte order
        raise TextEncodingError(f"{blob.name} is not {name}: {error}; state another --encoding") from error


def _complaint(file: str, name: str, error: UnicodeDecodeError, offset: int) -> str:
    what = f"{file} is not {_label(name)} (byte 0x{error.object[error.start]:02x} at offset {offset})"
    guess = _guess(error)
    if guess is None:
        return f"{what}; its encoding is not recognised: state it with --encoding"
    if guess == "utf-8" and _label(name) == "UTF-8":
        return f"{what}; the rest is UTF-8: repair or remove that line"
    return f"{what}; it looks like {guess}: read it with --encoding {guess}"


def _guess(error: UnicodeDecodeError) -> str | None:
    """Detect the encoding from whole lines around the error."""
    data = error.object
    latest = min(error.start, max(0, len(data) - SAMPLE_BYTES))
    return detect_encoding(data[data.rfind(b"\n", 0, latest) + 1 :])


def _label(name: str) -> str:
    return "UTF-8" if codecs.lookup(name).name == "utf-8" else name
