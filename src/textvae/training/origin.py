"""The model that a run begins from: another run's, with its tokenizer."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from textvae.codec import Codec, load_codec
from textvae.codec.files import WEIGHTS_FILE
from textvae.codec.location import HUB, MODEL_FOLDER, model_folder
from textvae.config import RunConfig
from textvae.config.transfer import check_shapes, inherited
from textvae.data.store import TokenStore
from textvae.data.tokenizer_extension import misspelt
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.models.positions import Positions
from textvae.storage.manifest import read_manifest
from textvae.training.checkpoints import checkpoints
from textvae.training.records import read_metrics
from textvae.training.transfer import new_parts


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A trained model that a run begins from."""

    name: str
    """Of its folder, without the folders around it, or `hf://owner/name`."""
    codec: Codec[VAEModel]
    facts: dict[str, Any]
    """For the run's records: name, SHA-256 of the weights' file, epoch, and what that run began from itself."""
    beta: float | None
    """The weight of the rate that it ended with; None: not known, or it has no z."""

    @cached_property
    def has_positions(self) -> bool:
        """Whether it has learned positions, so that no text may be longer than those it was made for."""
        return any(isinstance(module, Positions) for module in self.codec.model.modules())

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """Settings that lie beneath what the user states for the new run."""
        return inherited(self.codec.model.config, self.codec.tokenizer.normalize)

    def check(self, config: RunConfig) -> tuple[str, ...]:
        """Return the names of parts that a run of these settings trains from nothing.

        Raises:
            ConfigError: settings that contradict the weights or the tokenizer.
        """
        theirs = self.codec.model.config
        check_shapes(config.model, theirs, self.name)
        self._check_data(config)
        alike = dataclasses.replace(
            config.model, vocab_size=theirs.vocab_size, max_length=theirs.max_length, kappa=theirs.kappa
        )
        with torch.random.fork_rng(devices=[]):
            return new_parts(VAEModel(alike), self.codec.model, self.name)

    def advice(self, train: TokenStore, tokenizer: Tokenizer) -> tuple[str, ...]:
        """Return what to say of how its tokenizer suits a corpus.

        Args:
            train: the corpus's tokens.
            tokenizer: as it is used now.
        """
        added, bad = tokenizer.vocab_size - self.codec.tokenizer.vocab_size, misspelt(train, tokenizer)
        how = "as <unk>" if tokenizer.kind == "word" else "in bytes"
        said = [f"the tokenizer of {self.name} got {added:,} tokens more"] if added else []
        if bad.tokens:
            said.append(
                f"{bad.tokens / bad.num_tokens:.2%} of the tokens, in {bad.texts:,} of {bad.num_texts:,} texts, are spelt "
                f"{how}" + ("" if added else "; --extend-vocabulary gives what is frequent tokens of its own")
            )
        return tuple(said)

    def _check_data(self, config: RunConfig) -> None:
        data, tokenizer, longest = config.data, self.codec.tokenizer, self.codec.model.config.max_length
        if data.tokenizer not in ("auto", tokenizer.kind):
            raise ConfigError(
                f"data.tokenizer is {data.tokenizer!r}, and that of {self.name} is {tokenizer.kind}, which its weights are "
                "for; leave it out"
            )
        if data.normalize != tokenizer.normalize:
            raise ConfigError(
                f"data.normalize is {data.normalize!r}, and the tokenizer of {self.name} has {tokenizer.normalize!r}; "
                "leave it out"
            )
        if data.vocab_size not in (None, tokenizer.vocab_size) and not data.extend_vocabulary:
            raise ConfigError(
                f"data.vocab_size is {data.vocab_size}, and the tokenizer of {self.name} has {tokenizer.vocab_size} "
                "entries; leave it out, or add --extend-vocabulary"
            )
        if self.has_positions and data.max_length is not None and data.max_length > longest:
            raise ConfigError(
                f"data.max_length is {data.max_length}, and {self.name} learned {longest} positions; lower it, or leave "
                "it out"
            )


def open_origin(run: str | Path) -> Origin:
    """Load what a run can begin from: a run folder, a saved model, or `hf://owner/name`.

    Raises:
        RunNotFoundError: no model there, or an ONNX export, which has no weights.
        CorruptRunError: a missing, damaged or unsafe file.
        NewerRunError: written by a later version.
    """
    folder = model_folder(run)
    codec, manifest = load_codec(folder), read_manifest(folder)
    metadata, name = manifest.metadata, _name(str(run))
    facts = {
        "name": name,
        "sha256": manifest.files[WEIGHTS_FILE].sha256,
        "epoch": metadata.get("epoch"),
    }
    if earlier := metadata.get("data", {}).get("origin"):
        facts["origin"] = earlier
    has_latent = codec.model.config.has_latent
    return Origin(name=name, codec=codec, facts=facts, beta=_last_beta(run, metadata) if has_latent else None)


def origin_of(init_from: str | Path | None, run: Path, *, resume: bool) -> Origin | None:
    """Return what the run in `run` begins from; None: nothing, or it goes on from a checkpoint of its own."""
    if init_from is None or (resume and checkpoints(run)):
        return None
    return open_origin(init_from)


def inherited_settings(origin: Origin | None) -> tuple[Mapping[str, Any], ...]:
    """Return the layers of settings that an origin lays beneath the user's."""
    return () if origin is None else (origin.settings,)


def _name(run: str) -> str:
    if run.startswith(HUB):
        return run
    path = Path(run).expanduser().resolve()
    return f"{path.parent.name}/{path.name}" if path.name == MODEL_FOLDER else path.name


def _last_beta(run: str | Path, metadata: Mapping[str, Any]) -> float | None:
    """Return the beta beside the weights; of models that do not say, that of the run's records."""
    if "beta" in metadata or str(run).startswith(HUB):
        return metadata.get("beta")
    records = read_metrics(Path(run).expanduser())
    betas = [r["beta"] for r in records if r["kind"] == "train" and r["step"] <= metadata.get("step", 0)]
    return betas[-1] if betas else None
