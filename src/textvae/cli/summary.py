"""What a run folder says of itself, read from its files."""

import json
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from textvae.config import RunConfig, load_settings
from textvae.config.model import GAUSSIAN, NO_LATENT, STANDARD
from textvae.errors import CorruptRunError
from textvae.training.measures import HeldOut


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A run, or a saved model alone; what is not there is None or empty."""

    folder: Path
    """Where the model lies."""
    version: str
    """The textvae that wrote it."""
    num_parameters: int
    model: dict[str, Any]
    decoding: dict[str, Any]
    metadata: dict[str, Any]
    settings: RunConfig | None
    export: dict[str, Any]
    """Of an export: format, precision and the like."""

    @property
    def facts(self) -> dict[str, Any]:
        """Names, counts and hashes of the data."""
        return self.metadata.get("data", {})

    @property
    def held_out(self) -> HeldOut | None:
        """Measures on held-out texts; None where none were taken."""
        found = self.metadata.get("held_out")
        return None if found is None else HeldOut(**found)


def summarize(run: str, *, verify: bool = True) -> Summary:
    """Read what a run or saved model says of itself; with `verify`, after a check of every file.

    Raises:
        RunNotFoundError: nothing there.
        CorruptRunError: a missing, damaged or unsafe file.
        NewerRunError: written by a later version.
    """
    from textvae.codec.files import DECODING_FILE, MODEL_FILE, WEIGHTS_FILE
    from textvae.codec.location import is_export, model_folder
    from textvae.export.folder import read_about
    from textvae.storage.manifest import read_manifest, verify_folder

    folder = model_folder(run)
    if verify:
        verify_folder(folder)
    manifest = read_manifest(folder)
    export = read_about(folder) if is_export(folder) else {}
    return Summary(
        folder=folder,
        version=manifest.textvae,
        num_parameters=export["num_parameters"] if export else num_parameters(folder / WEIGHTS_FILE),
        model=json.loads((folder / MODEL_FILE).read_bytes()),
        decoding=json.loads((folder / DECODING_FILE).read_bytes()),
        metadata=manifest.metadata,
        settings=run_settings(Path(run)),
        export=export,
    )


def run_settings(run: Path) -> RunConfig | None:
    """Return the settings of a run; None where there is no run folder around the model."""
    path = run / "config.yaml"
    return load_settings(path) if path.exists() else None


def num_parameters(weights: Path) -> int:
    """Return how many trained numbers a safetensors file holds, from its header.

    Raises:
        CorruptRunError: it has none.
    """
    from textvae.models.output import COUNTED

    try:
        with weights.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    except (OSError, struct.error, ValueError) as error:
        raise CorruptRunError(f"{weights} cannot be read: {error}") from error
    trained = (name for name in header if name != "__metadata__" and not name.endswith(COUNTED))
    return sum(prod(header[name]["shape"]) for name in trained)


def data_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of a table on the data of a run."""
    if not facts:
        return []
    train, valid, tokenizer = facts["train"], facts["valid"], facts["tokenizer"]
    cut = f"; {train['cut']:,} texts cut" if train["cut"] else ""
    return [
        *origin_rows(facts),
        ("texts", f"{train['texts']:,} to train on, {valid['texts']:,} held out"),
        ("tokens", f"{train['tokens']:,}, {train['tokens'] / max(train['texts'], 1):.1f} a text{cut}"),
        ("tokenizer", f"{tokenizer['kind']}, V = {tokenizer['vocab_size']:,}"),
    ]


def origin_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the row on what a run began from, if on anything."""
    if not (origin := facts.get("origin")):
        return []
    from textvae.training.card import lineage

    return [("began from", lineage(origin))]


def model_row(model: dict[str, Any], parameters: int | None) -> tuple[str, str]:
    """Return the row of a table on the model."""
    size = f"; {parameters / 1e6:.2f} M parameters" if parameters is not None else ""
    if model["encoder"] == NO_LATENT:
        return "model", f"{model['decoder']} {model['decoder_dim']}, without z{size}"
    encoder, decoder = (
        f"{model['encoder']} {model['encoder_dim']}",
        f"{model['decoder']} {model['decoder_dim']}",
    )
    return "model", f"{encoder} → z {model['latent_dim']}{_kinds(model)} → {decoder}{size}"


def condition_rows(codec_conditions: Path) -> list[tuple[str, str]]:
    """Return the row of a table on what a model answers to; none where it takes no condition."""
    from textvae.data.conditions import ConditionSchema

    if not codec_conditions.exists():
        return []
    schema = ConditionSchema.from_json(codec_conditions.read_bytes())
    return [("conditions", schema.described().removeprefix("it takes "))]


def _kinds(model: dict[str, Any]) -> str:
    """Return which posterior and prior a model has, unless they are the plain ones; older models do not say."""
    plain = {"posterior": GAUSSIAN, "prior": STANDARD}
    kinds = [f"{model[part]} {part}" for part in plain if model.get(part, plain[part]) != plain[part]]
    return f" ({', '.join(kinds)})" if kinds else ""


def measure_rows(held: HeldOut, latent_dim: int, target: float | None) -> list[tuple[str, str]]:
    """Return the rows of a table of held-out measures."""
    aim = f" (target {target:g})" if target is not None else ""
    return [
        ("-ELBO", f"{held.neg_elbo:.2f} nats a text"),
        ("distortion", f"{held.distortion:.2f} nats a text"),
        ("rate", f"{held.rate:.2f} nats a text{aim}"),
        *(
            (f"{what} buys", f"{gain:.2f} nats a text: by so much another text's {what} is worse")
            for what, gain in (("z", held.z_shuffle_gain), ("condition", held.condition_shuffle_gain))
            if gain is not None
        ),
        ("perplexity", f"{held.perplexity:.2f} a token, at most (from the -ELBO)"),
        ("active units", f"{held.active_units} of {latent_dim}"),
    ]
