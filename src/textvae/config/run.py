"""`RunConfig`: all settings of a run, and the YAML file as a view of them.

Precedence: defaults < preset < file < command line.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from textvae.config.data import DataConfig
from textvae.config.decoding import DecodingConfig
from textvae.config.fields import nearest
from textvae.config.freezing import check_freezing
from textvae.config.latents import check_absence, check_pretraining, check_rate
from textvae.config.model import ModelConfig
from textvae.config.objective import ObjectiveConfig
from textvae.config.training import TrainingConfig
from textvae.errors import ConfigError

SAMPLING_DECODING = DecodingConfig(temperature=0.65, top_p=0.9, candidates=16, slor=0.4)
"""Of a run that states nothing else: fluent, and still varied."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Every setting of a run; saved resolved as `config.yaml`."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = field(default_factory=lambda: SAMPLING_DECODING)

    def __post_init__(self) -> None:
        conditional = self.data.has_condition or self.model.has_condition
        check_absence(self.model, self.objective, self.training, conditional=conditional)
        check_rate(self.model, self.objective)
        check_pretraining(self.objective, self.training)
        check_freezing(self.model, self.objective, self.training, conditional=conditional)
        if self.model.copy and not self.data.columns.has_source and not self.model.source_vocab_size:
            raise ConfigError(
                "model.copy is true and there is no source to copy from; give one with --source"
            )

    def updated(self, *layers: Mapping[str, Any]) -> Self:
        """Return a copy with `layers`, mappings of section to {key: value}, laid over; a later one wins.

        Settings are checked together once all layers lie, so that a file may hold one half of what belongs
        together and the command line the other.

        Raises:
            ConfigError: an unknown section or key (the nearest is named), or a value that cannot be used.
        """
        settings: dict[str, dict[str, Any]] = {}
        for layer in layers:
            if not isinstance(layer, Mapping):
                raise ConfigError(
                    f"settings are {layer!r:.40}; give sections of settings, as {{'model': {{'latent_dim': 64}}}}"
                )
            for section, values in layer.items():
                settings.setdefault(section, {}).update(self._known(section, values))
        changed = {
            section: dataclasses.replace(getattr(self, section), **values)
            for section, values in settings.items()
        }
        return dataclasses.replace(self, **changed)

    def with_assignments(self, assignments: list[str]) -> Self:
        """Return a copy with command-line assignments like "model.latent_dim=64" laid over."""
        return self.updated(parse_assignments(assignments))

    def to_yaml(self) -> str:
        """Return the YAML text of all settings."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False, allow_unicode=True)

    def _known(self, section: str, values: Any) -> Mapping[str, Any]:
        """Return a section's settings after a look at their names; an empty section of a file is None."""
        sections = [field.name for field in dataclasses.fields(self)]
        if section not in sections:
            raise ConfigError(
                f"unknown section {section!r} in the settings; {nearest(str(section), sections)}"
            )
        if values is None:
            return {}
        if not isinstance(values, Mapping):
            raise ConfigError(f"section {section!r} is {values!r}; a mapping of settings is needed")
        keys = [field.name for field in dataclasses.fields(getattr(self, section))]
        for key in values:
            if key not in keys:
                raise ConfigError(f"unknown setting {section}.{key}; {nearest(str(key), keys)}")
        return values


def parse_assignments(assignments: list[str]) -> dict[str, dict[str, Any]]:
    """Read "section.key=value" strings; values are YAML scalars.

    >>> parse_assignments(["model.latent_dim=64"])
    {'model': {'latent_dim': 64}}
    """
    settings: dict[str, dict[str, Any]] = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        section, dot, key = name.strip().partition(".")
        if not (equals and dot and key):
            raise ConfigError(
                f"--set {text!r} cannot be read; write section.key=value, as model.latent_dim=64"
            )
        try:
            settings.setdefault(section, {})[key] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: the 13th month
            raise ConfigError(f"--set {text!r} cannot be read; {value!r} is not a YAML value") from error
    return settings


def load_settings(path: str | Path) -> RunConfig:
    """Return the settings that a run saved.

    Raises:
        ConfigError: no such file, or settings that this version does not have.
    """
    settings = read_settings(path)
    try:
        return RunConfig().updated(settings)
    except ConfigError as error:
        raise ConfigError(f"{path} was changed, or written by another version of textvae: {error}") from error


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of settings, sections at the top.

    Raises:
        ConfigError: no such file, or not a YAML mapping.
    """
    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"no settings file at {path}: {error.strerror}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: not UTF-8, or the 13th month
        raise ConfigError(f"{path} is not a YAML file of settings: {str(error).splitlines()[0]}") from error
    if settings is None:  # an empty file
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(
            f"{path} holds {type(settings).__name__}; a mapping with sections like model: is needed"
        )
    return settings
