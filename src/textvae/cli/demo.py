"""`textvae demo`: train on an embedded corpus, then show what the model can do."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from textvae.cli.groups import Common
from textvae.cli.prior import described
from textvae.cli.story import Story, show
from textvae.cli.train import run_training
from textvae.config import RunConfig
from textvae.config.presets import preset

DEMO_SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "english": {
        "data": {"tokenizer": "unigram", "vocab_size": 4000},
        "model": {
            "embed_dim": 192,
            "encoder_dim": 96,
            "decoder_dim": 384,
            "dropout": 0.35,
            "embed_dropout": 0.2,
        },
        "training": {"batch_tokens": 500, "learning_rate": 0.004, "word_dropout": 0.15, "epochs": 7},
        "objective": {"target_rate": 13.0},
        "decoding": {"temperature": 0.57, "candidates": 64, "slor": 0.25, "length_penalty": 0.4},
    },
    "chinese": {
        "data": {"tokenizer": "char"},
        "model": {
            "embed_dim": 192,
            "encoder_dim": 96,
            "decoder_dim": 320,
            "dropout": 0.3,
            "embed_dropout": 0.2,
        },
        "training": {"batch_tokens": 400, "learning_rate": 0.003, "word_dropout": 0.1, "epochs": 11},
        "objective": {"target_rate": 8.8},
        "decoding": {"temperature": 0.4, "candidates": 128, "slor": 0.2, "length_penalty": 0.7},
    },
}
"""Settings for minutes on two CPU cores, by language."""


def demo(
    common: Common,
    chinese: Annotated[
        bool, typer.Option("--chinese", help="Chinese sentences in place of English facts.")
    ] = False,
    conditional: Annotated[
        bool,
        typer.Option("--conditional", help="Level and topic to Chinese sentences, and English to Chinese."),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="RUN",
            help="The run folder; unset: runs/demo, demo-zh or demo-conditional.",
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a demo that was stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Remove the run that is there.")] = False,
) -> None:
    """Train on an embedded corpus and show the whole story.

    Minutes on a CPU; nothing is downloaded. The seed is 0 unless one is given, so that the story is the same each time.
    """
    from textvae.data.embedded import embedded_texts
    from textvae.training.run import resumed_config

    if resume and overwrite:
        raise typer.BadParameter("--resume goes on with the run that --overwrite removes; use one of them")
    if conditional:
        return _conditional(output or Path("runs", "demo-conditional"), common, resume, overwrite)
    language = "chinese" if chinese else "english"
    output = output or Path("runs", "demo-zh" if chinese else "demo")
    texts = embedded_texts(language)
    config = resumed_config(output) if resume else settings(language, common.seed or 0)
    command = ["textvae", "demo", *(["--chinese"] if chinese else []), "--output", str(output), "--resume"]
    run_training(
        texts, output, config, common, resume=resume, overwrite=overwrite, command=shlex.join(command)
    )
    story = Story(output, texts, config, device=common.device)
    common.screen.note(described(story.fit_prior()))
    story.vae.progress = common.screen.progress()
    if common.as_json:
        common.screen.json(story.record())
    else:
        show(story, common.screen)


def _conditional(output: Path, common: Common, resume: bool, overwrite: bool) -> None:
    """Train two conditional models and show what they answer."""
    from textvae.cli import asking
    from textvae.data.embedded import embedded_sentences
    from textvae.tasks.recipes import recipe
    from textvae.training.run import resumed_config

    sentences, seed = embedded_sentences(), common.seed or 0
    command = shlex.join(["textvae", "demo", "--conditional", "--output", str(output), "--resume"])
    for name, own in asking.SETTINGS.items():
        folder = output / name
        goes_on = resume and (folder / "config.yaml").exists()
        base = recipe("translation", own["data"]) if name == asking.TRANSLATED else {}
        fresh = preset("sampling").updated(base, own, {"training": {"seed": seed}})
        config = resumed_config(folder) if goes_on else fresh
        run_training(sentences, folder, config, common, resume=goes_on, overwrite=overwrite, command=command)
    found = asking.Asking(output, sentences, device=common.device, seed=seed)
    if common.as_json:
        common.screen.json(found.record())
    else:
        asking.show(found, common.screen)


def settings(language: str, seed: int) -> RunConfig:
    """Return the demo's settings."""
    return preset("sampling").updated(DEMO_SETTINGS[language], {"training": {"seed": seed}})
