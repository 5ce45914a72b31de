"""A model of size S trained for a minute, so that its distributions look like a model's; kept between runs."""

import hashlib
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch

from benchmarks.process import BUILD
from benchmarks.speed.corpus import BenchmarkCorpus
from benchmarks.speed.ours import CPU, settings, untrained
from textvae.codec import Codec, codec_files, load_codec
from textvae.config import RunConfig
from textvae.data.batching import collate, epoch_batches
from textvae.objectives.objective import Moment
from textvae.storage.atomic import write_folder
from textvae.training.distributed import Ranks
from textvae.training.precision import fast_products
from textvae.training.preparation import target_counts
from textvae.training.step import Stepper

SECONDS = 60
RATE_WEIGHT = 0.1


def trained_folder(corpus: BenchmarkCorpus) -> Path:
    """Return the folder of a saved model trained on the corpus; it is trained where it is not there."""
    config = settings("S", "lstm", corpus.tokenizer.vocab_size, {"training": {"batch_tokens": 500}})
    ids = corpus.train.take(np.arange(len(corpus.train)))[0]
    digest = hashlib.sha256(ids.tobytes() + corpus.tokenizer.fingerprint.encode() + repr(config).encode())
    folder = BUILD / f"trained-{digest.hexdigest()[:12]}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_folder(folder, codec_files(train(corpus, config)), metadata={})
    return folder


def trained_codec(corpus: BenchmarkCorpus) -> Codec:
    """Return the trained model."""
    return load_codec(trained_folder(corpus))


def train(corpus: BenchmarkCorpus, config: RunConfig, seconds: float = SECONDS) -> Codec:
    """Return a model after so many CPU seconds of training."""
    torch.manual_seed(0)
    model = untrained(config, target_counts(corpus.train, corpus.tokenizer.vocab_size))
    stepper = Stepper(model, config, "fp32", Ranks())
    start = time.process_time()
    with fast_products(CPU):
        for step, indices in enumerate(_endless(corpus, stepper.batch_tokens)):
            progress = (time.process_time() - start) / seconds
            if progress >= 1:
                break
            moment = Moment(beta=RATE_WEIGHT, step=step, progress=progress)
            stepper.take(collate(corpus.train, indices), moment)
    return Codec(model.eval(), corpus.tokenizer)


def _endless(corpus: BenchmarkCorpus, batch_tokens: int) -> Iterator[np.ndarray]:
    for epoch in count():
        yield from epoch_batches(corpus.train.lengths, batch_tokens, 0, epoch)
