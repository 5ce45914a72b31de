"""Texts as points: what a map holds, and the files it is written into."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from textvae.control.maps import page, picture, table
from textvae.control.maps.coloring import Coloring, coloring
from textvae.errors import ConfigError
from textvae.storage.atomic import write_file

NAME = "map"
SUFFIXES = (".png", ".html", ".parquet")


@dataclass(frozen=True, kw_only=True)
class LatentMap:
    """N texts as points in the plane.

    Attributes:
        texts: N of them.
        points: (N, 2) float64.
        z: the posterior means they stand for, (N, D) float32.
        method: pca or umap.
        shares: of the variance of the means along both axes; None: the axes are no directions of z.
        label: what the texts are coloured by; None: nothing.
        values: the label of each text, as it was read; None: there is none.
        kind: categorical, ordinal or numeric; None: as the labels look.
        notes: sentences on which texts they are.
    """

    texts: list[str]
    points: np.ndarray
    z: np.ndarray
    method: str
    shares: tuple[float, float] | None
    label: str | None = None
    values: list[Any] | None = None
    kind: str | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def coloring(self) -> Coloring:
        """The colours of the texts."""
        return coloring(self.values, len(self.texts), self.kind)

    @property
    def axes(self) -> tuple[str, str]:
        """What the axes are."""
        if self.shares is None:
            return f"{self.method} 0", f"{self.method} 1"
        first, second = (
            f"axis {i}: {share:.1%} of the variance of the means" for i, share in enumerate(self.shares)
        )
        return first, second

    @property
    def summary(self) -> str:
        """What it shows, in a sentence."""
        if self.shares is None:
            return (
                f"{len(self.texts):,} texts by {self.method}: near ones are alike, far distances mean nothing"
            )
        return (
            f"{len(self.texts):,} texts by the two principal axes of their posterior means, which hold "
            f"{sum(self.shares):.1%} of the variance"
        )

    def save(self, target: str | Path, *, with_z: bool = False) -> list[Path]:
        """Write a .png, .html or .parquet file, or all three into a folder, and return what was written.

        The page and the table hold the texts; the picture does not.

        Args:
            target: its ending says which; without one of the three it is a folder.
            with_z: whether the table holds the posterior means too.

        Raises:
            ConfigError: another ending of a file's kind, or z for a file that is no table.
            MissingExtraError: a table, without pyarrow.
            SaveError: the disk is full, or another failure; what was there is intact.
        """
        targets = targets_of(target)
        if with_z and not any(path.suffix.lower() == ".parquet" for path in targets):
            raise ConfigError(f"z is written into .parquet alone, and {target} is another file")
        for path in targets:
            write_file(path, self._content(path.suffix.lower(), with_z=with_z))
        return targets

    def _content(self, suffix: str, *, with_z: bool) -> bytes:
        if suffix == ".png":
            return picture.drawn(self.points, self.coloring, axes=self.axes, label=self.label)
        if suffix == ".html":
            return page.page(
                self.texts, self.points, self.coloring, axes=self.axes, label=self.label, summary=self.summary
            ).encode()
        return table.table(
            self.texts, self.points, label=self.label, values=self.values, z=self.z if with_z else None
        )


def targets_of(target: str | Path) -> list[Path]:
    """Return the files that `target` stands for; refuse those that cannot be written.

    Raises:
        ConfigError: an ending of a file that is none of the three.
        MissingExtraError: a table, without pyarrow.
    """
    path = Path(target).expanduser()
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        targets = [path]
    elif path.is_dir() or not suffix:
        targets = [path / f"{NAME}{suffix}" for suffix in SUFFIXES]
    else:
        raise ConfigError(f"a map cannot be written as {suffix}; name a folder or {', '.join(SUFFIXES)}")
    if any(one.suffix.lower() == ".parquet" for one in targets):
        table.check_available()
    return targets
