"""Language models as judges: trained on real or on random texts, with the model's own tokenizer and decoder."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from textvae.codec import Codec
from textvae.codec.files import load_codec
from textvae.codec.location import MODEL_FOLDER
from textvae.config import RunConfig
from textvae.config.fields import check_count, check_range
from textvae.config.presets import language_model, unconditional
from textvae.evaluation.digests import digest_of
from textvae.progress import Work
from textvae.storage.atomic import write_file
from textvae.training.language_model import train_language_model
from textvae.training.progress import Silent, Standing
from textvae.training.records import EVALUATION
from textvae.training.run import resumed_config
from textvae.training.step import StepReport

NUM_TEXTS, MAX_EPOCHS = 2000, 10
"""Texts and epochs of a judge's training unless told otherwise, at most."""
FOLDER, DONE = "language-models", "trained"
"""Of an evaluation's folder; of a judge's, once its training has ended."""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """What language models are trained for as judges, and how."""

    folder: Path
    """Where they lie: run folders, which a later evaluation reads or goes on with."""
    like: RunConfig
    """Settings of their decoder and training: those of the run that is measured."""
    epochs: int
    num_texts: int = NUM_TEXTS
    """Texts each is trained on, at most."""
    cache_dir: Path | None = None
    """Where token arrays are kept; None: the user's cache folder."""

    @classmethod
    def of_run(
        cls,
        run: str | Path,
        *,
        epochs: int | None = None,
        num_texts: int = NUM_TEXTS,
        cache_dir: Path | None = None,
    ) -> Self:
        """Return how judges of a run are trained: as it was, in its folder, for as many epochs but at most 10.

        Raises:
            ConfigError: a number out of range.
            RunNotFoundError: no run folder, so no settings.
        """
        run, like = Path(run).expanduser(), resumed_config(Path(run).expanduser())
        check_range("epochs", epochs, 1)
        check_count("num_texts", num_texts, 2)
        return cls(
            folder=run / EVALUATION / FOLDER,
            like=like,
            epochs=epochs or min(like.training.epochs or MAX_EPOCHS, MAX_EPOCHS),
            num_texts=num_texts,
            cache_dir=cache_dir,
        )

    @property
    def settings(self) -> RunConfig:
        """Settings of the training: texts come as a list, and nothing but the epochs limits the time."""
        like = unconditional(self.like)
        data = dataclasses.replace(
            like.data, text=None, blank_line=False, encoding=None, valid=None, test=None
        )
        training = dataclasses.replace(like.training, max_time=None, samples=0, epochs=self.epochs)
        return language_model(dataclasses.replace(like, data=data, training=training))

    @property
    def digest(self) -> str:
        """Tells kinds of judges apart."""
        return hashlib.sha256(self.settings.to_yaml().encode()).hexdigest()[:12]


def train_judge(judging: Judging, texts: list[str], codec: Codec, *, what: str) -> Codec:
    """Return a language model of `texts`, trained as far as it is not yet.

    Args:
        judging: how.
        texts: a share of them is held out, as in any training.
        codec: whose tokenizer it has.
        what: real or random, in progress and folder names.

    Raises:
        DataError: fewer than two distinct texts.
        TrainingError: see `Trainer.train`.
    """
    parts = [digest_of(texts), codec.tokenizer.fingerprint, judging.digest]
    name = f"{what}-texts-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"
    folder, total = judging.folder / name, judging.epochs * len(texts)
    if (folder / DONE).exists():
        return load_codec(folder / MODEL_FOLDER, device=codec.device)
    with codec.work.part(f"language model of {what} texts", total):
        judge = train_language_model(
            texts,
            folder,
            judging.settings,
            codec.tokenizer,
            device=str(codec.device),
            observer=Counting(codec.work, total),
            cache_dir=judging.cache_dir,
        )
    write_file(folder / DONE, b"")
    return judge


def random_texts(
    judging: Judging, num: int, seed: int, source: str, sample: Callable[[int], list[str]]
) -> list[str]:
    """Return `num` random texts; they are kept, for a training that goes on needs the same ones.

    Args:
        judging: where.
        num: how many.
        seed: they are drawn with.
        source: tells what draws them from others: the model, its prior and decoding, and conditions.
        sample: draws so many.
    """
    path = judging.folder / f"random-texts-{source}-seed-{seed}-{num}.json"
    if path.exists():
        return json.loads(path.read_bytes())
    texts = sample(num)
    write_file(path, json.dumps(texts, ensure_ascii=False, indent=0).encode("utf-8", "surrogatepass"))
    return texts


class Counting(Silent):
    """Counts the progress of a training as texts done."""

    def __init__(self, work: Work, total: int) -> None:
        self._work, self._total, self._done = work, total, 0.0

    def on_step(self, report: StepReport, standing: Standing) -> None:
        """Count what was done since the last step."""
        self._work.count((standing.progress - self._done) * self._total)
        self._done = standing.progress
