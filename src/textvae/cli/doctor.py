"""`textvae doctor`: whether z is in use, what is wrong with a run, and what to do about it."""

import shlex
from collections.abc import Sequence
from math import log
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.baseline import TrainingData, baseline_of, find_training_data
from textvae.cli.given import texts_and_conditions
from textvae.cli.groups import Reading, WithModel
from textvae.cli.measuring import held_out_share
from textvae.cli.screen import Screen
from textvae.cli.verb import FAILED
from textvae.errors import DataError

if TYPE_CHECKING:
    from textvae.data.sources import Corpus
    from textvae.evaluation.diagnosis import Diagnosis

BARS = "▁▂▃▄▅▆▇█"
COLUMNS, LOW = 64, 0.1
"""Of the picture of rates; nats that a full bar stands for at least."""


def doctor(
    run: Run,
    reading: Reading,
    common: WithModel,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            show_default=False,
            help="Held-out texts; of training data, the held-out share is used. Unset: the training data, if still there.",
        ),
    ] = None,
    baseline: Annotated[
        bool | None,
        typer.Option(
            "--baseline/--no-baseline",
            show_default=False,
            help="Compare with the same decoder without z, trained once into RUN/baseline; unset: if it is there.",
        ),
    ] = None,
    training: Annotated[
        str | None,
        typer.Option(
            "--training", metavar="DATA", help="The run's training data, where DATA is something else."
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("--k", min=1, help="Importance samples of the bound beside a baseline.")
    ] = 50,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The first so many texts.")] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where z does not do its work.")
    ] = False,
) -> None:
    """Say whether z is in use, and what to do if not.

    Numbers, a verdict, and for each thing that is wrong a command against it.
    """
    from textvae.evaluation.diagnosis import diagnose

    known = find_training_data(run, data, training)
    vae = common.load(run)
    corpus = measured(run, data, known, reading, common.screen, **vae.reading)
    texts, conditions = texts_and_conditions(vae.codec, corpus, common.screen, limit)
    found = diagnose(
        vae.codec,
        texts,
        conditions=conditions,
        run=run,
        data=known.name,
        baseline=baseline_of(run, known, common, wanted=baseline),
        num_samples=k,
        seed=common.seed or 0,
    )
    if common.as_json:
        common.screen.json({"run": run, "data": corpus.name, **found.to_json()})
    else:
        show(found, common.screen)
    if strict and found.is_ill:
        raise typer.Exit(FAILED)


def measured(
    run: str, data: str | None, known: TrainingData, reading: Reading, screen: Screen, **others: Any
) -> "Corpus":
    """Return the texts to measure on: DATA, of training data what was held out; unset, that of those found."""
    if known.valid is not None and data in (None, known.name):
        what = f"what training held out of {known.title}"
        if known.valid_name is not None:
            what = f"{known.valid_name}, which training on {known.title} held out"
        screen.note(f"note: measured on {what}")
        return known.valid
    if data is None:
        raise DataError(
            f"no DATA given, and the training data of {run} not found ({known.title}); a run folder holds no texts: name the training data, "
            "or other texts"
        )
    return held_out_share(run, data, reading.open(data, screen, **others), screen)[0]


def show(found: "Diagnosis", screen: Screen) -> None:
    """Print the numbers, the rates of the dimensions, the verdict and the remedies."""
    screen.say(f"{found.vitals.num_texts:,} texts, seed {found.seed}")
    screen.pairs(numbers(found))
    if len(found.dimension_rates) > 1:
        screen.heading(f"rate by dimension, nats, sorted: {spread(found.dimension_rates)}")
        screen.say(bars(found.dimension_rates))
    if found.num_cut:
        screen.note(f"note: texts longer than the model's limit, measured up to it: {found.num_cut:,}")
    screen.heading("verdict")
    screen.paragraph(found.verdict)
    for finding in found.findings:
        if finding.text != found.verdict:
            screen.paragraph(finding.text, mark="·" if finding.severity == "note" else "!")
        if finding.remedy:
            screen.say(*continued(finding.remedy))


def numbers(found: "Diagnosis") -> list[tuple[str, str]]:
    """Return the rows of the table."""
    vitals = found.vitals
    target = "" if vitals.target_rate is None else f" (target {vitals.target_rate:g})"
    told, most = vitals.mutual_information, log(vitals.num_texts)
    rows = [
        ("distortion", f"{vitals.distortion:.2f} nats a text"),
        ("rate", f"{vitals.rate:.2f} nats a text{target}"),
        ("z buys", f"{vitals.gain:.2f} ± {found.gain_error:.2f} nats a text: another's z is worse by that"),
        *(
            [("condition buys", f"{vitals.condition_gain:.2f} nats a text: another's is worse by that")]
            if vitals.condition_gain is not None
            else []
        ),
        ("mutual information", f"{told:.2f} nats, at most ln {vitals.num_texts:,} = {most:.2f}"),
        (
            "active units",
            f"{vitals.active_units} of {vitals.latent_dim} (at .01), {found.active_units_strict} (at .1)",
        ),
    ]
    if vitals.baseline_nll is not None and vitals.iw_nll is not None:
        rows.append(
            ("-log p(x)", f"{vitals.iw_nll:.2f} nats a text at most (IW-NLL, K = {found.num_samples})")
        )
        rows.append(
            ("without z", f"{vitals.baseline_nll:.2f} nats a text, the same decoder as a language model")
        )
    return rows


def bars(rates: Sequence[float], columns: int = COLUMNS) -> str:
    """Return one line of bars, the highest first; dimensions share a column where there are more than columns.

    >>> bars([0.0, 4.0, 2.0])
    '█▅▁'
    """
    ordered = sorted(rates, reverse=True)
    size = -(-len(ordered) // columns)
    heights = [
        sum(part) / len(part) for part in (ordered[i : i + size] for i in range(0, len(ordered), size))
    ]
    highest = max(*heights, LOW)
    return "".join(BARS[round(max(height, 0) / highest * (len(BARS) - 1))] for height in heights)


def spread(rates: Sequence[float]) -> str:
    """Return the highest, the middle and the lowest rate in words."""
    ordered = sorted(rates, reverse=True)
    return f"{ordered[0]:.2f} to {ordered[-1]:.2f}, median {ordered[len(ordered) // 2]:.2f}"


def continued(command: str, width: int = 76) -> list[str]:
    r"""Return a command on lines that a shell reads as one, each option with its value.

    >>> continued("textvae train 'a b' --output run-2 --set x=1", width=32)
    ["  textvae train 'a b' \\", '    --output run-2 --set x=1']
    """
    parts: list[str] = []
    for word in shlex.split(command):
        if parts and not word.startswith("--"):
            parts[-1] += f" {shlex.quote(word)}"
        else:
            parts.append(shlex.quote(word))
    lines = [f"  {parts[0]}"]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) + 1 <= width:
            lines[-1] += f" {part}"
        else:
            lines[-1] += " \\"
            lines.append(f"    {part}")
    return lines
