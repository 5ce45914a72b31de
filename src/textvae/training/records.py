"""The files of a run folder that people and programs read: settings, metrics, samples, curves."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textvae.config import RunConfig
from textvae.data.batching import Batch
from textvae.data.tokenizers import Tokenizer
from textvae.storage.atomic import write_file
from textvae.training.step import FAILED_BATCH

CONFIG_FILE, METRICS_FILE, CURVES_FILE, SAMPLES, CARD_FILE, EVALUATION = (
    "config.yaml",
    "metrics.jsonl",
    "curves.png",
    "samples",
    "README.md",
    "evaluation",
)


def write_config(run: Path, config: RunConfig) -> None:
    """Write the resolved settings."""
    write_file(run / CONFIG_FILE, config.to_yaml().encode())


def append_metrics(run: Path, record: dict[str, Any]) -> None:
    """Add one line to the run's metrics."""
    with (run / METRICS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def read_metrics(run: Path) -> list[dict[str, Any]]:
    """Return the run's metrics, a record a line; a line torn by a kill is left out."""
    path = run / METRICS_FILE
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def cut_metrics(run: Path, step: int) -> None:
    """Drop what was recorded after `step`: a resumed run does it again."""
    kept = [record for record in read_metrics(run) if record["step"] <= step]
    write_file(run / METRICS_FILE, "".join(json.dumps(record) + "\n" for record in kept).encode())


def write_failed(run: Path, tokenizer: Tokenizer, batch: Batch, step: int, why: str) -> None:
    """Write the texts of a batch whose loss was not finite."""
    rows = [row[:length].tolist() for row, length in zip(batch.tokens, batch.lengths, strict=True)]
    record = {"why": why, "step": step, "tokens": rows, "texts": tokenizer.decode(rows)}
    write_file(run / FAILED_BATCH, json.dumps(record, ensure_ascii=False, indent=1).encode())


def write_samples(run: Path, epoch: int, samples: Sequence[str]) -> None:
    """Write an epoch's prior samples, one a line; no text of the corpus is kept in a run."""
    content = "".join(f"{text}\n" for text in samples)
    write_file(run / SAMPLES / f"epoch-{epoch:03d}.txt", content.encode(errors="backslashreplace"))
