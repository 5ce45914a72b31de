"""`TextVAE`: the object people hold."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec, codec_files, load_codec, resolve_device
from textvae.codec.location import model_folder
from textvae.config import DecodingConfig, RunConfig
from textvae.config.presets import preset
from textvae.control.interpolation import path
from textvae.control.neighbors import Neighbor, neighbors
from textvae.data.sources import open_corpus
from textvae.distributions import DiagonalGaussian
from textvae.errors import LatentError
from textvae.evaluation.likelihood import likelihoods
from textvae.evaluation.report import Evaluation, evaluate
from textvae.storage.atomic import write_folder
from textvae.training.progress import Observer
from textvae.training.run import train_run


class TextVAE:
    """A trained variational autoencoder for text.

    Every method that draws takes a seed; the same seed gives the same texts on the same machine.

    >>> vae = TextVAE.from_pretrained("runs/facts")  # doctest: +SKIP
    >>> vae.sample(2, seed=1)  # doctest: +SKIP
    """

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    @classmethod
    def train(
        cls,
        data: Any,
        output: str | Path = "run",
        *,
        purpose: str = "sampling",
        target_rate: float | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        config: RunConfig | None = None,
        resume: bool = False,
        overwrite: bool = False,
        device: str = "auto",
        observer: Observer | None = None,
    ) -> Self:
        """Train on a corpus and return the best model on held-out texts.

        Args:
            data: a path, list of str, DataFrame or Dataset, a mapping of splits, or `hf://owner/name`.
            output: the run folder.
            purpose: "sampling" (fluent random texts) or "editing" (faithful reconstructions).
            target_rate: nats a text; None: chosen from the corpus's lengths.
            settings: sections of settings laid over the preset, as {"training": {"epochs": 5}}.
            config: complete settings in place of preset and `settings`.
            resume: go on with the run in `output`.
            overwrite: remove the run in `output` first.
            device: auto, cpu, cuda, cuda:N or mps.
            observer: hears of progress.

        Raises:
            ConfigError: an unknown or impossible setting.
            DataError: a corpus that cannot be used.
            RunExistsError: `output` holds a run already.
            TrainingError: training cannot go on.
        """
        config = (config or preset(purpose)).updated(settings or {})
        if target_rate is not None:
            config = config.updated({"objective": {"target_rate": target_rate}})
        run = train_run(
            data, output, config, resume=resume, overwrite=overwrite, device=device, observer=observer
        )
        return cls.from_pretrained(run, device=device)

    @classmethod
    def from_pretrained(cls, run: str | Path, *, device: str = "auto") -> Self:
        """Load a run folder, a saved model, or `hf://owner/name` from the Hub.

        Raises:
            RunNotFoundError: no model there.
            CorruptRunError: a missing, damaged or unsafe file.
            NewerRunError: written by a later version.
        """
        return cls(load_codec(model_folder(run), device=resolve_device(device)))

    def save(self, folder: str | Path) -> None:
        """Write the model into a new folder, complete with a manifest."""
        write_folder(Path(folder), codec_files(self.codec), metadata={})

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of z."""
        return self.codec.latent_dim

    def encode(self, texts: Sequence[str], *, sample: bool = False, seed: int = 0) -> np.ndarray:
        """Return z of each text, (B, D) float32: posterior means, or one draw each."""
        return self.codec.encode(_texts(texts), sample=sample, seed=seed).float().numpy()

    def posterior(self, texts: Sequence[str]) -> DiagonalGaussian:
        """Return q(z|x) over (B, D)."""
        return self.codec.posterior(_texts(texts))

    def decode(self, z: Any, *, decoding: DecodingConfig | None = None, seed: int = 0) -> list[str]:
        """Return a text for each row of z, (B, D) numbers.

        Raises:
            LatentError: another shape, NaN or Inf.
        """
        return self.codec.decode(_latents(z), decoding, seed=seed)

    def sample(
        self, n: int = 1, *, decoding: DecodingConfig | None = None, prefix: str = "", seed: int = 0
    ) -> list[str]:
        """Return n texts from z ~ p(z).

        Args:
            n: how many.
            decoding: how tokens are chosen; None: the run's own settings.
            prefix: what every text begins with.
            seed: of z and tokens.
        """
        return self.codec.decode(self.codec.prior_sample(n, seed=seed), decoding, seed=seed, prefix=prefix)

    def reconstruct(
        self,
        texts: Sequence[str],
        *,
        sample: bool = False,
        decoding: DecodingConfig | None = None,
        seed: int = 0,
    ) -> list[str]:
        """Return the decodes of the texts' posterior means (or of one draw each), greedy unless told otherwise."""
        return self.codec.reconstruct(_texts(texts), decoding, sample=sample, seed=seed)

    def interpolate(
        self,
        a: str,
        b: str,
        *,
        steps: int = 7,
        method: str = "slerp",
        decoding: DecodingConfig | None = None,
        seed: int = 0,
    ) -> list[str]:
        """Return the decodes of `steps` latents from `a` to `b`, greedy unless told otherwise."""
        start, end = self.codec.encode([a, b])
        latents = path(start, end, steps=steps, method=method)
        return self.codec.decode(latents, decoding or DecodingConfig(temperature=0), seed=seed)

    def neighbors(
        self, texts: Sequence[str], corpus: Any, *, k: int = 5, metric: str = "cosine"
    ) -> list[list[Neighbor]]:
        """Return the k texts of a corpus nearest to each text, by posterior means.

        Args:
            texts: the queries.
            corpus: texts, or anything `open_corpus` reads.
            k: how many.
            metric: cosine (about the corpus's mean) or euclidean.
        """
        known = list(open_corpus(corpus))
        return neighbors(
            self.codec.encode(_texts(texts)), self.codec.encode(known), known, k=k, metric=metric
        )

    def score(self, texts: Sequence[str], *, num_samples: int = 50, seed: int = 0) -> np.ndarray:
        """Return log p(x) of each text, (B,) nats: the importance-weighted lower bound with `num_samples` samples."""
        texts = _texts(texts)
        return -likelihoods(
            self.codec, self.codec.store(texts), num_samples=num_samples, seed=seed
        ).iw_nll.numpy()

    def evaluate(
        self,
        data: Any,
        *,
        num_samples: int = 50,
        num_prior: int = 1000,
        training: Any = None,
        seed: int = 0,
        progress: Callable[[str], None] = lambda part: None,
    ) -> Evaluation:
        """Measure the model on a corpus; see `textvae.evaluation.definitions` for what each number is.

        Args:
            data: held-out texts, or anything `open_corpus` reads.
            num_samples: K of the importance-weighted bound.
            num_prior: prior samples for the diversity measures.
            training: the training texts, for the share of samples copied from them.
            seed: of all samples.
            progress: told each part before it starts.
        """
        return evaluate(
            self.codec,
            list(open_corpus(data)),
            num_samples=num_samples,
            num_prior=num_prior,
            training_texts=None if training is None else list(open_corpus(training)),
            seed=seed,
            progress=progress,
        )


def _texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str):
        raise LatentError(f"a list of texts is needed, not one string ({texts[:30]!r}); put it in brackets")
    return list(texts)


def _latents(z: Any) -> Tensor:
    try:
        return torch.as_tensor(np.asarray(z, dtype=np.float64)).float()
    except (TypeError, ValueError) as error:
        raise LatentError(f"z cannot be read as an array of numbers: {error}") from error
