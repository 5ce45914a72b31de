"""Which texts of a corpus a run was trained on, and which it held out: the latter are those to measure on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textvae.data.sources import Corpus
from textvae.data.splits import Splits, open_splits
from textvae.errors import DataError, RunNotFoundError
from textvae.training.summary import Summary, summarize


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What a run is to be measured on."""

    to_measure: Corpus
    trained_on: Corpus | None = None
    """None: not among the texts that were given."""
    note: str | None = None
    """What a user should know of the choice."""


def held_out_corpus(run: str | Path, data: Any) -> Corpus:
    """Return the texts that a run held out of its training data.

    Args:
        run: the run folder.
        data: what it was trained on, as for `TextVAE.train`; it is read and divided by the run's own settings.

    Raises:
        RunNotFoundError: there is no run folder, or only a model that does not say what it was trained on.
        DataError: the run was trained on other texts.
    """
    found = summarize(run, verify=False)
    if found.settings is None or not found.facts:
        raise RunNotFoundError(f"{run} does not say what it was trained on; a run folder is needed")
    splits = open_splits(data, found.settings.data)
    if not _is_of(found, splits):
        name = found.facts["train"]["name"]
        raise DataError(f"{run} was not trained on these texts, but on {name}; give that, read the same way")
    return splits.valid


def shares_of(run: str | Path, data: Any, corpus: Corpus) -> Shares:
    """Return the held-out share, where the run was trained on `data`, opened as `corpus`; else the corpus."""
    found = summarize(run, verify=False)
    if found.settings is None or not found.facts:
        return Shares(to_measure=corpus)
    if corpus.fingerprint == found.facts["train"]["sha256"]:
        note = "the run was trained on these very texts; measures on them look better than they are"
        return Shares(to_measure=corpus, note=note)
    try:
        is_folder = Path(data).expanduser().is_dir()  # its files may be splits
        splits = open_splits(data if is_folder else corpus, found.settings.data)
    except DataError:  # too few texts to divide, or the held-out file is gone: not what was trained on
        return Shares(to_measure=corpus)
    if not _is_of(found, splits):
        return Shares(to_measure=corpus)
    note = "the run was trained on these data; only the texts it held out are used"
    return Shares(to_measure=splits.valid, trained_on=splits.train, note=note)


def _is_of(found: Summary, splits: Splits) -> bool:
    return splits.train.fingerprint == found.facts["train"]["sha256"]
