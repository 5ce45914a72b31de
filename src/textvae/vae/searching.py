"""`TextVAE`: searches in latent space."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from textvae.config import DecodingConfig
from textvae.config.model import CONDITIONAL
from textvae.control.priors import MIXTURE, fit_prior
from textvae.control.search.scoring import Weighted, read_rewards
from textvae.control.search.search import SearchResult, promising_of, search
from textvae.control.search.strategies import CMA
from textvae.data.conditions import Conditions
from textvae.distributions import Prior
from textvae.errors import ConfigError
from textvae.vae.held import Given, Held

if TYPE_CHECKING:
    from textvae.control.search.environment import LatentEnv


class Searching(Held):
    """Finds texts that a reward likes."""

    def search(
        self,
        reward: Any,
        *,
        budget: int = 2000,
        n: int = 5,
        start: str | None = None,
        target: float | None = None,
        strategy: str = CMA,
        within: Any = None,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        output: str | Path | None = None,
        resume: bool = False,
        seed: int = 0,
    ) -> SearchResult:
        """Search for the texts that score best, where the decoder was trained; see `textvae.control.search.search`.

        Args:
            reward: a function from a list of texts to a score each, higher is better; a name, as "contains:coffee", "length:10-14",
                "2*likely:coffee" or "module:function"; or several of either, which are added up. A function that names `z` or `codec` among its
                arguments is given those too; so with
                `conditions`, one a text or None.
            budget: texts that are decoded, at most.
            n: distinct texts to return.
            start: a text to begin at; None: the best of 100 random ones.
            target: stop once n distinct texts score so much.
            strategy: cma, or random for comparison.
            within: texts, or anything `open_corpus` reads, 100 at least: their latents bound the search, and it begins at those that score
                best, for which the reward is asked of all of them; None: the prior bounds it.
            conditions: one, as for `encode`.
            decoding: how tokens are chosen; None: greedy.
            output: a folder that keeps every text with its score.
            resume: go on with the search in `output`.
            seed: of the search.

        >>> vae.search(["contains:coffee", "length:12"], target=0).best[0].text  # doctest: +SKIP

        Raises:
            ConfigError: a setting out of range, or a reward that cannot be read, fails, or returns no finite number for each text.
            RunExistsError: a search is in `output`, without `resume`.
            RunNotFoundError: no search to go on with.
            MissingExtraError: cma is not installed.
        """
        given = self._with_latent().conditions(conditions, 1)
        z = None if start is None else self.codec.encode([start], conditions=given)[0].double()
        rewards = read_rewards(reward, never_from=self._folder())
        prior, promising = (None, None) if within is None else self._around(within, rewards, given, seed)
        return search(
            self.codec, rewards,
            budget=budget, n=n, start=z, target=target, strategy=strategy, within=prior, promising=promising,
            conditions=given, decoding=decoding, output=output, resume=resume, seed=seed,
        )  # fmt: skip

    def environment(
        self,
        reward: Any,
        *,
        step: float = 0.5,
        length: int = 20,
        target: float | None = None,
        payment: str = "improvement",
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int = 0,
    ) -> "LatentEnv":
        """Return a Gymnasium environment in which an agent moves z; see `textvae.control.search.environment.LatentEnv`.

        Args:
            reward: as for `search`.
            step: the longest move a dimension, in standard deviations of the prior.
            length: moves an episode.
            target: a score that ends the episode.
            payment: improvement, or score.
            conditions: one, as for `encode`.
            decoding: how tokens are chosen; None: greedy.
            seed: of what is no episode's own.

        Raises:
            MissingExtraError: gymnasium is not installed.
        """
        from textvae.control.search.environment import LatentEnv

        return LatentEnv(
            self._with_latent(), read_rewards(reward, never_from=self._folder()),
            step=step, length=length, target=target, payment=payment,
            conditions=self.codec.conditions(conditions, 1), decoding=decoding, seed=seed,
        )  # fmt: skip

    def _around(
        self, data: Any, rewards: list[Weighted], given: Conditions | None, seed: int
    ) -> tuple[Prior, Tensor]:
        """Return a mixture fitted to the latents of texts, or the prior where none is better; and the latents of the best of them."""
        if self.codec.model.config.prior == CONDITIONAL:
            raise ConfigError(
                "this model's prior depends on the condition, p(z|c), and bounds the search; leave out the texts"
            )
        texts, conditions = self._texts(data)
        posterior = self.codec.posterior(self.codec.store(texts, conditions))
        own = self.codec.prior()
        promising = promising_of(self.codec, rewards, texts, posterior.loc, given)
        return fit_prior(posterior, own, kind=MIXTURE, seed=seed).prior or own, promising

    def _folder(self) -> Path | None:
        """Return the folder of the model, from which nothing is executed."""
        return None if self.run is None else Path(self.run)
