"""The rate of a von Mises-Fisher posterior: from the target rate its concentration, or the other way round."""

import math

from textvae.config import RunConfig
from textvae.config.model import SPHERE
from textvae.distributions.sphere import concentration, concentration_rate
from textvae.errors import ConfigError

AGREEMENT = 1e-6
"""Relative difference that the two may have in settings that are resolved already."""


def with_fixed_rate(config: RunConfig) -> RunConfig:
    """Return `config` with the target rate that its concentration stands for, where it states one.

    Raises:
        ConfigError: it states another target rate too.
    """
    model, objective = config.model, config.objective
    if model.posterior != SPHERE or model.kappa is None or objective.beta != "target":
        return config
    rate = concentration_rate(model.kappa, model.latent_dim)
    if objective.target_rate is None:
        return config.updated({"objective": {"target_rate": rate}})
    if not math.isclose(rate, objective.target_rate, rel_tol=AGREEMENT):
        raise ConfigError(
            f"model.kappa {model.kappa:g} gives every text a rate of {rate:.2f} nats and objective.target_rate is "
            f"{objective.target_rate:g}; the rate has one owner: set one of them to null"
        )
    return config


def with_concentration(config: RunConfig) -> RunConfig:
    """Return resolved `config` with the concentration whose rate is the target, where it states none.

    Raises:
        ConfigError: the sphere has too few dimensions for the target rate.
    """
    model, objective = config.model, config.objective
    if model.posterior != SPHERE or model.kappa is not None:
        return config
    assert objective.target_rate is not None
    return config.updated({"model": {"kappa": concentration(objective.target_rate, model.latent_dim)}})
