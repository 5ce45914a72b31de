"""What a saved model is: safetensors and JSON, and how it is read back."""

import dataclasses
import json
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from textvae.codec.codec import Codec
from textvae.config import DecodingConfig, ModelConfig
from textvae.data.tokenizers import CONFIG_FILE, LIBRARY_FILE, Tokenizer
from textvae.errors import CorruptRunError
from textvae.models import VAEModel
from textvae.storage.atomic import Content
from textvae.storage.manifest import MANIFEST, read_manifest, verify_folder
from textvae.storage.tensors import load_tensors, save_tensors

T = TypeVar("T", ModelConfig, DecodingConfig)

MODEL_FILE, WEIGHTS_FILE, DECODING_FILE, WORDS_FILE = (
    "model.json",
    "model.safetensors",
    "decoding.json",
    "words.json",
)
NEEDED_FILES = (MODEL_FILE, WEIGHTS_FILE, DECODING_FILE, LIBRARY_FILE, CONFIG_FILE)


def codec_files(codec: Codec, weights: dict[str, Tensor] | None = None) -> dict[str, Content]:
    """Return the files of a saved model, for `storage.write_folder`.

    Args:
        codec: what is saved.
        weights: in place of the model's own (a moving average).
    """
    files: dict[str, Content] = {
        MODEL_FILE: _json(dataclasses.asdict(codec.model.config)),
        DECODING_FILE: _json(dataclasses.asdict(codec.decoding)),
        WEIGHTS_FILE: save_tensors(unshared(codec.model, weights or codec.model.state_dict())),
        **codec.tokenizer.files(),
    }
    if codec.words:
        files[WORDS_FILE] = json.dumps(codec.words, ensure_ascii=False).encode("utf-8", "surrogatepass")
    return files


def load_codec(folder: Path, *, device: torch.device | None = None) -> Codec:
    """Read a saved model after its manifest was checked.

    Only files that the manifest lists are read. The weights are frozen; `requires_grad_` thaws them.

    Raises:
        RunNotFoundError: no model there.
        CorruptRunError: a missing, damaged or unsafe file, or files that do not belong together.
        NewerRunError: written by a later version.
        ConfigError: an encoder or decoder of the user's own that is not registered.
        TokenizerError: a tokenizer written by a later version.
    """
    verify_folder(folder)
    listed = read_manifest(folder).files
    for name in NEEDED_FILES:
        if name not in listed:
            raise CorruptRunError(f"{folder} holds no saved model: {MANIFEST} does not list {name}")
    config, tokenizer = _read(ModelConfig, folder / MODEL_FILE), Tokenizer.load(folder)
    if tokenizer.vocab_size != config.vocab_size:
        raise CorruptRunError(
            f"{folder / MODEL_FILE} has vocab_size {config.vocab_size}, the tokenizer {tokenizer.vocab_size}; "
            "they belong to different models: copy the folder again"
        )
    model = VAEModel(config)
    load_weights(model, load_tensors(folder / WEIGHTS_FILE), folder)
    return Codec(
        model.to(device or torch.device("cpu")).eval().requires_grad_(False),
        tokenizer,
        decoding=_read(DecodingConfig, folder / DECODING_FILE),
        words=_read_words(folder / WORDS_FILE) if WORDS_FILE in listed else (),
    )


def unshared(model: VAEModel, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `weights` with each of the model's shared (tied) tensors once, under its first name."""
    first: dict[int, str] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        first.setdefault(id(tensor), name)
    return {name: weights[name] for name in first.values()}


def load_weights(model: VAEModel, weights: dict[str, Tensor], folder: Path) -> None:
    """Load what `unshared` gave back into the model, exactly."""
    expected = unshared(model, model.state_dict())
    wrong = sorted(
        name
        for name in expected.keys() | weights.keys()
        if name not in weights or name not in expected or weights[name].shape != expected[name].shape
    )
    if wrong:
        raise CorruptRunError(
            f"{folder / WEIGHTS_FILE} does not fit {MODEL_FILE}: {', '.join(wrong[:3])} differ; copy the folder again"
        )
    dtype = next(iter(weights.values())).dtype
    model.to(dtype).load_state_dict(weights, strict=False)


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"


def _read(kind: type[T], path: Path) -> T:
    try:
        values = json.loads(path.read_bytes())
        unknown = sorted(values.keys() - {f.name for f in dataclasses.fields(kind)})
        if unknown:
            raise CorruptRunError(
                f"{path} has an unknown entry {unknown[0]!r}; it was changed, or written by a later textvae: upgrade"
            )
        return kind(**values)
    except (OSError, ValueError, AttributeError, TypeError) as error:  # ValueError: JSON, UTF-8, settings
        raise CorruptRunError(f"{path} cannot be read as {kind.__name__}: {error}") from error


def _read_words(path: Path) -> list[str]:
    try:
        return json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise CorruptRunError(f"{path} cannot be read as a list of words: {error}") from error
