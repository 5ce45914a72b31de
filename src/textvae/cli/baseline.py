"""What the doctor needs besides a model: the run's training data, and the language model it is compared with."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from textvae.cli.groups import Common
from textvae.cli.verb import INTERRUPTED
from textvae.diagnostics.remedies import UNNAMED
from textvae.errors import ConfigError, DataError, MissingExtraError
from textvae.progress import clock

if TYPE_CHECKING:
    from textvae.codec import Codec
    from textvae.data.sources import Corpus


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """The training data of a run, as far as they are here."""

    title: str
    """What training called them."""
    name: str = UNNAMED
    """What a command may call them."""
    source: Any = None
    """They themselves; None: they are not here."""
    valid: "Corpus | None" = None
    """What training held out."""
    valid_name: str | None = None
    """Of the file that it held out by name; None: it divided the data."""


def find_training_data(run: str, *given: str | None) -> TrainingData:
    """Look for what a run was trained on: among what the user names, in a file of its name, in the embedded corpora.

    It is known by its fingerprint; the settings of the run say how it is read and divided.
    """
    from textvae.data.splits import open_splits
    from textvae.training.summary import summarize

    found = summarize(run, verify=False)
    if found.settings is None or not found.facts:
        return TrainingData(title="its training data")
    train = found.facts["train"]
    title = train["name"].removesuffix(" (train)")
    for name, source in _candidates(title, [name for name in given if name is not None]):
        try:
            splits = open_splits(source, found.settings.data)
        except (DataError, OSError):  # not there, or not texts; told when it is asked for as such
            continue
        if splits.train.fingerprint == train["sha256"]:
            named = found.settings.data.valid
            return TrainingData(
                title=title,
                name=name,
                source=source,
                valid=splits.valid,
                valid_name=None if named is None else Path(named).name,
            )
    return TrainingData(title=title)


def baseline_of(run: str, known: TrainingData, common: Common, *, wanted: bool | None) -> "Codec | None":
    """Return the language model of a run: trained where it is wanted, read where it is there already.

    Args:
        run: a run folder.
        known: its training data.
        common: device and screen.
        wanted: True: train it, if need be; False: none; None: only where it is there.

    Raises:
        ConfigError: it is wanted of a model alone.
        DataError: it is wanted, and the training data are not here.
    """
    from textvae.training.baseline import is_trained, load_baseline, seconds_trained
    from textvae.training.records import CONFIG_FILE

    folder = Path(run).expanduser()
    if wanted is False:
        return None
    if is_trained(folder):
        return load_baseline(folder, device=common.device)
    has_settings, seconds = (folder / CONFIG_FILE).exists(), seconds_trained(folder)
    duration = f"about as long as the run's own training, {clock(seconds)}" if seconds else "a while"
    if not wanted:
        if has_settings:
            common.screen.note(
                "note: --baseline compares with the same decoder without z; its training, once, takes "
                + duration
            )
        return None
    if not has_settings:
        raise ConfigError(f"{run} is a model without its run folder; --baseline needs the run's settings")
    if known.source is None:
        raise DataError(
            f"a baseline is trained on the run's own data, {known.title}, which are not here; name them with --training"
        )
    common.screen.note(f"training the same decoder without z in {folder / 'baseline'}: {duration}")
    return _trained(known.source, folder, common)


def _trained(source: Any, run: Path, common: Common) -> "Codec":
    from textvae.cli.live import Progress
    from textvae.training.baseline import train_baseline

    try:
        with Progress(common.screen) as progress:
            return train_baseline(source, run, device=common.device, observer=progress)
    except KeyboardInterrupt:
        common.screen.note("stopped; what was learned is saved, and the same command goes on")
        raise typer.Exit(INTERRUPTED) from None


def _candidates(title: str, given: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield names and sources of what may be the training data."""
    from textvae.data.embedded import embedded_texts

    for name in given:
        yield name, name
    if Path(title).exists():
        yield title, title
    for language in ("english", "chinese"):
        try:
            yield UNNAMED, embedded_texts(language)
        except MissingExtraError:
            continue
