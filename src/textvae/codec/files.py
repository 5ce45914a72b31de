"""What a saved model is: safetensors and JSON, and how it is read back."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from textvae.codec.codec import Codec, M
from textvae.codec.fitted import PRIOR_FILE, SHAPE_FILE, prior_files, read_prior
from textvae.codec.location import is_export
from textvae.config import DecodingConfig, ModelConfig
from textvae.data.conditions import ConditionSchema
from textvae.data.known import Known
from textvae.data.tokenizers import CONFIG_FILE, LIBRARY_FILE, Tokenizer
from textvae.distributions import Prior
from textvae.errors import ConfigError, CorruptRunError, DataError, RunNotFoundError
from textvae.models import VAEModel
from textvae.models.reading import GOING_ON
from textvae.storage.atomic import Content
from textvae.storage.manifest import MANIFEST, read_manifest, verify_folder
from textvae.storage.tensors import load_tensors, save_tensors

T = TypeVar("T", ModelConfig, DecodingConfig)

CONDITIONS_FILE, SOURCE_PREFIX = "conditions.json", "source_"
MODEL_FILE, WEIGHTS_FILE, DECODING_FILE, LEXICON_FILE = (
    "model.json",
    "model.safetensors",
    "decoding.json",
    "lexicon.json",
)
DESCRIPTION_FILES = (MODEL_FILE, DECODING_FILE, LIBRARY_FILE, CONFIG_FILE)


@dataclass(frozen=True)
class Description:
    """A model but for its weights."""

    config: ModelConfig
    tokenizer: Tokenizer
    decoding: DecodingConfig
    known: Known | None
    fitted_prior: Prior | None
    schema: ConditionSchema | None = None

    def codec(self, model: M) -> Codec[M]:
        """Return the codec of a model of this description."""
        return Codec(
            model,
            self.tokenizer,
            decoding=self.decoding,
            known=self.known,
            schema=self.schema,
            fitted_prior=self.fitted_prior,
        )


def codec_files(codec: Codec[VAEModel], weights: dict[str, Tensor] | None = None) -> dict[str, Content]:
    """Return the files of a saved model, for `storage.write_folder`.

    Args:
        codec: what is saved.
        weights: in place of the model's own (a moving average).
    """
    state = weights or codec.model.state_dict()
    return {**description_files(codec), WEIGHTS_FILE: save_tensors(unshared(codec.model, state))}


def description_files(codec: Codec) -> dict[str, Content]:
    """Return the files of a model but for its weights."""
    files: dict[str, Content] = {
        MODEL_FILE: to_json(dataclasses.asdict(codec.model.config)),
        DECODING_FILE: to_json(dataclasses.asdict(codec.decoding)),
        **codec.tokenizer.files(),
    }
    if codec.known:
        files[LEXICON_FILE] = codec.known.to_json()
    if codec.schema:
        files |= schema_files(codec.schema)
    if prior := codec.fitted_prior:
        files |= prior_files(prior)
    return files


def load_codec(folder: Path, *, device: torch.device | None = None) -> Codec[VAEModel]:
    """Read a saved model after its manifest was checked.

    Only files that the manifest lists are read. The weights are frozen; `requires_grad_` thaws them.

    Raises:
        RunNotFoundError: no model there.
        CorruptRunError: a missing, damaged or unsafe file, or files that do not belong together.
        NewerRunError: written by a later version.
        ConfigError: an encoder or decoder of the user's own that is not registered.
        MissingExtraError: a fitted prior that is a flow, and zuko is not installed.
        TokenizerError: a tokenizer written by a later version.
    """
    if is_export(folder):
        raise RunNotFoundError(
            f"{folder} is an ONNX export, which holds no weights; use the run that it came from"
        )
    description = load_description(folder, WEIGHTS_FILE)
    model = VAEModel(description.config)
    load_weights(model, load_tensors(folder / WEIGHTS_FILE), folder)
    return description.codec(model.to(device or torch.device("cpu")).eval().requires_grad_(False))


def load_description(folder: Path, *others: str) -> Description:
    """Read all but the weights, after a check of every file; `others` have to be there too.

    Raises:
        RunNotFoundError: no model there.
        CorruptRunError: a missing, damaged or unsafe file, or files that do not belong together.
        NewerRunError: written by a later version.
        TokenizerError: a tokenizer written by a later version.
        MissingExtraError: a fitted prior that is a flow, and zuko is not installed.
    """
    verify_folder(folder)
    listed = read_manifest(folder).files
    for name in (*DESCRIPTION_FILES, *others):
        if name not in listed:
            raise CorruptRunError(f"{folder} holds no saved model: {MANIFEST} does not list {name}")
    config, tokenizer = _read(ModelConfig, folder / MODEL_FILE), Tokenizer.load(folder)
    if tokenizer.vocab_size != config.vocab_size:
        raise CorruptRunError(
            f"{folder / MODEL_FILE} has vocab_size {config.vocab_size}, the tokenizer {tokenizer.vocab_size}; "
            "they belong to different models: copy the folder again"
        )
    return Description(
        config,
        tokenizer,
        _read(DecodingConfig, folder / DECODING_FILE),
        _read_known(folder / LEXICON_FILE) if LEXICON_FILE in listed else None,
        read_prior(folder, config.latent_dim, has_shape=SHAPE_FILE in listed)
        if PRIOR_FILE in listed
        else None,
        read_schema(folder) if CONDITIONS_FILE in listed else None,
    )


def unshared(model: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return `weights` with each of the model's shared (tied) tensors once, under its first name.

    Masks and orders, of flows, are left out: the settings determine them.
    """
    first: dict[int, str] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        first.setdefault(id(tensor), name)
    return {name: weights[name] for name in first.values() if weights[name].is_floating_point()}


def load_weights(model: VAEModel, weights: dict[str, Tensor], folder: Path) -> None:
    """Load what `unshared` gave back into the model, exactly."""
    expected = unshared(model, model.state_dict())
    weights = {
        name: torch.zeros_like(of) for name, of in expected.items() if name.endswith(GOING_ON)
    } | weights
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


def to_json(value: Any) -> bytes:
    """Return a value as the bytes of a JSON file that people can read."""
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


def _read_known(path: Path) -> Known:
    try:
        return Known.from_json(path.read_bytes())
    except (OSError, ConfigError, DataError) as error:
        raise CorruptRunError(f"{path} cannot be read as a lexicon: {error}") from error


def schema_files(schema: ConditionSchema) -> dict[str, bytes]:
    """Return the files that keep what a model's conditions are, a tokenizer of their own among them."""
    own = schema.source_tokenizer.files(SOURCE_PREFIX) if schema.source_tokenizer else {}
    return {CONDITIONS_FILE: schema.to_json(), **own}


def read_schema(folder: Path) -> ConditionSchema:
    """Read what `schema_files` wrote.

    Raises:
        CorruptRunError: it cannot be read.
    """
    path = folder / CONDITIONS_FILE
    try:
        own = (folder / (SOURCE_PREFIX + CONFIG_FILE)).exists()
        return ConditionSchema.from_json(
            path.read_bytes(), Tokenizer.load(folder, SOURCE_PREFIX) if own else None
        )
    except (OSError, DataError) as error:
        raise CorruptRunError(f"{path} cannot be read: {error}") from error
