"""`RunConfig`: all settings of a run, and the YAML file as a view of them.

Precedence: defaults < preset < file < command line.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from textvae.config.data import DataConfig
from textvae.config.decoding import DecodingConfig
from textvae.config.fields import nearest
from textvae.config.model import ModelConfig
from textvae.config.objective import ObjectiveConfig
from textvae.config.training import TrainingConfig
from textvae.errors import ConfigError

SAMPLING_DECODING = DecodingConfig(temperature=0.5, top_p=0.9)


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Every setting of a run; saved resolved as `config.yaml`."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = field(default_factory=lambda: SAMPLING_DECODING)

    def updated(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy with `settings`, a mapping of section to {key: value}, laid over.

        Raises:
            ConfigError: an unknown section or key (the nearest is named), or a value out of range.
        """
        sections = {f.name for f in dataclasses.fields(self)}
        changed = {}
        for section, values in settings.items():
            if section not in sections:
                raise ConfigError(f"unknown section {section!r} in the settings; {nearest(section, sections)}")
            if not isinstance(values, Mapping):
                raise ConfigError(f"section {section!r} is {values!r}; a mapping of settings is needed")
            changed[section] = _replace(section, getattr(self, section), values)
        return dataclasses.replace(self, **changed)

    def with_assignments(self, assignments: list[str]) -> Self:
        """Return a copy with command-line assignments like "model.latent_dim=64" laid over."""
        return self.updated(parse_assignments(assignments))

    def to_yaml(self) -> str:
        """Return the YAML text of all settings."""
        return yaml.safe_dump(dataclasses.asdict(self), sort_keys=False, allow_unicode=True)


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
            raise ConfigError(f"--set {text!r} cannot be read; write section.key=value, as model.latent_dim=64")
        try:
            settings.setdefault(section, {})[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {text!r} cannot be read; {value!r} is not a YAML value") from error
    return settings


def read_settings(path: str | Path) -> dict[str, Any]:
    """Read a YAML file of settings, sections at the top.

    Raises:
        ConfigError: no such file, or not a YAML mapping.
    """
    try:
        settings = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"no settings file at {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a YAML file of settings: {str(error).splitlines()[0]}") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"{path} holds {type(settings).__name__}; a mapping with sections like model: is needed")
    return settings


def _replace(section: str, current: Any, values: Mapping[str, Any]) -> Any:
    types_of = typing.get_type_hints(type(current))
    for key, value in values.items():
        if key not in types_of:
            raise ConfigError(f"unknown setting {section}.{key}; {nearest(key, types_of)}")
        _check_type(f"{section}.{key}", value, types_of[key])
    return dataclasses.replace(current, **_widened(values, types_of))


def _check_type(name: str, value: Any, annotation: Any) -> None:
    allowed = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if float in allowed:
        allowed = (*allowed, int)
    fits = isinstance(value, allowed) and not (isinstance(value, bool) and bool not in allowed)
    if not fits:
        words = " or ".join("null" if t is type(None) else t.__name__ for t in allowed)
        raise ConfigError(f"{name} is {value!r}; it must be {words}")


def _widened(values: Mapping[str, Any], types_of: Mapping[str, Any]) -> dict[str, Any]:
    """Turn whole numbers into floats where the field is a float, so that equal settings save equally."""
    return {
        key: float(value) if types_of[key] is float and isinstance(value, int) else value
        for key, value in values.items()
    }
