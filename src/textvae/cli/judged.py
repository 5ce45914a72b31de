"""The texts that are judged: random ones or reconstructions of runs, and those of files."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textvae.cli.groups import Decoding, Reading, WithModel
from textvae.config import GREEDY
from textvae.data.blobs import exists
from textvae.errors import DataError, MissingColumnError

if TYPE_CHECKING:
    from textvae.config.conditions import Columns

Texts = dict[str, list[str]]
"""By system."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Which texts are judged.

    Attributes:
        given: models, as RUN or NAME=RUN.
        files: NAME=FILE each.
        num: texts of each system, at most.
        seed: of which texts are taken, and of random ones.
        decoding: of the runs.
        reading: of data, and the encoding of files.
        common: models are loaded with it, notes are printed through it.
    """

    given: list[str]
    files: list[str]
    num: int
    seed: int
    decoding: Decoding
    reading: Reading
    common: WithModel

    def texts(self, data: str | None) -> tuple[Texts, list[str] | None]:
        """Return equally many texts of each system, and what they were made from.

        Args:
            data: texts that runs reconstruct, or as sources answer to, and that the lines of files are made from; None: texts are random ones.

        Raises:
            DataError: a file without texts, or without a line for each text of `data`.
        """
        files = [_named(given) for given in self.files]
        _check_names(names := [*self.names, *(name for name, _ in files)])
        of_files = {name: _lines(path, self.reading) for name, path in files}
        found, contexts = (self._random(of_files), None) if data is None else self._made(of_files, data)
        if (taken := len(found[names[0]])) < self.num:
            self.common.screen.note(f"note: {taken} texts of each system; there are no {self.num}")
        return {name: found[name] for name in names}, contexts

    @property
    def runs(self) -> list[str]:
        """Where the models are."""
        return [run for _, run in map(_named_run, self.given)]

    @property
    def names(self) -> list[str]:
        """What runs are called: as they are named; else their last folder's name, or all of the path where names are equal."""
        short = [name or Path(run).expanduser().resolve().name for name, run in map(_named_run, self.given)]
        return [
            run if not name and short.count(shown) > 1 else shown
            for shown, (name, run) in zip(short, map(_named_run, self.given), strict=True)
        ]

    def _random(self, of_files: Texts) -> Texts:
        """Return random texts of runs, and random lines of files; blank lines are none."""
        lines = {name: [line for line in texts if line.strip()] for name, texts in of_files.items()}
        num = min([self.num, *map(len, lines.values())])
        found = {name: [texts[row] for row in self._rows(len(texts))[:num]] for name, texts in lines.items()}
        for name, run in zip(self.names, self.runs, strict=True):
            self.common.screen.note(f"random texts of {run}")
            vae = self.common.load(run)
            if vae.codec.schema is not None and vae.codec.schema.source_max_length:
                self.common.screen.note(
                    f"note: {run} answers to sources, and speaks freely here; its answers are judged with --data"
                )
            decoding = self.decoding.over(vae.codec.decoding)
            found[name] = vae.sample(num, decoding=decoding, seed=self.seed)
        return found

    def _made(self, of_files: Texts, data: str) -> tuple[Texts, list[str]]:
        """Return reconstructions by runs, or answers, the lines of files beside them, and the originals."""
        originals = self._originals(data, is_whole=bool(of_files))
        for name, texts in of_files.items():
            if len(texts) != len(originals):
                raise DataError(
                    f"{name} has {len(texts)} lines and {data} {len(originals)} texts; "
                    "line i has to be made from text i"
                )
        rows = self._rows(len(originals))[: self.num]
        contexts = [originals[row] for row in rows]
        found = {name: [texts[row] for row in rows] for name, texts in of_files.items()}
        for name, run in zip(self.names, self.runs, strict=True):
            found[name] = self._made_by(run, contexts)
        return found, contexts

    def _made_by(self, run: str, contexts: list[str]) -> list[str]:
        """Return what a run makes of texts: answers, where it takes a source, else reconstructions."""
        vae, decoding = self.common.load(run), self.decoding.over(GREEDY)
        schema = vae.codec.schema
        if schema is None or not schema.source_max_length:
            self.common.screen.note(f"reconstructions of {run}")
            return vae.reconstruct(contexts, decoding=decoding, seed=self.seed)
        from textvae.tasks.measuring import answer_all

        self.common.screen.note(f"answers of {run}")
        if self.decoding.settings:
            found = vae.generate_each(
                {"source": contexts}, 1, decoding=self.decoding.over(vae.codec.decoding), seed=self.seed
            )
            return [several[0].text if several else "" for several in found]
        given = vae.codec.conditions({"source": contexts}, len(contexts))
        assert given is not None
        return [first for [first] in answer_all(vae.codec, given, 1, sources=contexts, seed=self.seed)]

    def _originals(self, data: str, *, is_whole: bool) -> list[str]:
        """Return the texts of a corpus, or the sources: of what runs were trained on, the held-out share, unless lines belong to all."""
        from textvae.cli.measuring import held_out_share
        from textvae.data.examples import read_cells

        columns, reading = self._columns()
        try:
            corpus = self.reading.open(data, self.common.screen, **reading)
        except MissingColumnError:
            if columns is None:
                raise
            corpus = self.reading.open(data, self.common.screen, expected=columns.source)
            columns = None  # sources alone
        for run in () if is_whole else self.runs:
            corpus, _ = held_out_share(run, data, corpus, self.common.screen)
        sources = None if columns is None else read_cells(corpus, columns).sources
        originals = list(corpus) if sources is None else [source for source in sources if source]
        if not originals:
            raise DataError(f"no texts in {data}; it is empty or every line is blank")
        return originals

    def _columns(self) -> "tuple[Columns | None, dict[str, Any]]":
        """Return what the first run with a column of sources reads, and how; without such a run the texts' column."""
        column = None
        for run in self.runs:
            vae = self.common.load(run)
            schema = vae.codec.schema
            if schema and schema.columns.source is not None:
                return schema.columns, vae.reading
            column = vae.text_column if column is None else column
        return None, {"expected": column}

    def _rows(self, num: int) -> list[int]:
        """Return the numbers of `num` texts in a random order, always the same."""
        import numpy as np

        return np.random.default_rng(self.seed).permutation(num).tolist()


def _named(given: str) -> tuple[str, Path]:
    name, equals, path = given.partition("=")
    if not name.strip() or not equals or not path:
        raise typer.BadParameter(f"{given!r} is not NAME=FILE")
    return name.strip(), Path(path).expanduser()


def _named_run(given: str) -> tuple[str, str]:
    """Return the name that a run is given, "" for none, and the run; a path that is there is no name."""
    name, equals, run = given.partition("=")
    is_named = equals and name.strip() and run and "/" not in name and not exists(Path(given).expanduser())
    return (name.strip(), run) if is_named else ("", given)


def _check_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise typer.BadParameter(f"two systems are called {name!r}; name them apart, a run as NAME=RUN")


def _lines(path: Path, reading: Reading) -> list[str]:
    """Return the lines of a file, blank ones too."""
    from textvae.data.blobs import file_blob
    from textvae.data.encodings import lines

    found = [line.rstrip("\r\n") for line in lines(file_blob(path), reading.encoding)]
    if not any(line.strip() for line in found):
        raise DataError(f"no texts in {path}; it is empty or every line is blank")
    return found
