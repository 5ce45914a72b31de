"""What a measure is: its name, unit, direction and definition, and what two of its numbers must share."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["higher", "lower", "neither"]

TARGETS = "`</s>` counted, `<s>` and pads not"
UNITS = "units are words between white space, or single letters in scripts without spaces, unless stated otherwise"
WORDS = "one `</s>` a text counted as a word; words are runs between white space, or single letters in scripts without spaces, whatever the tokenizer"
RESAMPLED_NOT = "No interval: resampled texts repeat, and this counts repetition."


@dataclass(frozen=True)
class Definition:
    """One measure.

    Attributes:
        key: its name in reports, JSON and code.
        name: its name in tables.
        unit: what the number counts.
        better: the direction of improvement; "neither" for what is a property.
        text: the definition, denominators included.
        settings: symbols of the text whose values the reader needs beside the number; two numbers are comparable
            where all of them are equal.
        base: key of the measure this one is converted from, or None.
        same: further settings that must be equal for that.
    """

    key: str
    name: str
    unit: str
    better: Direction
    text: str
    settings: tuple[str, ...] = ()
    base: str | None = None
    same: tuple[str, ...] = ()
