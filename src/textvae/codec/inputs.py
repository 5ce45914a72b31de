"""What people pass to a model, checked: texts, latents, seeds."""

import secrets
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.config import DecodingConfig
from textvae.config.conditions import FEATURE
from textvae.data.features import Features
from textvae.errors import ConditionError, ConfigError, DataError, LatentError


def checked_texts(texts: Sequence[str]) -> list[str]:
    """Return the texts as a list.

    Raises:
        DataError: one string in place of a list, or something that is no string.
    """
    if isinstance(texts, str):
        raise DataError(f"a list of texts is needed, not one string ({texts[:30]!r}); put it in brackets")
    texts = list(texts)
    for text in texts:
        if not isinstance(text, str):
            raise DataError(f"a text is {text!r:.30} ({type(text).__name__}); every text must be a string")
    return texts


def repeated_values(
    values: Mapping[str, Any], num: int, features: Features | None = None
) -> dict[str, list[Any]]:
    """Return conditions as `num` values by name: a single word, number or row of features stands for all texts.

    Args:
        values: by name; several are a list, tuple, array or column.
        num: of texts.
        features: what rows of features look like, where the model takes some.

    Raises:
        ConditionError: values of another number, or without names.
    """
    _check_names(values)
    found: dict[str, list[Any]] = {}
    for name, value in values.items():
        if name == FEATURE and features is not None:
            value = _feature_rows(value, features, num)
        several = list(value) if _is_several(value) else [value] * num
        if len(several) != num:
            raise ConditionError(
                f"{len(several)} values of {name} for {num} texts; give one, or one for each text"
            )
        found[name] = several
    return found


def num_values(values: Mapping[str, Any], features: Features | None = None) -> int:
    """Return for how many texts conditions are, as `repeated_values` takes them; 1 where each is a single one.

    Raises:
        ConditionError: without names, or features that are no numbers.
    """
    _check_names(values)
    counts = [
        1
        if name == FEATURE and features is not None and _is_one_row(_as_array(value), features)
        else len(value)
        for name, value in values.items()
        if _is_several(value)
    ]
    return max(counts, default=1)


def _check_names(values: Any) -> None:
    if not isinstance(values, Mapping):
        raise ConditionError(
            f"conditions are {values!r:.40}; give them by name, as {{'sentiment': 'positive'}}"
        )


def _is_several(value: Any) -> bool:
    return isinstance(value, list | tuple) or bool(getattr(value, "ndim", 0))


def _as_array(features: Any) -> np.ndarray:
    try:
        return np.asarray(features, np.float32)
    except (TypeError, ValueError) as error:
        raise ConditionError(f"the features are no array of numbers: {error}") from error


def _is_one_row(array: np.ndarray, features: Features) -> bool:
    """Say whether an array is the features of one text; dimensions of 1 may be there or not."""
    return array.squeeze().shape == tuple(size for size in features.shape if size > 1)


def _feature_rows(value: Any, features: Features, num: int) -> Any:
    """Return features as rows: one that is no list of rows stands for all."""
    array = _as_array(value)
    if _is_one_row(array, features):
        return [array.reshape(features.shape)] * num
    if array.ndim and _is_one_row(array[0], features):
        return list(array.reshape(len(array), *features.shape))
    return list(array) if array.ndim > len(features.shape) else [array] * num


def checked_latents(z: Tensor, latent_dim: int) -> Tensor:
    """Return z.

    Raises:
        LatentError: another shape than (N, D), NaN or Inf.
    """
    if z.ndim != 2 or z.shape[1] != latent_dim:
        raise LatentError(f"z has shape {tuple(z.shape)}; this model needs (N, {latent_dim})")
    if not z.isfinite().all():
        raise LatentError("z holds NaN or Inf; every number must be finite")
    return z


def checked_mixtures(z: Tensor, latent_dim: int) -> Tensor:
    """Return z: one latent a text, (N, D), or several, (N, K, D).

    Raises:
        LatentError: another shape, NaN or Inf.
    """
    checked_latents(z.flatten(0, 1) if z.ndim == 3 else z, latent_dim)
    if z.ndim == 3 and not z.shape[1]:
        raise LatentError(f"z has shape {tuple(z.shape)}; a text needs one latent or more")
    return z


def num_latents(z: Tensor) -> int:
    """Return K of latents of (N, K, D), 1 of (N, D)."""
    return z.shape[1] if z.ndim == 3 else 1


def as_latents(z: Any) -> Tensor:
    """Return an array, tensor or list of lists as a float64 tensor on the CPU.

    Raises:
        LatentError: no array of numbers.
    """
    if isinstance(z, Tensor):
        return z.detach().cpu().double()
    try:
        return torch.from_numpy(np.array(z, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise LatentError(f"z cannot be read as an array of numbers: {error}") from error


def checked_decoding(config: DecodingConfig) -> DecodingConfig:
    """Return the settings.

    Raises:
        ConfigError: they are something else.
    """
    if not isinstance(config, DecodingConfig):
        raise ConfigError(
            f"decoding is {config!r:.60}; give a DecodingConfig, as DecodingConfig(temperature=0.5)"
        )
    return config


def drawn_seed(seed: int | None) -> int:
    """Return the seed given, or a new one: `torch.manual_seed` and its like have no say.

    Raises:
        ConfigError: it is no whole number, or out of range.
    """
    if seed is None:
        return secrets.randbelow(2**63)
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed < 2**63:
        raise ConfigError(f"seed is {seed!r}; a whole number from 0 to 2^63 - 1 is needed")
    return int(seed)
