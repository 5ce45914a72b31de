"""`LatentEnv`: a search as a Gymnasium environment, in which an agent moves z."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.codec.inputs import as_latents, checked_latents
from textvae.config import GREEDY, DecodingConfig
from textvae.config.fields import check_choice, check_count, check_range
from textvae.control.search.region import TrustRegion
from textvae.control.search.scoring import Scorer, Weighted
from textvae.data.conditions import Conditions
from textvae.decoding.noise import derived_seed
from textvae.errors import LatentError, MissingExtraError

try:
    import gymnasium
except ImportError as error:
    raise MissingExtraError("gymnasium", "control") from error

IMPROVEMENT, SCORE = "improvement", "score"
PAYMENTS = (IMPROVEMENT, SCORE)


class LatentEnv(gymnasium.Env[np.ndarray, np.ndarray]):
    """An agent sees z, moves it, and is paid for what the text of z then scores.

    Observation: z, (D,) float32, in the box around the trust region's draws. Action: (D,) in [-1, 1], the move in units of `step` standard
    deviations of the prior; z is brought back into the box and the trust region. An episode begins at a draw from the prior, or at
    `reset(options={"text": ...})` or `{"z": ...}`; it is over (terminated) where the target is reached, and cut (truncated) after `length`
    moves. `info` has the text and its score. Each `reset` and each `step` is one decode.

    With payment "improvement" the rewards of an episode add up to the last score less the first (potential-based shaping, Ng et al.
    1999, with a discount of 1); with "score" each move is paid the score of where it leads.

    Args:
        codec: the model.
        rewards: their weighted sum is the score.
        step: the longest move a dimension, in standard deviations of the prior.
        length: moves an episode.
        target: a score that ends the episode; None: none does.
        payment: improvement or score.
        conditions: one, under which all is decoded; None: none.
        decoding: how tokens are chosen; None: greedy.
        seed: of the trust region's bound, and of tokens where they are drawn; episodes go by `reset(seed=...)`.

    Raises:
        ConfigError: a number out of range, or an unknown payment.
    """

    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012  (Gymnasium's own class attribute)

    def __init__(
        self,
        codec: Codec,
        rewards: Sequence[Weighted],
        *,
        step: float = 0.5,
        length: int = 20,
        target: float | None = None,
        payment: str = IMPROVEMENT,
        conditions: Conditions | None = None,
        decoding: DecodingConfig | None = None,
        render_mode: str | None = None,
        seed: int = 0,
    ) -> None:
        check_range("step", step, above=0)
        check_count("length", length, 1)
        check_choice("payment", payment, PAYMENTS)
        self.codec, self.render_mode = codec, render_mode
        self.step_size, self.length, self.target, self.payment = step, length, target, payment
        self._scorer, self._decoding, self._seed = (
            Scorer(codec, rewards, conditions),
            decoding or GREEDY,
            seed,
        )
        self._conditions = conditions
        self.region = TrustRegion(codec.prior(conditions), seed=seed)
        low, high = (_float32(bound) for bound in (self.region.low, self.region.high))
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (codec.latent_dim,), dtype=np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: of where it begins and all those after it.
            options: "text" or "z" to begin at.
        """
        super().reset(seed=seed)
        self._moves = 0
        self._arrive(self._start(options or {}))
        return self._observed(), self._info()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Move."""
        move = (
            torch.from_numpy(np.asarray(action, np.float64).clip(-1, 1)) * self.step_size * self.region.scale
        )
        before = self._score
        self._arrive(self._z + move)
        self._moves += 1
        paid = self._score - before if self.payment == IMPROVEMENT else self._score
        is_over = self.target is not None and self._score >= self.target
        return self._observed(), paid, is_over, self._moves >= self.length, self._info()

    def render(self) -> str | None:
        """Return the text of z."""
        return self._text if self.render_mode == "ansi" else None

    def _start(self, options: dict[str, Any]) -> Tensor:
        if "text" in options:
            return self.codec.encode([options["text"]], conditions=self._conditions)[0]
        if "z" in options:
            z = as_latents(options["z"])
            if z.ndim != 1:
                raise LatentError(
                    f"z to begin at has shape {tuple(z.shape)}; give ({self.codec.latent_dim},)"
                )
            return checked_latents(z.unsqueeze(0), self.codec.latent_dim)[0]
        return self.region.draws(range(1), seed=int(self.np_random.integers(2**63)))[0]

    def _arrive(self, z: Tensor) -> None:
        """Go to z, or to the nearest to it that is allowed: all in float32, as the agent sees it."""
        boxed = z.double().clamp(self.region.low, self.region.high)
        self._z = self.region.projected(boxed.unsqueeze(0))[0].float().double()
        [self._text] = self.codec.decode(
            self._z.unsqueeze(0),
            self._decoding,
            seed=derived_seed(self._seed, 0),
            conditions=self._conditions,
        )
        [self._score] = self._scorer([self._text], self._z.unsqueeze(0))

    def _observed(self) -> np.ndarray:
        box = self.observation_space
        assert isinstance(box, gymnasium.spaces.Box)
        return np.clip(self._z.float().numpy(), box.low, box.high)

    def _info(self) -> dict[str, Any]:
        return {"text": self._text, "score": self._score}


def _float32(bound: Tensor) -> np.ndarray:
    return bound.numpy().astype(np.float32)
