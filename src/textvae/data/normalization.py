"""Optional normalisation of texts: Unicode NFKC, traditional to simplified Chinese; symbols set apart from words."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from textvae.errors import MissingExtraError


def normalized(texts: Sequence[str], form: str) -> Sequence[str]:
    """Return the texts in a form: none, nfkc, simplified or nfkc+simplified.

    >>> normalized(["ＡＢＣ"], "nfkc")
    ['ABC']

    Raises:
        MissingExtraError: simplified needs the `chinese` extra.
    """
    for step in form.split("+"):
        if step == "nfkc":
            texts = [unicodedata.normalize("NFKC", text) for text in texts]
        elif step == "simplified":
            texts = [text if text.isascii() else _converter().convert(text) for text in texts]
    return texts


PIECES = re.compile(r"[^\W_]+(?:(?:[-'’.]|(?<=\d)[:,/](?=\d))[^\W_]+)*|[^\w\s]|_")
"""Words and numbers, with what joins their parts; else single symbols."""


def set_apart(text: str) -> str:
    """Return a text with a space around each symbol that does not join the parts of a word or number.

    >>> set_apart("inform(name='angkor borei';phone=415-5501;price=4.50)")
    "inform ( name = ' angkor borei ' ; phone = 415-5501 ; price = 4.50 )"
    """
    return " ".join(PIECES.findall(text))


@cache
def _converter() -> Any:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise MissingExtraError("opencc-python-reimplemented", "chinese") from error
    return OpenCC("t2s")
