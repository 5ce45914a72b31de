"""`TextVAE`: the object people hold."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from textvae.codec import codec_files, load_codec, resolve_device
from textvae.codec.device import check_cpu
from textvae.codec.location import is_export, model_folder
from textvae.config import RunConfig
from textvae.config.fields import check_choice
from textvae.config.presets import preset
from textvae.export.folder import FORMATS, export_codec, load_export
from textvae.storage.atomic import write_folder
from textvae.storage.manifest import read_manifest
from textvae.training.origin import inherited_settings, origin_of
from textvae.training.progress import Observer
from textvae.training.run import resumed_config, train_run
from textvae.vae.fitting import Fitting
from textvae.vae.infilling import Infilling
from textvae.vae.measuring import Measuring
from textvae.vae.moving import Moving
from textvae.vae.searching import Searching
from textvae.vae.speaking import Speaking
from textvae.vae.steering import Steering

BACKENDS = ("auto", "torch", "onnx")


class TextVAE(Speaking, Steering, Moving, Searching, Infilling, Fitting, Measuring):
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
            purpose: "sampling" (fluent random texts), "editing" (faithful reconstructions) or "steering" (attributes).
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
