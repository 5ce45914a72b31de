"""What texts are judged by: the usual criteria, and those of the user's own."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from textvae.errors import ConfigError

NO_NAMES = ("item", "context", "text", "text_a", "text_b", "comment", "rater")
"""Other columns of a sheet."""


@dataclass(frozen=True)
class Criterion:
    """One question about a text.

    Attributes:
        name: heads its column in a sheet.
        label: what raters see, by language.
        question: what it asks, by language.
        needs_context: whether it makes sense only beside what the text was made from.
    """

    name: str
    label: dict[str, str]
    question: dict[str, str]
    needs_context: bool = False


CRITERIA = {
    one.name: one
    for one in (
        Criterion(
            "fluency",
            {"en": "Fluency", "zh": "流畅度"},
            {"en": "Is it grammatical, and does it read smoothly?", "zh": "语法是否正确，读起来是否通顺？"},
        ),
        Criterion(
            "adequacy",
            {"en": "Adequacy", "zh": "忠实度"},
            {"en": "Does it keep the meaning of the source?", "zh": "是否保留了原文的意思？"},
            needs_context=True,
        ),
        Criterion(
            "naturalness",
            {"en": "Naturalness", "zh": "自然度"},
            {"en": "Could a person have written it?", "zh": "像不像人写的？"},
        ),
        Criterion(
            "creativity",
            {"en": "Creativity", "zh": "创意"},
            {"en": "Is it original and interesting?", "zh": "是否新颖、有趣？"},
        ),
    )
}
ALONE, IN_CONTEXT = ("fluency", "naturalness", "creativity"), ("fluency", "adequacy", "naturalness")
"""What is asked unless told otherwise: of texts alone, and of texts shown with what they were made from."""


def criterion(given: str) -> Criterion:
    """Return a criterion from "NAME" (one of the usual ones, or any) or "NAME=QUESTION".

    >>> criterion("humour=Is it funny?").question["en"]
    'Is it funny?'

    Raises:
        ConfigError: a name that cannot head a column, or one almost that of a usual one, without a question.
    """
    name, _, question = (part.strip() for part in given.partition("="))
    if not name[:1].isalpha() or not name.isprintable() or name.casefold() in NO_NAMES:
        raise ConfigError(
            f"{name!r} cannot name a criterion; it has to begin with a letter and be none of {', '.join(NO_NAMES)}"
        )
    if name in CRITERIA and not question:
        return CRITERIA[name]
    if not question and (close := difflib.get_close_matches(name.casefold(), CRITERIA, n=1)):
        raise ConfigError(
            f"no criterion is called {name!r}; did you mean {close[0]}? One of your own comes with its question: {name}=QUESTION"
        )
    label = CRITERIA[name].label if name in CRITERIA else dict.fromkeys(("en", "zh"), name)
    return Criterion(name, label, dict.fromkeys(("en", "zh"), question))


def criteria(given: Sequence[str], *, in_context: bool) -> tuple[Criterion, ...]:
    """Return the criteria of a study.

    Args:
        given: as `criterion` reads them; empty: the usual ones.
        in_context: whether texts are shown with what they were made from.

    Raises:
        ConfigError: one named twice, or one that needs a source where none is shown.
    """
    found = tuple(criterion(one) for one in given or (IN_CONTEXT if in_context else ALONE))
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            raise ConfigError(f"criterion {one.name!r} is given twice; once is enough")
        if one.needs_context and not in_context:
            raise ConfigError(
                f"{one.name} is judged against a source text and there is none; give --data, or another criterion"
            )
    return found
