"""A plain language model with a run's own decoder, tokenizer and training: what a VAE is compared with."""

import dataclasses
from pathlib import Path
from typing import Any

from textvae.codec import Codec, resolve_device
from textvae.codec.files import load_codec
from textvae.codec.location import MODEL_FOLDER
from textvae.config import RunConfig
from textvae.config.presets import language_model
from textvae.data.conditions import ConditionSchema
from textvae.data.tokenizers import Tokenizer
from textvae.models import VAEModel
from textvae.training.progress import Observer
from textvae.training.records import CONFIG_FILE
from textvae.training.run import train_run


def train_language_model(
    data: Any,
    folder: str | Path,
    like: RunConfig,
    tokenizer: Tokenizer,
    *,
    schema: ConditionSchema | None = None,
    epochs: int | None = None,
    device: str = "auto",
    observer: Observer | None = None,
    cache_dir: str | Path | None = None,
) -> Codec[VAEModel]:
    """Return the language model in `folder`, trained there first as far as it is not yet.

    Its distortion is -log p(x), or -log p(x|c), of a text, exactly, and its rate 0.

    Args:
        data: as for `textvae.data.splits.open_splits`.
        folder: a run folder; a training that was killed goes on, one that ended is read.
        like: the settings of a VAE; see `textvae.config.presets.language_model`.
        tokenizer: the VAE's, so that both count the same targets.
        schema: the VAE's conditions; None: it has none.
        epochs: in place of the VAE's.
        device: auto, cpu, cuda, cuda:N or mps.
        observer: hears of progress.
        cache_dir: where token arrays are kept; None: the user's cache folder.

    Raises:
        RunError: the folder holds a model of another corpus.
        TrainingError: see `Trainer.train`.
    """
    folder, config = Path(folder), language_model(like)
    if epochs is not None:
        config = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=epochs))
    train_run(
        data,
        folder,
        config,
        resume=(folder / CONFIG_FILE).exists(),
        device=device,
        observer=observer,
        cache_dir=cache_dir,
        tokenizer=tokenizer,
        schema=schema,
    )
    return load_codec(folder / MODEL_FOLDER, device=resolve_device(device))
