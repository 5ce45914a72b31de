"""`textvae evaluate`."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Reading, WithModel
from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.data.sources import Corpus
    from textvae.evaluation.report import Evaluation


def evaluate(
    run: Run,
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="Held-out texts; of training data, the held-out share is used."),
    ],
    reading: Reading,
    common: WithModel,
    k: Annotated[int, typer.Option("--k", min=1, help="Importance samples of the bound on log p(x).")] = 50,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Prior samples for diversity; under 2: none.")
    ] = 1000,
    training: Annotated[
        str | None, typer.Option("--training", metavar="DATA", help="Training texts: copies are counted.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The first so many texts.")] = None,
    definitions: Annotated[bool, typer.Option("--definitions", help="Also say what each number is.")] = False,
) -> None:
    """Measure a model on held-out texts."""
    corpus = held_out_share(run, reading.open(data, common.screen), common.screen)
    known = None if training is None else reading.open(training, common.screen)
    vae = common.load(run)
    found = vae.evaluate(
        list(islice(corpus, limit)),
        num_samples=k,
        num_prior=samples,
        training=known,
        seed=common.drawn_seed,
    )
    if common.as_json:
        common.screen.json({"run": run, "data": corpus.name, **found.to_json()})
    else:
        show(found, common.screen, definitions=definitions)


def held_out_share(run: str, corpus: "Corpus", screen: Screen) -> "Corpus":
    """Return what training held out of `corpus`, where that is what the run was trained on; else the corpus."""
    from textvae.cli.summary import summarize
    from textvae.data.splits import open_splits
    from textvae.errors import DataError

    found = summarize(run, verify=False)
    if found.settings is None or not found.facts:
        return corpus
    trained_on = found.facts["train"]["sha256"]
    if corpus.fingerprint == trained_on:
        screen.note(
            "note: the run was trained on these very texts; measures on them look better than they are"
        )
        return corpus
    try:
        splits = open_splits(corpus, found.settings.data)
    except DataError:  # too few texts to divide, or the held-out file is gone: not what was trained on
        return corpus
    if splits.train.fingerprint != trained_on:
        return corpus
    screen.note("note: the run was trained on these data; only the texts it held out are used")
    return splits.valid


def show(found: "Evaluation", screen: Screen, *, definitions: bool = False) -> None:
    """Print the measures."""
    from textvae.evaluation.definitions import define, render

    settings = found.settings
    screen.say(
        f"{settings['N']:,} texts, K = {settings['K']}, {settings['samples']:,} prior samples, seed {settings['seed']}"
    )
    rows = [(define(key).name, number(value), define(key).unit) for key, value in found.measures.items()]
    screen.table(("measure", "value", "unit"), rows, right=(1,))
    if found.num_cut:
        screen.note(f"note: texts longer than the model's limit, scored up to it: {found.num_cut:,}")
    if definitions:
        screen.heading("definitions")
        for key in found.measures:
            screen.paragraph(*render([key], found.settings_of(key)), mark="·")


def number(value: float) -> str:
    """Return a measure with four digits or so."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4f}"
