"""Persons on disk: a file each in RUN/persons."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from textvae.codec.location import HUB
from textvae.data.persons import ARRAYS, Person, checked_name
from textvae.errors import CorruptRunError, PersonError, RunNotFoundError
from textvae.storage.arrays import packed, unpacked
from textvae.storage.atomic import write_file
from textvae.storage.manifest import MANIFEST
from textvae.tasks.persons.merging import merged

FOLDER, SUFFIX = "persons", ".safetensors"


class Persons(Mapping[str, Person]):
    """The persons of a run by name, as files: safetensors with JSON in the header, none of the texts.

    >>> vae.persons["Anna"].num_texts  # doctest: +SKIP
    20
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, run: str | Path) -> "Persons":
        """Return the persons of a run folder.

        Raises:
            RunNotFoundError: no folder, or a saved model, which is replaced whole when it is saved again.
        """
        folder = Path(run).expanduser()
        if str(run).startswith(HUB) or not folder.is_dir() or (folder / MANIFEST).exists():
            raise RunNotFoundError(
                f"{run} is no run folder on this machine; persons are kept in one, beside its model"
            )
        return cls(folder / FOLDER)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._path(name).is_file()

    def __getitem__(self, name: str) -> Person:
        """Read a person.

        Raises:
            ConfigError: a name that no person can have.
            PersonError: nobody of that name; those there are are listed.
            CorruptRunError: a damaged file.
        """
        path = self._there(name)
        arrays, record = unpacked(path)
        try:
            return Person(**record, **{part: arrays[part] for part in ARRAYS if part in arrays})
        except TypeError as error:
            raise CorruptRunError(f"{path} describes no person: {error}") from error

    def keep(self, person: Person, *, overwrite: bool = False) -> None:
        """Write a person's file.

        Raises:
            PersonError: somebody has that name, without `overwrite`.
            SaveError: the disk is full, or another failure.
        """
        self.check_free(person.name, overwrite=overwrite)
        arrays = {part: getattr(person, part) for part in person.parts}
        write_file(self._path(person.name), packed(arrays, person.record()))

    def check_free(self, name: str, *, overwrite: bool = False) -> None:
        """Check that a name can be given to a person.

        Raises:
            ConfigError: a name that no person can have.
            PersonError: somebody has it, without `overwrite`.
        """
        if name in self and not overwrite:
            raise PersonError(
                f"there is a person {name!r} in {self.folder} already; choose another name, or give --overwrite"
            )

    def merge(self, *names: str, into: str, overwrite: bool = False) -> Person:
        """Keep the person that stands for several, see `merged`; they stay.

        Raises:
            PersonError: nobody of that name, persons that do not go together, or `into` is taken.
        """
        person = merged([self[name] for name in names], into)
        self.keep(person, overwrite=overwrite)
        return person

    def delete(self, name: str) -> None:
        """Remove a person's file: nothing else of the person is kept anywhere.

        Raises:
            PersonError: nobody of that name.
        """
        self._there(name).unlink()

    def _path(self, name: str) -> Path:
        return self.folder / (checked_name(name) + SUFFIX)

    def _there(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            known = (
                f"there are {', '.join(self)}"
                if len(self)
                else "there is none yet; fit one with `textvae person fit`"
            )
            raise PersonError(f"no person {name!r} in {self.folder}; {known}")
        return path
