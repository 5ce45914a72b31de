"""From a row to its result: train or go on, then measure the test texts, once."""

import dataclasses
import json
import os
import resource
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import textvae
from benchmarks.process import ROOT
from benchmarks.speed.machine import describe
from benchmarks.tables.row import Row
from textvae import ProgressLine, TextVAE
from textvae.cli.live import Progress
from textvae.cli.screen import Screen
from textvae.codec import Codec
from textvae.config import DecodingConfig, load_settings
from textvae.data.conditions import Conditions
from textvae.data.examples import open_examples, reading_options
from textvae.data.sources import Corpus, open_corpus
from textvae.evaluation.judging import Judging
from textvae.evaluation.report import evaluate
from textvae.storage.atomic import write_file
from textvae.tasks.measuring import measure_answers
from textvae.training.measures import HeldOut
from textvae.training.origin import inherited_settings, origin_of
from textvae.training.progress import Standing, Start
from textvae.training.records import EVALUATION, read_metrics
from textvae.training.run import train_run
from textvae.training.step import StepReport

RESULTS = ROOT / "benchmarks" / "tables" / "results"
RUNS = ROOT / "runs" / "tables"
CORPORA = Path(os.environ.get("TEXTVAE_CORPORA", ROOT.parent / "shared" / "data"))
DIGEST_FILE, SECONDS_FILE = "row-digest.txt", "cpu-seconds.txt"


def result_path(row: Row) -> Path:
    """Return where the row's result lies."""
    return RESULTS / f"{row.table}--{row.name}.json"


def run_row(row: Row) -> Path:
    """Train, measure and write the result; return its file.

    Raises:
        SystemExit: the corpora are not there.
    """
    for path in files(row.corpus.train):
        if not path.exists():
            raise SystemExit(f"{path} is not there; TEXTVAE_CORPORA names the folder of corpora")
    run = RUNS / row.table / row.name
    train(row, run)
    result = {
        "table": row.table,
        "row": row.name,
        "digest": row.digest,
        "settings_asked": dataclasses.asdict(row.config),
        "title": row.title,
        "corpus": dataclasses.asdict(row.corpus),
        "measuring": dataclasses.asdict(row.measuring),
        "config": dataclasses.asdict(
            load_settings(run / "config.yaml").updated({"data": {"valid": row.corpus.valid}})
        ),
        "training": training_facts(run),
        **measure(row, run),
        "machine": {key: value for key, value in describe().items() if key != "load"},
        "textvae": textvae.__version__,
    }
    write_file(result_path(row), json.dumps(result, ensure_ascii=False, indent=1).encode() + b"\n")
    return result_path(row)


def train(row: Row, run: Path) -> None:
    """Train, or go on with what was begun under the same row; another row's run is removed."""
    mark = run / DIGEST_FILE
    begun = mark.exists() and mark.read_text() == row.digest and (run / "config.yaml").exists()
    origin = origin_of(RUNS / row.init_from if row.init_from else None, run, resume=begun)
    config = row.config.updated(
        *inherited_settings(origin),
        row.settings,
        {"data": {"valid": row.corpus.valid and str(CORPORA / row.corpus.valid), "text": row.corpus.text}},
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    run.mkdir(parents=True, exist_ok=True)
    if not begun:
        for name in (DIGEST_FILE, SECONDS_FILE):
            (run / name).unlink(missing_ok=True)
    try:
        with Progress(Screen()) as progress:
            train_run(
                texts(row.corpus.train, row, row.corpus.first)
                if row.corpus.first
                else files(row.corpus.train),
                run,
                config,
                resume=begun,
                overwrite=not begun,
                observer=Marking(progress, mark, row.digest),
                origin=origin,
            )
    finally:
        spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
        known = float((run / SECONDS_FILE).read_text()) if (run / SECONDS_FILE).exists() else 0.0
        (run / SECONDS_FILE).write_text(str(known + spent))


class Marking:
    """An observer that notes, once a run has begun, of which row it is; the rest it hands on."""

    def __init__(self, inner: Progress, mark: Path, digest: str) -> None:
        self.inner, self.mark, self.digest = inner, mark, digest

    def on_start(self, start: Start) -> None:
        self.mark.write_text(self.digest)
        self.inner.on_start(start)

    def on_step(self, report: StepReport, standing: Standing) -> None:
        self.inner.on_step(report, standing)

    def on_epoch(self, held_out: HeldOut, standing: Standing, *, best: bool) -> None:
        self.inner.on_epoch(held_out, standing, best=best)

    def on_message(self, text: str) -> None:
        self.inner.on_message(text)


def measure(row: Row, run: Path) -> dict[str, Any]:
    """Return measures of the test texts, their intervals and their settings."""
    vae, how = TextVAE.from_pretrained(run), row.measuring
    vae.progress = ProgressLine()
    # As the row asks now: how a model decodes may change without its being trained anew.
    vae.codec.decoding = dataclasses.replace(row.config.decoding, guidance=vae.codec.decoding.guidance)
    began = time.monotonic()
    test, conditions = held_out(vae.codec, row)
    found = evaluate(
        vae.codec,
        test,
        conditions=conditions,
        num_samples=how.num_samples,
        num_prior=how.num_prior,
        training_texts=texts(row.corpus.train, row, row.corpus.first) if how.judges else None,
        judging=Judging.of_run(run) if how.judges else None,
        keep=run / EVALUATION,
    )
    if how.answers:
        answered = measure_answers(
            vae.codec,
            opened(row.corpus.test, row),
            num_answers=how.answers,
            decoding=None if how.temperature is None else DecodingConfig(temperature=how.temperature),
            training=opened(row.corpus.train, row) if row.corpus.labels else None,
            limit=how.limit,
        )
        found = dataclasses.replace(found, parts=found.parts | answered.parts)
    record = found.to_json()
    seconds = round(time.monotonic() - began, 1)
    return {
        "measures": record["measures"],
        "intervals": record["intervals"],
        "settings": record["settings"] | {"seconds": seconds, "cut": record["num_cut"]},
    }


def held_out(codec: Codec, row: Row) -> tuple[list[str], Conditions | None]:
    """Return the first test texts, with their conditions where the model takes some."""
    limit = row.measuring.limit
    if codec.schema is None:
        return texts(row.corpus.test, row, limit), None
    found = open_examples(opened(row.corpus.test, row), codec.schema, codec.tokenizer)
    first = found.texts[:limit]
    return first, found.conditions.rows(np.arange(len(first)))


def files(names: str | list[str]) -> list[Path]:
    """Return the paths of one file or several of a corpus."""
    return [CORPORA / name for name in ([names] if isinstance(names, str) else names)]


def opened(names: str | list[str], row: Row) -> Corpus:
    """Return a corpus with the columns that the row names."""
    return open_corpus(files(names), text=row.corpus.text, **reading_options(row.config.data.columns))


def texts(names: str | list[str], row: Row, first: int | None) -> list[str]:
    """Return the first texts of a corpus, or all."""
    return list(islice(opened(names, row), first))


def training_facts(run: Path) -> dict[str, Any]:
    """Return what the run's own records say of its training."""
    held = [record for record in read_metrics(run) if record["kind"] == "held_out"]
    best = [record for record in held if record["best"]][-1]
    return {
        "updates": held[-1]["step"],
        "epochs": held[-1]["epoch"],
        "best_epoch": best["epoch"],
        "valid": {key: best[key] for key in ("distortion", "rate", "neg_elbo", "active_units")},
        "target_rate": best.get("target_rate"),
        "cpu_seconds": round(float((run / SECONDS_FILE).read_text())),
    }
