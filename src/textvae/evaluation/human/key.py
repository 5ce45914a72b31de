"""The key of a study: which system each text is from. Raters never see it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from textvae.errors import DataError

KEY_FILE, FORMAT = "key.json", 1
MODES = ("rate", "compare")
"""Marks from 1 to 5 for one text, or a preference between two."""
LOW, HIGH = 1, 5


@dataclass(frozen=True)
class Place:
    """What an item of a sheet is.

    Attributes:
        number: of the text within its system; of the source, where texts are made from sources.
        systems: whose texts are shown, from left to right: one, or two that are compared.
        sheet: the sheet's number, from 1.
        is_repeat: whether the sheet showed the same before, to see whether a rater agrees with themselves.
    """

    number: int
    systems: tuple[str, ...]
    sheet: int
    is_repeat: bool = False


@dataclass(frozen=True, kw_only=True)
class Key:
    """What a tally needs besides the filled sheets.

    Attributes:
        study: tells studies apart; every item's name begins with it.
        mode: "rate" or "compare".
        systems: names; differences are from the earlier to the later.
        criteria: names of the columns.
        is_paired: whether texts of equal number were made from the same source.
        places: what each item is.
    """

    study: str
    mode: str
    systems: tuple[str, ...]
    criteria: tuple[str, ...]
    is_paired: bool
    places: dict[str, Place]

    def to_json(self) -> str:
        """Return the key as text."""
        record = {"format": FORMAT, **asdict(self)}
        return json.dumps(record, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a key file, or the one of a study's folder.

        Raises:
            DataError: no key there, or none that can be read.
        """
        path = Path(path).expanduser()
        path = path / KEY_FILE if path.is_dir() else path
        try:
            return cls._of(json.loads(path.read_bytes()))
        except OSError as error:
            raise DataError(f"no key at {path}; give the folder that `textvae judge make` wrote") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{path} is no key of a study; give the one that `textvae judge make` wrote"
            ) from error

    @classmethod
    def _of(cls, record: dict[str, Any]) -> Self:
        if record.pop("format") != FORMAT or record["mode"] not in MODES:
            raise ValueError("of another version")
        places = {
            item: Place(**one | {"systems": tuple(one["systems"])})
            for item, one in record.pop("places").items()
        }
        systems, criteria = tuple(record.pop("systems")), tuple(record.pop("criteria"))
        return cls(**record, systems=systems, criteria=criteria, places=places)
