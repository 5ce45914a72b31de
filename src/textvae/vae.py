"""`TextVAE`: the object people hold.

It is longer than other files because users find every verb here; each method is a call into the layers below, and most of
the lines say what it takes and returns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from textvae.codec import Codec, codec_files, load_codec, resolve_device
from textvae.codec.device import check_cpu
from textvae.codec.inputs import as_latents, checked_texts, drawn_seed, repeated_values
from textvae.codec.location import is_export, model_folder
from textvae.config import DecodingConfig, RunConfig
from textvae.config.fields import check_choice, check_range
from textvae.config.model import CONDITIONAL
from textvae.config.presets import preset
from textvae.control.interpolation import path
from textvae.control.neighbors import Neighbor, neighbors
from textvae.control.priors import PriorFit, fit_prior
from textvae.data.conditions import Conditions
from textvae.data.examples import open_examples
from textvae.data.persons import Person
from textvae.data.sources import open_corpus
from textvae.distributions import Posterior
from textvae.errors import ConfigError, ExportError, RunNotFoundError
from textvae.evaluation.diagnosis import Diagnosis, diagnose
from textvae.evaluation.judging import Judging
from textvae.evaluation.likelihood import likelihoods
from textvae.evaluation.record import Evaluation
from textvae.evaluation.report import evaluate
from textvae.evaluation.user import Metric
from textvae.export.folder import FORMATS, export_codec, load_export
from textvae.models import VAEModel
from textvae.progress import Progress
from textvae.storage.atomic import write_folder
from textvae.storage.manifest import read_manifest
from textvae.tasks.answers import Answer, answers
from textvae.tasks.persons.fitting import fit_person
from textvae.tasks.persons.kept import Persons
from textvae.training.origin import inherited_settings, origin_of
from textvae.training.progress import Observer
from textvae.training.run import resumed_config, train_run

Given = Mapping[str, Any] | None
"""Conditions by name."""

BACKENDS = ("auto", "torch", "onnx")


class TextVAE:
    """A trained variational autoencoder for text.

    Every method that draws takes a seed; the same seed gives the same texts on the same machine. Without one,
    `sample`, `decode` and their like draw anew at each call; what measures (`score`, `evaluate`) keeps to seed 0.

    Attributes:
        codec: tokenizer, model and decoding.
        metadata: what training noted beside the model (data, epoch, held-out measures); `save` keeps it.
        run: the folder that it was loaded from; None: from none.

    >>> vae = TextVAE.from_pretrained("runs/facts")  # doctest: +SKIP
    >>> vae.sample(2, seed=1)  # doctest: +SKIP
    """

    def __init__(
        self, codec: Codec, *, metadata: Mapping[str, Any] | None = None, run: str | Path | None = None
    ) -> None:
        self.codec = codec
        self.metadata = dict(metadata or {})
        self.run = run

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
        init_from: str | Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
        device: str = "auto",
        observer: Observer | None = None,
        cache_dir: str | Path | None = None,
    ) -> Self:
        """Train on a corpus and return the best model on held-out texts.

        Args:
            data: a path, list of str, DataFrame or Dataset, a mapping of splits, or `hf://owner/name`.
            output: the run folder.
            purpose: "sampling" (fluent random texts) or "editing" (faithful reconstructions).
            target_rate: nats a text; None: chosen from the corpus's lengths, or for editing as low as faithfulness allows.
            settings: sections of settings laid over the preset, as {"training": {"epochs": 5}}.
            config: complete settings in place of the preset.
            init_from: a run folder, a saved model or `hf://owner/name`, whose weights, shapes and tokenizer it begins with;
                a run that goes on from a checkpoint of its own does so.
            resume: go on with the run in `output`, under its own settings in place of the preset.
            overwrite: remove the run in `output` first.
            device: auto, cpu, cuda, cuda:N or mps.
            observer: hears of progress.
            cache_dir: where token arrays are kept; None: the user's cache folder.

        Raises:
            ConfigError: an unknown or impossible setting, or one that contradicts the weights to begin from.
            DataError: a corpus that cannot be used.
            RunExistsError: `output` holds a run already.
            RunNotFoundError: nothing to resume, or no model to begin from.
            TrainingError: training cannot go on.
        """
        output = Path(output).expanduser()
        origin = origin_of(init_from, output, resume=resume)
        inherited = inherited_settings(origin) if config is None and not resume else ()
        if config is None:
            config = resumed_config(output) if resume else preset(purpose)
        rate = {} if target_rate is None else {"objective": {"target_rate": target_rate, "faithful": None}}
        config = config.updated(*inherited, settings or {}, rate)
        run = train_run(
            data, output, config,
            resume=resume, overwrite=overwrite, device=device, observer=observer, cache_dir=cache_dir,
            origin=origin,
        )  # fmt: skip
        return cls.from_pretrained(run, device=device)

    @classmethod
    def from_pretrained(cls, run: str | Path, *, device: str = "auto", backend: str = "auto") -> Self:
        """Load a run folder, a saved or exported model, or `hf://owner/name` from the Hub.

        Args:
            run: where it is.
            device: auto, cpu, cuda, cuda:N or mps; an export runs on the CPU.
            backend: torch, onnx (exports), or auto: what the folder holds.

        Raises:
            ConfigError: an unknown backend.
            RunNotFoundError: no model there, or none for that backend.
            CorruptRunError: a missing, damaged or unsafe file.
            NewerRunError: written by a later version.
            DeviceError: a device that is not there, or that an export does not run on.
            MissingExtraError: onnxruntime is needed and not installed.
        """
        check_choice("backend", backend, BACKENDS)
        folder = model_folder(run)
        if backend == "onnx" or (backend == "auto" and is_export(folder)):
            check_cpu(device)
            codec = load_export(folder)
        else:
            codec = load_codec(folder, device=resolve_device(device))
        return cls(codec, metadata=read_manifest(folder).metadata, run=run)

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder of its own, complete with a manifest; a model saved there before is replaced.

        Raises:
            RunExistsError: something else is there.
            SaveError: the disk is full, or another failure; what was there is intact.
        """
        write_folder(Path(folder).expanduser(), codec_files(self._trained()), metadata=self.metadata)

    def export(
        self, folder: str | Path, *, format: str = "onnx", int8: bool = False, overwrite: bool = False
    ) -> None:
        """Write the model as ONNX graphs into a folder of its own, which `from_pretrained` loads.

        Args:
            folder: where to; complete with a manifest, or absent.
            format: onnx.
            int8: weights in 8 bits and products in integers: smaller and faster, not quite the same texts.
            overwrite: replace the export that is there.

        Raises:
            ConfigError: an unknown format.
            ExportError: a conditional model; an encoder or decoder whose graph would differ from it; a model that is an
                export itself.
            MissingExtraError: onnx or onnxruntime is not installed.
            RunExistsError: something that is no export is there, or an export, without `overwrite`.
            SaveError: the disk is full, or another failure; what was there is intact.
        """
        check_choice("format", format, FORMATS)
        folder = Path(folder).expanduser()
        export_codec(self._trained(), folder, int8=int8, overwrite=overwrite, metadata=self.metadata)

    @property
    def latent_dim(self) -> int:
        """D, the dimensions of z."""
        return self.codec.latent_dim

    @property
    def progress(self) -> Progress | None:
        """Who hears how far encoding, decoding and measuring are; None, as at first: nobody.

        `vae.progress = ProgressLine()` shows it on standard error. It stands here and not among the arguments of each
        method, as sentence-transformers' `show_progress_bar` does: what hears it is the same for all of them.
        """
        return self.codec.work.listener

    @progress.setter
    def progress(self, listener: Progress | None) -> None:
        self.codec.work.listener = listener

    def encode(
        self,
        texts: Sequence[str],
        *,
        sample: bool = False,
        conditions: Given = None,
        seed: int | None = None,
    ) -> np.ndarray:
        """Return z of each text, (B, D) float32: posterior means, or one draw each.

        Args:
            texts: B of them.
            sample: draw from the posterior.
            conditions: of a conditional model, as {"sentiment": "positive"} or {"source": [...]}: a value for all
                texts, or a list with one for each; here and in the other methods. A value may be a `Person`.
            seed: of the draw.
        """
        texts = checked_texts(texts)
        given = self.codec.conditions(conditions, len(texts))
        z = self.codec.encode(texts, sample=sample, seed=drawn_seed(seed), conditions=given)
        return z.float().numpy()

    def posterior(self, texts: Sequence[str], *, conditions: Given = None) -> Posterior:
        """Return q(z|x), or q(z|x,c), over (B, D)."""
        texts = checked_texts(texts)
        return self.codec.posterior(self.codec.store(texts, self.codec.conditions(conditions, len(texts))))

    def decode(
        self,
        z: Any,
        *,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return a text for each row of z, (B, D) numbers.

        Args:
            z: an array, tensor or list of lists.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: the run's own settings.
            seed: of the tokens; None: a new one each call.

        Raises:
            LatentError: another shape, NaN or Inf.
        """
        latents = as_latents(z)
        given = self.codec.conditions(conditions, len(latents))
        return self.codec.decode(latents, decoding, seed=drawn_seed(seed), conditions=given)

    def sample(
        self,
        n: int = 1,
        *,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        prefix: str = "",
        seed: int | None = None,
    ) -> list[str]:
        """Return n texts from z ~ p(z), or p(z|c).

        Args:
            n: how many.
            conditions: see `encode`; None: a conditional model then speaks freely.
            decoding: how tokens are chosen; None: the run's own settings.
            prefix: what every text begins with.
            seed: of z and tokens; None: a new one each call.

        Raises:
            ConfigError: n is below 0, or the prefix longer than the model's limit.
        """
        check_range("n", n, 0)
        seed = drawn_seed(seed)
        given = self.codec.conditions(conditions, n)
        with self.codec.work.part("sampling", n):
            z = self.codec.prior_sample(n, seed=seed, conditions=given)
            return self.codec.decode(z, decoding, seed=seed, prefix=prefix, conditions=given)

    def generate(
        self,
        n: int = 5,
        *,
        decoding: DecodingConfig | None = None,
        rerank: bool = False,
        seed: int | None = None,
        **conditions: Any,
    ) -> list[Answer]:
        """Return n different texts for one condition, each from its own z, with scores.

        Args:
            n: how many, at most: equal ones are given once.
            decoding: how tokens are chosen; None: the run's own settings.
            rerank: the best first, by log p(x|c) a token; else in the order drawn.
            seed: of z and tokens; None: a new one each call.
            conditions: as source="Guten Tag", sentiment="positive".

        >>> vae.generate(source="Ein Hund rennt.", n=3)  # doctest: +SKIP

        Raises:
            ConfigError: n is below 1.
            ConditionError: no condition, or one that the model does not take.
        """
        return answers(self.codec, conditions, n, decoding=decoding, rerank=rerank, seed=drawn_seed(seed))

    @property
    def persons(self) -> Persons:
        """The persons kept in the run folder, by name: `vae.persons["Anna"]`, `vae.persons.keep(anna)`.

        Raises:
            RunNotFoundError: the model is from no run folder.
        """
        if self.run is None:
            raise RunNotFoundError("this model was loaded from no folder; persons are kept in that of a run")
        return Persons.of(self.run)

    def fit_person(
        self,
        texts: Sequence[str],
        *,
        name: str,
        label: str | None = None,
        method: str | None = None,
        conditions: Given = None,
        seed: int = 0,
    ) -> Person:
        """Fit an author or speaker that training did not know to 5 to 50 texts; the weights stay as they are.

        The person is a value of the label: `vae.sample(5, conditions={"author": anna})`. Without a label it is one of
        "person". Nothing is written: `vae.persons.keep(anna)` does that.

        Args:
            texts: of the person.
            name: what the person is called.
            label: the label whose new value it is; None: the only one of categories, if any.
            method: embedding, profile or both; None: embedding where there is a label, else profile.
            conditions: others, as for `encode`; those left out are missing.
            seed: of the fit.

        Raises:
            ConfigError: a name that no file can have, or an unknown method.
            ConditionError: a label that the model has not, or that is no category.
            DataError: no text.
        """
        texts = checked_texts(texts)
        given = repeated_values(conditions or {}, len(texts))
        return fit_person(
            self._trained(), texts, name=name, label=label, method=method, given=given, seed=seed
        )

    def fit_prior(self, data: Any, *, seed: int = 0) -> PriorFit:
        """Fit a mixture of Gaussians to the aggregate posterior of a corpus; `sample` and all measures use it from now on.

        Random texts then come from where the texts of the corpus are, not from between them. `save` keeps it.

        Args:
            data: the training texts, or anything `open_corpus` reads.
            seed: of the fit.

        Raises:
            ConfigError: latents on a sphere, which no mixture of Gaussians fits; a prior that depends on the condition.
            DataError: fewer than 100 texts.
        """
        if self.codec.model.config.prior == CONDITIONAL:
            raise ConfigError(
                "this model's prior depends on the condition, p(z|c); one mixture for all would not, and is not fitted"
            )
        posterior = self.codec.posterior(self.codec.store(*self._texts(data)))
        fit = fit_prior(posterior, self.codec.model.prior(), seed=seed)
        self.drop_prior()
        if fit.prior is not None:
            self.codec.fitted_prior = fit.prior
            self.metadata["prior"] = {
                "components": len(fit.prior.weights), "texts": fit.num_texts, "gain": fit.gain
            }  # fmt: skip
        return fit

    def drop_prior(self) -> None:
        """Go back to the prior the model was trained with."""
        self.codec.fitted_prior = None
        self.metadata.pop("prior", None)

    def reconstruct(
        self,
        texts: Sequence[str],
        *,
        sample: bool = False,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return the decodes of the texts' posterior means (or of one draw each), greedy unless told otherwise."""
        texts = checked_texts(texts)
        given = self.codec.conditions(conditions, len(texts))
        return self.codec.reconstruct(texts, decoding, sample=sample, seed=drawn_seed(seed), conditions=given)

    def interpolate(
        self,
        a: str,
        b: str,
        *,
        steps: int = 7,
        method: str = "slerp",
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return the decodes of `steps` latents from `a` to `b`, greedy unless told otherwise, under one condition."""
        ends = self.codec.conditions(conditions, 2)
        start, end = self.codec.encode(checked_texts([a, b]), conditions=ends)
        latents = path(start, end, steps=steps, method=method)
        given = self.codec.conditions(conditions, len(latents))
        greedy = decoding or DecodingConfig(temperature=0)
        return self.codec.decode(latents, greedy, seed=drawn_seed(seed), conditions=given)

    def neighbors(
        self, texts: Sequence[str], corpus: Any, *, k: int = 5, metric: str = "cosine"
    ) -> list[list[Neighbor]]:
        """Return the k texts of a corpus nearest to each text, by posterior means.

        Args:
            texts: the queries.
            corpus: texts, or anything `open_corpus` reads.
            k: how many.
            metric: cosine (about the corpus's mean) or euclidean.

        Raises:
            ConfigError: an unknown metric, or a k below 1.
            DataError: the corpus is empty.
        """
        known = list(open_corpus(corpus))
        return neighbors(
            self.codec.encode(checked_texts(texts)), self.codec.encode(known), known, k=k, metric=metric
        )

    def score(
        self, texts: Sequence[str], *, conditions: Given = None, num_samples: int = 50, seed: int = 0
    ) -> np.ndarray:
        """Return log p(x) of each text, (B,) nats: the importance-weighted lower bound with `num_samples` samples."""
        texts = checked_texts(texts)
        store = self.codec.store(texts, self.codec.conditions(conditions, len(texts)))
        if not len(store):
            return np.empty(0)
        return -likelihoods(self.codec, store, num_samples=num_samples, seed=seed).iw_nll.numpy()

    def evaluate(
        self,
        data: Any,
        *,
        num_samples: int = 50,
        num_prior: int = 1000,
        training: Any = None,
        metrics: Mapping[str, Metric] | None = None,
        judging: Judging | None = None,
        keep: str | Path | None = None,
        seed: int = 0,
    ) -> Evaluation:
        """Measure the model on a corpus, anything `open_corpus` reads; see `textvae.evaluation.definitions`.

        Arguments and errors are those of `textvae.evaluation.report.evaluate`.
        """
        texts, conditions = self._texts(data)
        return evaluate(
            self.codec,
            texts,
            conditions=conditions,
            num_samples=num_samples,
            num_prior=num_prior,
            training_texts=None if training is None else list(open_corpus(training)),
            metrics=metrics,
            judging=judging,
            keep=keep,
            seed=seed,
        )

    def diagnose(
        self,
        data: Any,
        *,
        run: str | Path | None = None,
        baseline: "TextVAE | None" = None,
        num_samples: int = 50,
        seed: int = 0,
    ) -> Diagnosis:
        """Say whether z is in use, what is wrong and what to do; see `textvae.evaluation.diagnosis.diagnose`.

        Args:
            data: held-out texts, or anything `open_corpus` reads.
            run: the run folder, for the settings and the target rate it was trained with.
            baseline: the same decoder without z, as `textvae doctor --baseline` leaves it in `RUN/baseline`.
            num_samples: K of the bound that is compared with it.
            seed: of all samples.

        Raises:
            ConfigError: a model without z, or a baseline that is none.
            DataError: fewer than two texts.
        """
        other = None if baseline is None else baseline.codec
        texts, conditions = self._texts(data)
        return diagnose(
            self.codec,
            texts,
            conditions=conditions,
            run=None if run is None else str(run),
            baseline=other,
            num_samples=num_samples,
            seed=seed,
        )

    def _texts(self, data: Any) -> tuple[list[str], Conditions | None]:
        """Return the texts of a corpus, with their conditions where the model takes some."""
        if self.codec.schema is None:
            return list(open_corpus(data)), None
        found = open_examples(data, self.codec.schema, self.codec.tokenizer)
        return found.texts, found.conditions

    def _trained(self) -> Codec[VAEModel]:
        """Return the codec of a model that has weights."""
        if not isinstance(self.codec.model, VAEModel):
            raise ExportError(
                "an export can be run and copied, not saved or exported again; use the run that it came from"
            )
        return cast(Codec[VAEModel], self.codec)
