"""Results that are kept: a file for each (model, texts, settings), written as each family of measures is done.

It holds numbers, and texts that the model made up; none of the texts that were measured.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae import __version__
from textvae.evaluation.record import Evaluation, Part
from textvae.storage.atomic import write_file

SUFFIX = ".json"


@dataclass
class Kept:
    """The results of one evaluation in a folder.

    Attributes:
        folder: where they lie.
        settings: of the evaluation, texts included.
        model: tells the model apart.
        fresh: whether what is there already is measured again.
    """

    folder: Path
    settings: dict[str, Any]
    num_cut: int
    model: str
    state: str
    fresh: bool = False

    def __post_init__(self) -> None:
        self._families: dict[str, Any] = {} if self.fresh else read_record(self.path).get("families", {})

    @property
    def path(self) -> Path:
        """The file."""
        key = json.dumps([__version__, self.model, self.settings], sort_keys=True)
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}{SUFFIX}"

    def get(self, family: str, inputs: dict[str, Any]) -> Part | None:
        """Return what a family found with these inputs; None if it was not measured, or with others."""
        record = self._families.get(family)
        return Part.from_json(record) if record and record["inputs"] == inputs else None

    def put(self, family: str, inputs: dict[str, Any], part: Part) -> None:
        """Write down what a family found.

        Raises:
            SaveError: the disk is full, or another failure.
        """
        self._families[family] = {"inputs": inputs, **part.to_json()}
        record = {
            "textvae": __version__,
            "model": self.model,
            "state": self.state,
            "settings": self.settings,
            "num_cut": self.num_cut,
            "families": self._families,
        }
        write_file(self.path, json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def read_record(path: Path) -> dict[str, Any]:
    """Return a record; nothing where there is none, or a damaged one, which will be measured again."""
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def kept_evaluations(folder: Path, state: str) -> list[Evaluation]:
    """Return the evaluations kept in a folder of the model as it is, its `state_digest`, the newest first."""
    paths = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime, reverse=True)
    records = (
        record
        for path in paths
        if "families" in (record := read_record(path)) and record.get("state") == state
    )
    return [
        Evaluation(
            parts={name: Part.from_json(part) for name, part in record["families"].items()},
            settings=record["settings"],
            num_cut=record["num_cut"],
        )
        for record in records
    ]
