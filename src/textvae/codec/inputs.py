"""What people pass to a model, checked: texts, latents, seeds."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.errors import ConditionError, DataError, LatentError


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
            raise DataError(f"a text is {text!r:.30}, a {type(text).__name__}; every text must be a string")
    return texts


def repeated_values(values: Mapping[str, Any], num: int) -> dict[str, list[Any]]:
    """Return conditions as `num` values by name: a single word, number or array stands for all rows.

    Raises:
        ConditionError: a list of another length.
    """
    found: dict[str, list[Any]] = {}
    for name, value in values.items():
        if isinstance(value, list | tuple):
            if len(value) != num:
                raise ConditionError(
                    f"{len(value)} values of {name} for {num} texts; give one, or one for each text"
                )
            found[name] = list(value)
        else:
            found[name] = [value] * num
    return found


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


def drawn_seed(seed: int | None) -> int:
    """Return the seed given, or a new one: `torch.manual_seed` and its like have no say."""
    return secrets.randbelow(2**63) if seed is None else seed
