"""Persons on disk: a file each in RUN/persons."""

from pathlib import Path

from textvae.codec.kept import Kept
from textvae.codec.location import PERSONS
from textvae.data.persons import ARRAYS, Person
from textvae.errors import CorruptRunError, PersonError
from textvae.storage.arrays import packed, unpacked
from textvae.tasks.persons.merging import merged


class Persons(Kept[Person]):
    """The persons of a run by name.

    >>> vae.persons["Anna"].num_texts  # doctest: +SKIP
    20
    """

    kind, folder_name, error = "person", PERSONS, PersonError

    def merge(self, *names: str, into: str, overwrite: bool = False) -> Person:
        """Keep the person that stands for several, see `merged`; they stay.

        Raises:
            PersonError: nobody of that name, persons that do not go together, or `into` is taken.
        """
        person = merged([self[name] for name in names], into)
        self.keep(person, overwrite=overwrite)
        return person

    def _read(self, path: Path) -> Person:
        arrays, record = unpacked(path)
        try:
            return Person(**record, **{part: arrays[part] for part in ARRAYS if part in arrays})
        except TypeError as error:
            raise CorruptRunError(f"{path} describes no person: {error}") from error

    def _content(self, one: Person) -> tuple[str, bytes]:
        return one.name, packed({part: getattr(one, part) for part in one.parts}, one.record())
