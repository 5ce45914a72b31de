"""What is measured: a model and texts, with what several measures need of them, made when it is first asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from torch import Tensor

from textvae.codec import Codec
from textvae.data.conditions import Conditions
from textvae.data.store import TokenStore
from textvae.data.units import CHINESE_WORDS, LETTERS, Split, chinese_words, units
from textvae.distributions import Posterior
from textvae.evaluation.digests import digest_of, model_digest
from textvae.evaluation.judging import Judging, random_texts, train_judge
from textvae.evaluation.likelihood import Likelihoods, distortion_sample, likelihoods
from textvae.evaluation.scored import scored_texts


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model, texts, and what was asked for.

    Attributes:
        codec: the model.
        texts: held-out texts, none of them blank.
        conditions: what each text answers to; None: nothing.
        num_samples: K of the importance-weighted bound.
        num_prior: random texts.
        num_pairs: P, pairs of texts whose paths are walked, at most.
        by_words: whether measures over texts count Chinese in words, not characters.
        training: the training texts, where given.
        metrics: measures of the user's own by name.
        judging: whether and how language models are trained.
        seed: of everything drawn.
        drawn: the random texts, where they were kept.
    """

    codec: Codec
    texts: list[str]
    conditions: Conditions | None
    num_samples: int
    num_prior: int
    num_pairs: int
    by_words: bool
    training: list[str] | None
    metrics: Mapping[str, Callable[..., Any]]
    judging: Judging | None
    seed: int
    drawn: list[str] = field(default_factory=list)

    @property
    def has_latent(self) -> bool:
        """Whether the model has a z; a language model has none."""
        return self.codec.model.config.has_latent

    @cached_property
    def judge(self) -> Codec:
        """A language model of the training texts."""
        assert self.judging is not None
        return train_judge(self.judging, self.judged_texts, self.codec, what="real")

    @cached_property
    def judge_of_samples(self) -> Codec:
        """A language model of as many random texts."""
        assert self.judging is not None
        conditions = "" if self.conditions is None else self.conditions.digest
        source = digest_of([model_digest(self.codec), conditions])
        texts = random_texts(self.judging, len(self.judged_texts), self.seed, source, self.sample)
        return train_judge(self.judging, texts, self.codec, what="random")

    @cached_property
    def judged_texts(self) -> list[str]:
        """The training texts that the judge learns, `judging.num_texts` of them at most."""
        assert self.judging is not None
        training = self.training or []
        if len(training) <= self.judging.num_texts:
            return training
        order = np.random.default_rng(self.seed).permutation(len(training))
        return [training[i] for i in order[: self.judging.num_texts]]

    @property
    def split(self) -> Split:
        """A text to the units of measures over texts."""
        return chinese_words if self.by_words else units

    @property
    def units(self) -> str:
        """Those units, named."""
        return CHINESE_WORDS if self.by_words else LETTERS

    @cached_property
    def store(self) -> TokenStore:
        """The texts as rows of ids."""
        return self.codec.store(self.texts, self.conditions)

    @cached_property
    def posterior(self) -> Posterior:
        """q(z|x) over (N, D)."""
        if "terms" in vars(self):  # encoded already
            return self.terms.posterior
        return self.codec.posterior(self.store)

    @cached_property
    def terms(self) -> Likelihoods:
        """Distortion, rate and importance-weighted bound of each text."""
        return likelihoods(self.codec, self.store, num_samples=self.num_samples, seed=self.seed)

    @property
    def rates(self) -> Tensor:
        """The rate of each text, (N,) nats."""
        if "terms" in vars(self):
            return self.terms.rate
        return likelihoods(self.codec, self.store, num_samples=1, seed=self.seed).rate

    @cached_property
    def posterior_sample(self) -> Tensor:
        """One z ~ q(z|x) a text, (N, D): the one of the distortion."""
        return distortion_sample(self.codec, self.posterior, self.seed)

    @cached_property
    def samples(self) -> list[str]:
        """Random texts, `num_prior` of them."""
        return self.drawn or self.sample(self.num_prior)

    def sample(self, num: int) -> list[str]:
        """Return random texts at the model's own decoding settings, under the texts' conditions in turn; of more, the first are the same."""
        given = self.conditions and self.conditions.rows(np.arange(num) % len(self.texts))
        with self.codec.work.part("sampling", num):
            z = self.codec.prior_sample(num, seed=self.seed, conditions=given)
            return self.codec.decode(z, seed=self.seed, conditions=given)

    @cached_property
    def scored(self) -> list[str]:
        """The texts as far as they are scored: themselves, or what the tokens of a text that was cut spell."""
        return scored_texts(self.codec, self.store, self.texts)

    @cached_property
    def training_digest(self) -> str | None:
        """Tells training texts apart."""
        return None if self.training is None else digest_of(self.training)
