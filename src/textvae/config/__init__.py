"""Settings: frozen, validated, free of torch."""

from textvae.config.data import DataConfig
from textvae.config.decoding import GREEDY, DecodingConfig
from textvae.config.model import ModelConfig
from textvae.config.objective import ObjectiveConfig
from textvae.config.run import RunConfig, load_settings, parse_assignments, read_settings
from textvae.config.training import TrainingConfig

__all__ = [
    "GREEDY",
    "DataConfig",
    "DecodingConfig",
    "ModelConfig",
    "ObjectiveConfig",
    "RunConfig",
    "TrainingConfig",
    "load_settings",
    "parse_assignments",
    "read_settings",
]
