"""What an exported model is on disk: graphs, weights, tokenizer and settings, and how it is read back."""

import copy
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from textvae import __version__
from textvae.codec import Codec
from textvae.codec.files import description_files, load_description, to_json
from textvae.codec.fitted import mixture_content, read_mixture
from textvae.codec.location import EXPORT_FILE, is_export
from textvae.config.model import BATCH_NORM, DELTA, FLOW, GAUSSIAN, ModelConfig
from textvae.distributions import GaussianMixture, Prior, standard_normal
from textvae.errors import (
    CorruptRunError,
    ExportError,
    MissingExtraError,
    NewerRunError,
    RunExistsError,
    RunNotFoundError,
)
from textvae.export.states import Part
from textvae.models import VAEModel
from textvae.storage.atomic import Content, write_folder
from textvae.storage.tensors import load_tensors, save_tensors

if TYPE_CHECKING:
    from textvae.export.graphs import Graphs
    from textvae.export.runtime import OnnxModel

FORMATS = ("onnx",)
FORMAT_VERSION = 1
FREQUENCIES_FILE, FREQUENCIES = "frequencies.safetensors", "log_frequencies"
TRAINED_PRIOR_FILE = "trained_prior.safetensors"
"""The model's own prior, where it is a mixture."""
GRAPH_FILES = ("encoder.onnx", "prefill.onnx", "step.onnx")


def export_codec(
    codec: Codec[VAEModel],
    folder: Path,
    *,
    int8: bool = False,
    overwrite: bool = False,
    metadata: Mapping[str, Any],
) -> None:
    """Write a model as ONNX graphs into a folder of its own, complete with a manifest.

    Args:
        codec: what is exported, in float32 whatever its precision.
        folder: where to.
        int8: weights in 8 bits and products in integers; see `export.quantization`.
        overwrite: replace the export that is there.
        metadata: kept in the manifest.

    Raises:
        ExportError: a conditional model; an encoder or decoder whose graph would differ from it; a posterior or prior that
            has no graph.
        MissingExtraError: onnx or onnxruntime is not installed.
        RunExistsError: something that is no export is there, or an export, without `overwrite`.
        SaveError: the disk is full, or another failure; what was there is intact.
    """
    _check_latents(codec.model.config)
    _check_installed("onnx", "onnxruntime")
    check_target(folder, overwrite=overwrite)
    from textvae.export.fidelity import check_fidelity
    from textvae.export.graphs import OPSET, trace
    from textvae.export.quantization import quantized
    from textvae.export.weights import graph_files

    model = copy.deepcopy(codec.model).cpu().float().eval()
    graphs = trace(model)
    check_fidelity(model, _in_memory(model, graphs))
    named = {name: quantized(graph) if int8 else graph for name, graph in graphs.named().items()}
    about = {
        "format": "onnx",
        "format_version": FORMAT_VERSION,
        "precision": "int8" if int8 else "fp32",
        "textvae": __version__,
        "opset": OPSET,
        "num_parameters": sum(weights.numel() for weights in model.parameters()),
        "state": [asdict(part) for part in graphs.parts],
    }
    files: dict[str, Content] = {
        **description_files(codec),
        **graph_files(named),
        EXPORT_FILE: to_json(about),
    }
    if model.log_frequencies is not None:
        files[FREQUENCIES_FILE] = save_tensors({FREQUENCIES: model.log_frequencies})
    with torch.no_grad():
        prior = model.prior()
    if isinstance(prior, GaussianMixture):
        files[TRAINED_PRIOR_FILE] = mixture_content(prior)
    write_folder(folder, files, metadata=dict(metadata))


def load_export(folder: Path) -> "Codec[OnnxModel]":
    """Read an exported model after its manifest was checked.

    Raises:
        RunNotFoundError: no export there.
        CorruptRunError: a missing, damaged or unsafe file, or files that do not belong together.
        NewerRunError: written by a later version.
        MissingExtraError: onnxruntime is not installed.
    """
    if not is_export(folder):
        raise RunNotFoundError(f"{folder} is no ONNX export; write one: textvae export RUN --output FOLDER")
    _check_installed("onnxruntime")
    from textvae.export.runtime import OnnxDecoder, OnnxModel, Session

    description = load_description(folder, *GRAPH_FILES)
    parts = _parts(read_about(folder))
    encoder, prefill, step = (Session(folder / name) for name in GRAPH_FILES)
    path = folder / FREQUENCIES_FILE
    frequencies = load_tensors(path)[FREQUENCIES] if path.exists() else None
    vocab_size = description.tokenizer.vocab_size
    decoder = OnnxDecoder(prefill, step, parts, vocab_size)
    model = OnnxModel(
        description.config, encoder, decoder, _trained_prior(folder, description.config), frequencies
    )
    return description.codec(model)


def read_about(folder: Path) -> dict[str, Any]:
    """Return what an export says of itself: format, precision, version, parameters, state.

    Raises:
        CorruptRunError: it cannot be read.
        NewerRunError: written by a later version.
    """
    path = folder / EXPORT_FILE
    try:
        about = json.loads(path.read_bytes())
        if about["format_version"] > FORMAT_VERSION or about["format"] not in FORMATS:
            raise NewerRunError(
                f"{folder} was exported by textvae {about['textvae']}; upgrade from {__version__}"
            )
        return about
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptRunError(f"{path} cannot be read: {error!r}") from error


def check_target(folder: Path, *, overwrite: bool) -> None:
    """Let through what is absent, empty, or an export that may be replaced.

    Raises:
        RunExistsError: something else is there.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir() or not is_export(folder):
        raise RunExistsError(f"{folder} holds something else than an export; choose another --output")
    if not overwrite:
        raise RunExistsError(f"{folder} holds an export already; use --overwrite, or another --output")


def _in_memory(model: VAEModel, graphs: "Graphs") -> "OnnxModel":
    from textvae.export.runtime import OnnxDecoder, OnnxModel, Session

    encoder, prefill, step = (Session(graph.SerializeToString()) for graph in graphs.named().values())
    decoder = OnnxDecoder(prefill, step, graphs.parts, model.decoder.vocab_size)
    return OnnxModel(model.config, encoder, decoder, model.prior(), model.log_frequencies)


def _trained_prior(folder: Path, config: ModelConfig) -> Prior:
    path = folder / TRAINED_PRIOR_FILE
    return (
        read_mixture(path, config.latent_dim)
        if path.exists()
        else standard_normal(config.latent_dim, like=torch.empty(0))
    )


def _check_latents(config: ModelConfig) -> None:
    if config.has_condition:
        raise ExportError("a conditional model cannot be exported: graphs have no place for a condition")
    if config.posterior not in (GAUSSIAN, BATCH_NORM, DELTA) or config.prior == FLOW:
        raise ExportError(
            f"a {config.posterior} posterior with a {config.prior} prior cannot be exported: graphs hold Gaussian "
            "posteriors, and priors that are N(0, I) or mixtures"
        )


def _parts(about: dict[str, Any]) -> tuple[Part, ...]:
    try:
        return tuple(Part(**part) for part in about["state"])
    except (KeyError, TypeError) as error:
        raise CorruptRunError(f"{EXPORT_FILE} describes no state: {error!r}") from error


def _check_installed(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package, "onnx")
