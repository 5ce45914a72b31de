"""What a search has decoded, on disk: enough to go on as if it had never stopped."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from textvae.errors import ConfigError, CorruptRunError, RunExistsError, RunNotFoundError
from textvae.storage.arrays import packed, unpacked
from textvae.storage.atomic import write_file

SETTINGS = "search.json"
PART = "decodes-{:08d}.safetensors"
SAME = 1e-6
"""How far a latent that is asked for again may be from the one on record."""


class SearchLog:
    """Latents, texts and scores in the order of their decoding; with a folder, also there, a file a batch.

    Strategies are functions of their seed and of the scores they are told. To go on with a search is to ask them anew and to tell
    them the scores on record.

    Attributes:
        z: (D,) each.
        texts: their decodes.
        scores: of the texts.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.z: list[Tensor] = []
        self.texts: list[str] = []
        self.scores: list[float] = []

    @classmethod
    def open(cls, folder: str | Path | None, settings: Mapping[str, Any], *, resume: bool) -> "SearchLog":
        """Return the log of a search, with what it holds already where one goes on.

        Args:
            folder: None: it is not kept.
            settings: all that decides what is asked for and what it scores, JSON.
            resume: go on with the search that is there.

        Raises:
            ConfigError: the search there has other settings.
            CorruptRunError: a damaged file.
            RunExistsError: a search is there, and `resume` was not asked for.
            RunNotFoundError: nothing to go on with.
        """
        if folder is None:
            if resume:
                raise RunNotFoundError("a search can go on only from a folder; give the one it was kept in")
            return cls(None)
        log = cls(Path(folder).expanduser())
        path = log._folder / SETTINGS
        if resume:
            _check_same(_settings(log._folder), settings, path)
            log._read()
        elif path.exists():
            raise RunExistsError(
                f"{folder} holds a search already; go on with it (--resume), or name another folder"
            )
        else:
            write_file(path, json.dumps(dict(settings), ensure_ascii=False, indent=2).encode())
        return log

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, z: Tensor, texts: list[str], scores: list[float]) -> None:
        """Take a batch, (N, D); with a folder it is on disk when this returns."""
        if self.folder is not None:
            path = self.folder / PART.format(len(self))
            # JSON within JSON, in ASCII: a text may hold what no UTF-8 can
            write_file(path, packed({"z": z.numpy(), "scores": _array(scores)}, {"texts": json.dumps(texts)}))
        self._extend(z, texts, scores)

    def told(self, z: Tensor, first: int) -> list[float]:
        """Return the scores on record from the `first` on, as far as there are, for latents asked for again, (N, D).

        Raises:
            CorruptRunError: the latents on record are others.
        """
        there = self.z[first : first + len(z)]
        if there and not torch.allclose(torch.stack(there), z[: len(there)], rtol=0, atol=SAME):
            raise CorruptRunError(
                f"{self.folder} cannot be gone on with: its latents are not those that this machine asks for; begin another"
            )
        return self.scores[first : first + len(z)]

    @property
    def _folder(self) -> Path:
        assert self.folder is not None
        return self.folder

    def _read(self) -> None:
        while (path := self._folder / PART.format(len(self))).exists():
            arrays, record = unpacked(path)
            scores = arrays["scores"].tolist()
            texts = json.loads(record["texts"])
            if not len(arrays["z"]) == len(scores) == len(texts) > 0:
                raise CorruptRunError(
                    f"{path} is damaged: it does not hold a text and a score for each latent"
                )
            self._extend(torch.from_numpy(arrays["z"]), texts, scores)

    def _extend(self, z: Tensor, texts: list[str], scores: list[float]) -> None:
        self.z += list(z)
        self.texts += texts
        self.scores += scores


def seed_of(folder: Path) -> int:
    """Return the seed of the search in a folder.

    Raises:
        CorruptRunError: its settings cannot be read.
        RunNotFoundError: no search there.
    """
    return int(_settings(Path(folder).expanduser())["seed"])


def _settings(folder: Path) -> dict[str, Any]:
    path = folder / SETTINGS
    if not path.is_file():
        raise RunNotFoundError(f"no search to go on with in {folder}")
    try:
        settings = json.loads(path.read_bytes())
        settings["seed"]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptRunError(f"{path} is damaged: {error}; begin another search") from error
    return settings


def _check_same(there: Mapping[str, Any], settings: Mapping[str, Any], path: Path) -> None:
    here = json.loads(json.dumps(dict(settings)))
    others = [name for name in here if there.get(name) != here[name]]
    if others:
        known = ", ".join(f"{name} {there.get(name)!r:.60}" for name in others)
        raise ConfigError(
            f"the search in {path.parent} has another {known}; go on with the same, or begin another"
        )


def _array(scores: list[float]) -> Any:
    return torch.tensor(scores, dtype=torch.float64).numpy()
