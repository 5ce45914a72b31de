"""Names that people give and that become names of files; articles and numbers before nouns in messages."""

import re
import unicodedata

from textvae.errors import ConfigError

LONGEST_NAME = 60
_NAME = re.compile(r"\w(?:[\w .·'’-]*[\w'’])?")


def checked_name(name: str, kind: str) -> str:
    """Return a name, composed and stripped: letters of any script, digits, and between them . - ' · and spaces.

    Raises:
        ConfigError: it is empty, too long, or could be taken for a path.
    """
    name = unicodedata.normalize("NFC", name).strip()
    if len(name) > LONGEST_NAME or not _NAME.fullmatch(name):
        raise ConfigError(
            f"{with_article(kind)} cannot be named {name[:LONGEST_NAME]!r}; "
            f"write 1 to {LONGEST_NAME} letters, digits, spaces, . - or '"
        )
    return name


def with_article(kind: str) -> str:
    """Return "a person", "an attribute"."""
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "text"), counted(2000, "text")
    ('1 text', '2,000 texts')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
