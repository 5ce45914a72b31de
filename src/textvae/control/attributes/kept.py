"""Attributes on disk: a file each in RUN/attributes."""

from pathlib import Path

from textvae.codec.kept import Kept
from textvae.codec.location import ATTRIBUTES
from textvae.control.attributes.attribute import ARRAYS, Attribute
from textvae.errors import AttributeNotFittedError, CorruptRunError
from textvae.storage.arrays import packed, unpacked


class Attributes(Kept[Attribute]):
    """The attributes of a run by name.

    >>> vae.attributes["sentiment"].values  # doctest: +SKIP
    ('positive', 'negative')
    """

    kind, folder_name, error = "attribute", ATTRIBUTES, AttributeNotFittedError

    def _read(self, path: Path) -> Attribute:
        arrays, record = unpacked(path)
        try:
            return Attribute(**record, **{name: arrays[name] for name in ARRAYS})
        except (TypeError, KeyError) as error:
            raise CorruptRunError(f"{path} describes no attribute: {error}") from error

    def _content(self, one: Attribute) -> tuple[str, bytes]:
        return one.name, packed({name: getattr(one, name) for name in ARRAYS}, one.record())
