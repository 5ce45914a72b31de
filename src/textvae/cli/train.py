"""`textvae train`."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Data, one_source, open_noted
from textvae.cli.groups import Common, Reading
from textvae.cli.screen import is_first_rank
from textvae.cli.settings import SettingOptions
from textvae.cli.verb import INTERRUPTED
from textvae.config import RunConfig
from textvae.progress import clock

if TYPE_CHECKING:
    from textvae.training.summary import Summary

if TYPE_CHECKING:
    from textvae.training.origin import Origin

Output = Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="The run folder to write.")]


def train(
    data: Data,
    output: Output,
    settings: SettingOptions,
    reading: Reading,
    common: Common,
    init_from: Annotated[
        str | None,
        typer.Option(
            "--init-from", metavar="RUN", help="Begin from the weights and tokenizer of another run."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run, under its own settings.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Remove the run that is there.")] = False,
    cache_dir: Annotated[
        Path | None, typer.Option("--cache-dir", help="Where token arrays are kept.")
    ] = None,
) -> None:
    """Train on a corpus.

    Settings: defaults < --for < --init-from < --config < options < --set. What is unset is chosen from the corpus.
    """
    from textvae.training.origin import inherited_settings, origin_of
    from textvae.training.run import resumed_config

    if resume and overwrite:
        raise typer.BadParameter("--resume goes on with the run that --overwrite removes; use one of them")
    source = one_source(data)
    origin = origin_of(init_from, output, resume=resume)
    if init_from is not None and origin is None:
        common.screen.note("note: the run goes on from its own checkpoint; ignored: --init-from")
    if resume:
        config = settings.resumed(resumed_config(output), reading.given, common)
    else:
        config = settings.config(reading.given, common, inherited_settings(origin))
    source = opened(source, config, common)
    command = resume_command(data, output, common.device, cache_dir)
    started = time.monotonic()
    run_training(
        source,
        output,
        config,
        common,
        resume=resume,
        overwrite=overwrite,
        cache_dir=cache_dir,
        origin=origin,
        command=command,
    )
    if is_first_rank():
        report(output, common, time.monotonic() - started)


def opened(source: Any, config: RunConfig, common: Common) -> Any:
    """Open files and standard input, and print notes on them; a folder or data set, which may be divided, stays a name."""
    if isinstance(source, str) and (source.startswith("hf://") or Path(source).expanduser().is_dir()):
        return source
    from textvae.data.examples import reading_options

    data = config.data
    return open_noted(
        source,
        common.screen,
        text=data.text,
        blank_line=data.blank_line,
        encoding=data.encoding,
        **reading_options(data.columns),
    )


def run_training(
    source: Any,
    output: Path,
    config: RunConfig,
    common: Common,
    *,
    resume: bool = False,
    overwrite: bool = False,
    cache_dir: Path | None = None,
    origin: "Origin | None" = None,
    command: str,
) -> None:
    """Train under the live line; on Ctrl-C say how to go on."""
    from textvae.cli.live import Progress
    from textvae.training.records import CONFIG_FILE
    from textvae.training.run import train_run

    try:
        with Progress(common.screen) as progress:
            train_run(
                source, output, config,
                resume=resume, overwrite=overwrite, device=common.device, observer=progress, cache_dir=cache_dir,
                origin=origin,
            )  # fmt: skip
    except KeyboardInterrupt:
        if is_first_rank():
            saved = (output / CONFIG_FILE).exists()
            last = (
                f"stopped; what was learned is saved. To go on:\n  {command}"
                if saved
                else "stopped before training began"
            )
            print(last, file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def resume_command(data: list[str], output: Path, device: str, cache_dir: Path | None) -> str:
    """Return the command that goes on with a run; its settings are in its folder."""
    words = ["textvae", "train", *data, "--output", str(output), "--resume"]
    words += ["--device", device] if device != "auto" else []
    words += ["--cache-dir", str(cache_dir)] if cache_dir else []
    return shlex.join(words)


def report(output: Path, common: Common, seconds: float) -> None:
    """Print what came out, where it is, and what to try."""
    from textvae.cli.summary import measure_rows
    from textvae.training.summary import summarize

    found = summarize(str(output), verify=False)
    held, target = found.held_out, found.settings.objective.target_rate if found.settings else None
    assert held is not None  # every run is measured before its model is saved
    if common.as_json:
        best = {"epoch": found.metadata["epoch"], "step": found.metadata["step"], "held_out": held.record()}
        common.screen.json({"run": str(output), **best, "data": found.facts, "seconds": round(seconds, 1)})
        return
    screen, run = common.screen, shlex.quote(str(output))
    screen.say(f"held-out texts, best epoch ({found.metadata['epoch']}), after {clock(seconds)}:")
    screen.pairs(measure_rows(held, found.model["latent_dim"], target))
    screen.say(
        f"written to {output}: model/, README.md, config.yaml, metrics.jsonl, curves.png, samples/", "try:"
    )
    screen.say(*(f"  textvae {command}" for command in _commands(found, run)))


def _commands(found: "Summary", run: str) -> list[str]:
    """Return what to try with a run: of a conditional one, an answer."""
    from textvae.data.conditions import ConditionSchema

    path = found.folder / "conditions.json"
    if not path.exists():
        return [
            f"sample {run} -n 5",
            f"reconstruct {run} 'a text of yours'",
            f"interpolate {run} 'one text' 'another text'",
        ]
    schema = ConditionSchema.from_json(path.read_bytes())
    likely = [one.values[0] if one.values else f"{one.mean:.4g}" for one in schema.labels]
    named = zip(schema.labels, likely, strict=True)
    given = [f"--label {shlex.quote(f'{one.name}={value}')}" for one, value in named]
    given += ["--source 'a text of yours'"] if schema.source_max_length else []
    given += ["--feature YOURS.npy"] if schema.features else []
    asked = " ".join(given)
    last = f"chat {run}" if schema.columns.pairs == "dialogue" else f"info {run}"
    return [f"generate {run} {asked} -n 5", f"sample {run} {asked} -n 5", last]
