"""What is fitted to a model and kept in its run folder: a file each, numbers and none of the texts."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

from textvae.codec.location import HUB
from textvae.config.names import checked_name, with_article
from textvae.errors import RunError, RunNotFoundError
from textvae.storage.atomic import write_file
from textvae.storage.manifest import MANIFEST

T = TypeVar("T")

SUFFIX = ".safetensors"


class Kept(Mapping[str, T], Generic[T]):
    """Things by name, as files of one folder: safetensors with JSON in the header."""

    kind: ClassVar[str]
    """What one is called, and the first word of the verb that fits it."""
    folder_name: ClassVar[str]
    """In the run folder."""
    error: ClassVar[type[RunError]]
    """Raised where there is none of a name, or one already."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, run: str | Path) -> Self:
        """Return those of a run folder.

        Raises:
            RunNotFoundError: no folder, or a saved model, which is replaced whole when it is saved again.
        """
        folder = Path(run).expanduser()
        if str(run).startswith(HUB) or not folder.is_dir() or (folder / MANIFEST).exists():
            what = "a model alone" if (folder / MANIFEST).exists() else "no run folder on this machine"
            raise RunNotFoundError(
                f"{run} is {what}; {cls.folder_name} are kept in a run folder, beside its model"
            )
        return cls(folder / cls.folder_name)

    @abstractmethod
    def _read(self, path: Path) -> T: ...

    @abstractmethod
    def _content(self, one: T) -> tuple[str, bytes]:
        """Return the name and the file's bytes."""
        ...

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._path(name).is_file()

    def __getitem__(self, name: str) -> T:
        """Read one.

        Raises:
            ConfigError: a name that none can have.
            RunError: none of that name, of the class `error`; those there are are listed.
            CorruptRunError: a damaged file.
        """
        return self._read(self._there(name))

    def keep(self, one: T, *, overwrite: bool = False) -> None:
        """Write one's file.

        Raises:
            RunError: the name is taken, without `overwrite`; of the class `error`.
            SaveError: the disk is full, or another failure.
        """
        name, content = self._content(one)
        self.check_free(name, overwrite=overwrite)
        write_file(self._path(name), content)

    def check_free(self, name: str, *, overwrite: bool = False) -> None:
        """Check that a name can be given.

        Raises:
            ConfigError: a name that none can have.
            RunError: it is taken, without `overwrite`; of the class `error`.
        """
        if name in self and not overwrite:
            raise self.error(
                f"there is {with_article(self.kind)} {name!r} in {self.folder} already; choose another name, or give --overwrite"
            )

    def delete(self, name: str) -> None:
        """Remove one's file: nothing else of it is kept anywhere.

        Raises:
            RunError: none of that name; of the class `error`.
        """
        self._there(name).unlink()

    def _path(self, name: str) -> Path:
        return self.folder / (checked_name(name, self.kind) + SUFFIX)

    def _there(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            known = (
                f"there are {', '.join(self)}"
                if len(self)
                else f"there is none yet; fit one with `textvae {self.kind} fit`"
            )
            raise self.error(f"no {self.kind} {name!r} in {self.folder}; {known}")
        return path
