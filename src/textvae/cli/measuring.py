"""How models are measured from the command line: options that `evaluate` and `compare` share, and what they lead to."""

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.given import texts_and_conditions
from textvae.cli.groups import Group, Reading, WithModel
from textvae.cli.screen import Screen
from textvae.errors import ConfigError, DataError

if TYPE_CHECKING:
    from textvae.codec import Codec
    from textvae.data.conditions import Conditions
    from textvae.data.sources import Corpus
    from textvae.evaluation.judging import Judging
    from textvae.evaluation.record import Evaluation
    from textvae.vae import TextVAE


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opened:
    """A model, and the texts that it is to be measured on."""

    run: str
    vae: "TextVAE"
    corpus: "Corpus"
    training: "Corpus | None"
    texts: list[str]
    conditions: "Conditions | None"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Measuring(Group):
    """What is measured, and how."""

    k: Annotated[int, typer.Option("--k", min=1, help="Importance samples of the bound on log p(x).")] = 50
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Prior samples for diversity and novelty; under 2: none.")
    ] = 1000
    pairs: Annotated[
        int, typer.Option("--pairs", min=0, help="Pairs of texts that are interpolated, at most.")
    ] = 50
    training: Annotated[
        str | None,
        typer.Option(
            "--training",
            metavar="DATA",
            help="Training texts, for copies, distances and language models; known where DATA is what was trained on.",
        ),
    ] = None
    answers: Annotated[
        int,
        typer.Option(
            "--answers",
            min=0,
            help="Conditional models: answers drawn for each condition and measured beside the texts, with labels alone one for each text (1,000 at most); 0: none.",
        ),
    ] = 5
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="The first so many texts.")] = None
    chinese_words: Annotated[
        bool, typer.Option("--chinese-words", help="Count Chinese in words (rjieba), not characters.")
    ] = False
    language_models: Annotated[
        bool,
        typer.Option(
            "--language-models", help="Also train two language models: forward and reverse PPL, coherence."
        ),
    ] = False
    lm_epochs: Annotated[
        int | None,
        typer.Option("--lm-epochs", min=1, help="Epochs of their training; unset: the run's, 10 at most."),
    ] = None
    lm_texts: Annotated[
        int, typer.Option("--lm-texts", min=2, help="Texts that each is trained on, at most.")
    ] = 2000
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="MODULE:FUNCTION",
            help="A measure of your own, given samples, texts and training; more than once if need be.",
        ),
    ] = None
    fresh: Annotated[bool, typer.Option("--fresh", help="Measure again what is kept.")] = False
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write kept results.")] = False

    def opened(self, run: str, data: str, reading: Reading, common: WithModel) -> Opened:
        """Read a model and what it is to be measured on; of what it was trained on, the share held out."""
        screen, vae = common.screen, common.load(run)
        corpus = reading.open(data, screen, **vae.reading)
        corpus, trained_on = held_out_share(run, data, corpus, screen)
        training = reading.open(self.training, screen, **vae.reading) if self.training else trained_on
        texts, conditions = texts_and_conditions(vae.codec, corpus, screen, self.limit)
        return Opened(run=run, vae=vae, corpus=corpus, training=training, texts=texts, conditions=conditions)

    def measured(self, what: Opened, common: WithModel) -> "Evaluation":
        """Measure a model."""
        from textvae.evaluation.report import evaluate
        from textvae.evaluation.user import load_metric

        screen, folder = common.screen, run_folder(what.run)
        metrics = {name: load_metric(name, never_from=Path(what.run)) for name in self.metric or ()}
        keep = None if self.no_cache else folder
        if keep and not os.access(keep.parent, os.W_OK):
            screen.note(f"note: {what.run} cannot be written to; results are not kept")
            keep = None
        found = evaluate(
            what.vae.codec,
            what.texts,
            conditions=what.conditions,
            num_samples=self.k,
            num_prior=self.samples,
            num_pairs=self.pairs,
            chinese_words=self.chinese_words,
            training_texts=None if what.training is None else _texts(what.vae.codec, what.training),
            metrics=metrics,
            judging=self._judging(folder),
            keep=keep,
            fresh=self.fresh,
            tell=screen.note,
            seed=common.seed or 0,
        )
        return (
            self._with_answers(found, what, common) if what.conditions is not None and self.answers else found
        )

    def _with_answers(self, found: "Evaluation", what: Opened, common: WithModel) -> "Evaluation":
        """Return an evaluation with the measures of answers beside the others."""
        from textvae.tasks.measuring import measure_answers

        try:
            answered = measure_answers(
                what.vae.codec,
                what.corpus,
                num_answers=self.answers,
                training=what.training,
                chinese_words=self.chinese_words,
                limit=self.limit,
                tell=common.screen.note,
                seed=common.seed or 0,
            )
        except DataError as error:  # say, all answers are empty: the other measures stand
            common.screen.note(f"note: answers are not measured: {error}")
            return found
        return dataclasses.replace(found, parts=found.parts | answered.parts)

    def _judging(self, folder: Path | None) -> "Judging | None":
        from textvae.evaluation.judging import Judging

        if not self.language_models:
            return None
        if folder is None:
            raise ConfigError(
                "--language-models needs a run folder: settings to train with, and a place to keep them"
            )
        return Judging.of_run(folder.parent, epochs=self.lm_epochs, num_texts=self.lm_texts)


def _texts(codec: "Codec", corpus: "Corpus") -> list[str]:
    """Return the texts as the model takes them: of a completion, say, the endings."""
    from textvae.data.examples import open_examples

    return (
        list(corpus) if codec.schema is None else open_examples(corpus, codec.schema, codec.tokenizer).texts
    )


def run_folder(run: str) -> Path | None:
    """Return where results of a run are kept: in its folder; None for a model alone, which has no such place."""
    from textvae.training.records import CONFIG_FILE, EVALUATION

    folder = Path(run).expanduser()
    return folder / EVALUATION if (folder / CONFIG_FILE).exists() else None


def held_out_share(run: str, data: str, corpus: "Corpus", screen: Screen) -> "tuple[Corpus, Corpus | None]":
    """Return what training held out, and what it trained on, where the run was trained on `data`, opened as `corpus`; else the corpus."""
    from textvae.training.shares import shares_of

    found = shares_of(run, data, corpus)
    if found.note:
        screen.note(f"note: {found.note}")
    return found.to_measure, found.trained_on


def write_page(path: Path, page: str, screen: Screen) -> None:
    """Write an HTML report."""
    from textvae.storage.atomic import write_file

    write_file(path, page.encode("utf-8", "backslashreplace"))
    screen.note(f"written: {path}")
