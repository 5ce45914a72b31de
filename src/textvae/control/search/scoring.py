"""What a text is worth: rewards by name, weighted, added up, and checked."""

import inspect
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from textvae.codec import Codec
from textvae.config.functions import load_function
from textvae.control.search.rewards import READY
from textvae.data.conditions import Conditions
from textvae.errors import ConfigError, TextVAEError

Reward = Callable[..., Iterable[float]]
"""A list of texts to a score each, higher is better; it may ask by name for `z`, (N, D), `codec`, and `conditions`, one a
text or None, too."""

OFFERED = ("z", "codec", "conditions")

_WEIGHTED = re.compile(r"\s*(?P<weight>\d*\.?\d+)\s*\*\s*(?P<rest>.+)", re.DOTALL)


@dataclass(frozen=True)
class Weighted:
    """A reward, what it is called in messages and records, and how much it counts."""

    name: str
    reward: Reward
    weight: float = 1.0

    @classmethod
    def read(cls, text: str, *, never_from: Path | None = None) -> "Weighted":
        """Read a ready reward as contains:coffee, or module:function; `2*` before it doubles it.

        Raises:
            ConfigError: it cannot be read, or not imported.
        """
        found = _WEIGHTED.fullmatch(text)
        weight, rest = (float(found["weight"]), found["rest"]) if found else (1.0, text.strip())
        kind, _, argument = rest.partition(":")
        if kind in READY and ":" in rest:
            return cls(text, READY[kind](argument), weight)
        try:
            return cls(text, load_function(rest, option="--reward", never_from=never_from), weight)
        except ConfigError as error:
            raise ConfigError(
                f"{error}; ready rewards are {', '.join(f'{name}:…' for name in READY)}"
            ) from error

    @property
    def wants(self) -> list[str]:
        """What it asks for beside the texts."""
        try:
            parameters = list(inspect.signature(self.reward).parameters.values())[1:]
        except (TypeError, ValueError):  # a function of C has no signature
            return []
        return [one.name for one in parameters if one.name in OFFERED]


class Scorer:
    """Scores texts by the weighted sum of rewards; one that asks for texts alone is asked once for each distinct text.

    Attributes:
        names: of the rewards, weights included.

    Args:
        codec: the model.
        rewards: one at least.
        conditions: one, under which all texts are decoded; None: none.
    """

    def __init__(
        self, codec: Codec, rewards: Sequence[Weighted], conditions: Conditions | None = None
    ) -> None:
        if not rewards:
            raise ConfigError("a search needs a reward; give one, as contains:coffee or module:function")
        self.names = [one.name for one in rewards]
        self._codec, self._condition = codec, conditions
        self._rewards = [(one, one.wants) for one in rewards]
        self._known: list[dict[str, float]] = [{} for _ in rewards]

    def __call__(self, texts: Sequence[str], z: Tensor) -> list[float]:
        """Return the score of each text, the decode of its z, (N, D).

        Raises:
            ConfigError: a reward that fails, or does not return a finite number for each text.
        """
        totals = [0.0] * len(texts)
        for (one, wants), known in zip(self._rewards, self._known, strict=True):
            if wants:
                given = self._condition and self._condition.rows(np.zeros(len(texts), np.int64))
                offered: dict[str, Any] = {"z": z, "codec": self._codec, "conditions": given}
                found = checked(one, texts, {name: offered[name] for name in wants})
            else:
                if new := [text for text in dict.fromkeys(texts) if text not in known]:
                    known.update(zip(new, checked(one, new, {}), strict=True))
                found = [known[text] for text in texts]
            totals = [total + one.weight * score for total, score in zip(totals, found, strict=True)]
        return totals


def read_rewards(given: Any, *, never_from: Path | None = None) -> list[Weighted]:
    """Return rewards as people give them: a function, a name as `Weighted.read` takes, or several of either.

    Raises:
        ConfigError: something else, or a name that cannot be read.
    """
    several = given if isinstance(given, Sequence) and not isinstance(given, str) else [given]
    rewards = []
    for one in several:
        if isinstance(one, Weighted):
            rewards.append(one)
        elif isinstance(one, str):
            rewards.append(Weighted.read(one, never_from=never_from))
        elif callable(one):
            rewards.append(Weighted(getattr(one, "__qualname__", None) or repr(one), one))
        else:
            raise ConfigError(f"a reward is {one!r:.60}; give a function of a list of texts, or a name")
    return rewards


def checked(one: Weighted, texts: Sequence[str], offered: dict[str, Any]) -> list[float]:
    """Return what a reward says of texts, as finite numbers.

    Raises:
        ConfigError: it fails, or says anything else.
    """
    try:
        found = list(one.reward(list(texts), **offered))
    except TextVAEError as error:
        raise ConfigError(f"reward {one.name}: {error}") from error
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"reward {one.name} failed: {reason}") from error
    if len(found) != len(texts):
        raise ConfigError(
            f"reward {one.name} returned {len(found)} scores for {len(texts)} texts; return one for each, in their order"
        )
    for text, score in zip(texts, found, strict=True):
        if not _is_number(score) or not math.isfinite(score):
            raise ConfigError(
                f"reward {one.name} returned {score!r:.40} for the text {text!r:.60}; a finite number is needed"
            )
    return [float(score) for score in found]


def _is_number(score: Any) -> bool:
    """Return whether it is a number; those of arrays and tensors are."""
    if isinstance(score, Real):
        return True
    return getattr(score, "ndim", None) == 0 and hasattr(score, "item") and isinstance(score.item(), Real)
