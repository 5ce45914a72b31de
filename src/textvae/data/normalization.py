"""Optional normalisation of texts: Unicode NFKC, traditional to simplified Chinese."""

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


@cache
def _converter() -> Any:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise MissingExtraError("opencc-python-reimplemented", "chinese") from error
    return OpenCC("t2s")
