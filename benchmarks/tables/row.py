"""A row of a table: what is trained, on which texts, and how it is measured; read from YAML."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from textvae.config import RunConfig
from textvae.config.presets import language_model, preset
from textvae.tasks.recipes import recipe

HERE = Path(__file__).parent
COMMON = "common.yaml"


@dataclass(frozen=True, kw_only=True)
class Texts:
    """Files under the folder of corpora, and their columns."""

    train: str | list[str]
    """One file, or several one after the other."""
    valid: str | None
    """None: a share of the training texts is held out."""
    test: str | list[str]
    text: str | int | None = None
    """The text's column; None: as `textvae train` finds it."""
    first: int | None = None
    """Train on the first so many texts; None: on all."""
    source: str | int | None = None
    """Of the texts that are answered; see `DataConfig`, also for the next three."""
    labels: str | None = None
    feature: str | None = None
    pairs: str = "none"


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """How the test texts are measured."""

    num_samples: int = 50
    """K."""
    limit: int | None = 1000
    """The first so many test texts; None: all."""
    num_prior: int = 1000
    answers: int = 0
    """To each condition, with measures of their own; 0: none."""
    temperature: float | None = None
    """Of all answers but the first, which is greedy; None: the run's decoding, in which answers differ by their z."""
    judges: bool = False
    """Train language models of the training texts and of random texts: forward and reverse PPL."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training and its measures."""

    table: str
    name: str
    title: str
    """Of the row."""
    corpus: Texts
    purpose: str = "sampling"
    task: str | None = None
    """A recipe, laid under the settings."""
    without_latent: bool = False
    """A language model with the same decoder; of a task, its deterministic twin."""
    init_from: str | None = None
    """The row, table/name, whose run it begins from; None: from nothing."""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Laid over the preset."""
    measuring: Measuring = field(default_factory=Measuring)

    @property
    def config(self) -> RunConfig:
        """All settings."""
        corpus = self.corpus
        columns = {"source": corpus.source, "labels": corpus.labels, "feature": corpus.feature}
        made = {"pairs": corpus.pairs} if corpus.pairs != "none" else {}
        under = recipe(self.task, columns) if self.task else {}
        config = preset(self.purpose).updated(under, {"data": {**columns, **made}}, self.settings)
        return language_model(config) if self.without_latent else config

    @property
    def digest(self) -> str:
        """A hash of what the row's files say."""
        said = {key: value for key, value in asdict(self).items() if key != "init_from" or value is not None}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]

    def made(self, result: dict[str, Any]) -> bool:
        """Whether a result is of this row as it is now: what its files say, and what the settings were without a corpus.

        Settings that came later count as what they are by default: a result made before them was made so.
        """
        if result["digest"] != self.digest:
            return False
        before, now, plain = result["settings_asked"], plainly(self.config), plainly(RunConfig())
        return all(
            value == before[section].get(name, plain[section][name])
            for section, values in now.items()
            for name, value in values.items()
        )


def plainly(config: RunConfig) -> dict[str, dict[str, Any]]:
    """Return settings as JSON gives them back."""
    return json.loads(json.dumps(asdict(config)))


def read_row(path: Path) -> Row:
    """Read a row; its table's `common.yaml` lies under it.

    Raises:
        ValueError: an unknown key.
    """
    common = yaml.safe_load((path.parent / COMMON).read_text(encoding="utf-8"))
    own = yaml.safe_load(path.read_text(encoding="utf-8"))
    merged = _merged({key: value for key, value in common.items() if key not in ("heading", "note")}, own)
    corpus, measuring = merged.pop("corpus"), merged.pop("measuring", {})
    try:
        return Row(
            table=path.parent.name,
            name=path.stem,
            corpus=Texts(**corpus),
            measuring=Measuring(**measuring),
            **merged,
        )
    except TypeError as error:
        raise ValueError(f"{path}: {error}") from error


def row_files(table: str | None = None) -> Iterator[Path]:
    """Return the files of all rows, or of one table's, in the order of their names."""
    for folder in sorted(path for path in HERE.iterdir() if (path / COMMON).exists()):
        if table in (None, folder.name):
            yield from sorted(path for path in folder.glob("*.yaml") if path.name != COMMON)


def heading(table: str) -> tuple[str, str]:
    """Return the heading of a table and the note below it."""
    common = yaml.safe_load((HERE / table / COMMON).read_text(encoding="utf-8"))
    return common["heading"], common.get("note", "").strip()


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return mappings laid over each other at every depth."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
