"""`textvae info`."""

import dataclasses
from typing import Any

from textvae import __version__
from textvae.cli.arguments import Run
from textvae.cli.groups import Common
from textvae.cli.prior import prior_words
from textvae.cli.summary import condition_rows, data_rows, measure_rows, model_row
from textvae.errors import RunNotFoundError
from textvae.training.summary import Summary, summarize


def info(run: Run, common: Common) -> None:
    """Say what a run is, after a check of its files.

    Sizes, data, measures on held-out texts, settings, versions.
    """
    found = summarize(run)
    if common.as_json:
        common.screen.json(record(run, found))
        return
    screen = common.screen
    screen.pairs(
        [
            ("run", run),
            *_origin(found),
            model_row(found.model, found.num_parameters),
            *condition_rows(found.folder / "conditions.json"),
            *_prior(found),
            *((what, ", ".join(names)) for what, names in kept_names(run).items() if names),
            *_sources(found),
        ]
    )
    target = found.settings.objective.target_rate if found.settings else None
    if found.held_out:
        screen.heading(f"held-out texts ({found.held_out.num_texts:,}), epoch {found.metadata.get('epoch')}")
        screen.pairs(measure_rows(found.held_out, found.model["latent_dim"], target))
    screen.heading("settings")
    screen.pairs(
        (name, ", ".join(f"{key} {value}" for key, value in values.items() if value is not None))
        for name, values in _settings(found).items()
    )


def record(run: str, found: Summary) -> dict[str, Any]:
    """Return what is known of a run as a JSON object."""
    return {
        "run": run,
        "folder": str(found.folder),
        "textvae": found.version,
        "format": found.export.get("format", "torch"),
        "precision": found.export.get("precision"),
        "num_parameters": found.num_parameters,
        "epoch": found.metadata.get("epoch"),
        "step": found.metadata.get("step"),
        "data": found.facts,
        "held_out": found.held_out.record() if found.held_out else {},
        "prior": found.metadata.get("prior"),
        **kept_names(run),
        "settings": _settings(found),
    }


def kept_names(run: str) -> dict[str, list[str]]:
    """Return the names of what is fitted to a run and kept in it; none of a saved model."""
    from textvae.control.attributes.kept import Attributes
    from textvae.tasks.persons.kept import Persons

    try:
        return {kind.folder_name: list(kind.of(run)) for kind in (Attributes, Persons)}
    except RunNotFoundError:
        return {}


def _origin(found: Summary) -> list[tuple[str, str]]:
    return [
        ("model in", str(found.folder)),
        ("written by", f"textvae {found.version} (this is {__version__})"),
        ("files", "complete and unchanged"),
        *([("format", f"ONNX, {found.export['precision']}")] if found.export else []),
    ]


def _prior(found: Summary) -> list[tuple[str, str]]:
    if not (fitted := found.metadata.get("prior")):
        return []
    return [("prior", f"{prior_words(fitted)}, fitted to {fitted['texts']:,} texts")]


def _sources(found: Summary) -> list[tuple[str, str]]:
    if not found.facts:
        return []
    names = [
        ("data", f"{found.facts[split]['name']}, SHA-256 {found.facts[split]['sha256'][:12]}…")
        for split in ("train", "valid")
    ]
    return [names[0], ("held out", names[1][1]), *data_rows(found.facts)]


def _settings(found: Summary) -> dict[str, Any]:
    """Return the settings by section; of a saved model alone, its own two."""
    if found.settings is None:
        return {"model": found.model, "decoding": found.decoding}
    return dataclasses.asdict(found.settings)
