"""How a person is fitted, tried on parts of its texts that are held out: how many steps to take, and what is gained."""

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.codec.persons import person_arrays
from textvae.data.conditions import Conditions
from textvae.data.persons import Person
from textvae.data.store import TokenStore
from textvae.evaluation.likelihood import likelihoods
from textvae.models import VAEModel
from textvae.tasks.persons.embedding import MAX_STRIDES, STRIDE, KnownValues, embeddings, total_elbo
from textvae.tasks.persons.profile import shrunken_gaussian

FOLDS = 5
"""Parts of the texts, each held out once; of fewer texts one text is a part."""

PATIENCE = 2
"""Strides without a better ELBO of the held-out texts after which no more are tried."""

UNTRIED_STRIDES = 2
"""Of a single text, of which none can be held out."""

NUM_SAMPLES = 16
"""K of the bound that the gain is taken from."""


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """What stays the same from one set of texts to the next.

    Attributes:
        codec: the model.
        blank: the person, its numbers still missing.
        has_profile: whether it is to have a profile.
        alone: whether the texts have no other condition.
    """

    codec: Codec[VAEModel]
    blank: Person
    has_profile: bool
    alone: bool

    def tried(self, store: TokenStore) -> tuple[int, float | None]:
        """Return how many strides of steps are best for held-out texts, and the gain in nats a text; None: unknown."""
        if len(store) == 1:
            return (UNTRIED_STRIDES if self.blank.label else 0), None
        folds = list(_folds(len(store), self.blank.seed))
        kept = [store.rows(np.setdiff1d(np.arange(len(store)), rows)) for rows in folds]
        held = [store.rows(rows) for rows in folds]
        if self.blank.label is None:
            return 0, self._gain(kept, held, [None] * len(folds))
        strides, fitted = self._stopped(kept, held)
        return strides, self._gain(kept, held, fitted)

    def embedding(self, store: TokenStore, strides: int) -> Tensor | None:
        """Return the embedding after so many strides, (C,); None: the person has none."""
        return None if self.blank.label is None else next(islice(self._embeddings(store), strides, None))

    def person(self, store: TokenStore, embedding: Tensor | None) -> Person:
        """Return the person that has an embedding, and the profile that its texts then have."""
        person = self.blank
        if embedding is not None:
            person = dataclasses.replace(person, embedding=embedding.float().cpu().numpy())
        if not self.has_profile:
            return person
        store = self._under(person, store)
        posterior, prior = self.codec.posterior(store), self.codec.prior(store.conditions)
        return dataclasses.replace(person, profile=shrunken_gaussian(posterior, prior, person.seed))

    def _embeddings(self, store: TokenStore) -> Iterator[Tensor]:
        assert self.blank.label is not None
        known = KnownValues.of(self.codec, self.blank.label)
        return embeddings(self.codec, store, known, self.blank.seed)

    def _stopped(self, kept: list[TokenStore], held: list[TokenStore]) -> tuple[int, tuple[Tensor, ...]]:
        """Return after how many strides the ELBO of the held-out texts is largest, and each part's embedding there."""
        best, best_elbo, found = 0, -math.inf, ()
        paths, num = [self._embeddings(part) for part in kept], sum(map(len, held))
        for strides in range(MAX_STRIDES + 1):
            passes = 1 + (STRIDE * (len(held) - 1) if strides else 0)
            with self.codec.work.part(f"fitting, step {strides * STRIDE}", num, passes=passes):
                fitted = tuple(map(next, paths))
                elbo = sum(map(self._elbo, held, fitted))
            if elbo > best_elbo:
                best, best_elbo, found = strides, elbo, fitted
            elif strides - best == PATIENCE:
                break
        return best, found

    def _elbo(self, store: TokenStore, embedding: Tensor) -> float:
        return total_elbo(self.codec, store, embedding, self.blank.seed)

    def _gain(self, kept: list[TokenStore], held: list[TokenStore], fitted: Sequence[Tensor | None]) -> float:
        """Return by how much the bound on log p(x) of the held-out texts rises, nats a text.

        It is beside the model under the other conditions, or where there is none under none.
        """
        gains = [
            self._bound(self._under(self.person(others, embedding), part))
            - self._bound(part.given(None) if self.alone else part)
            for others, part, embedding in zip(kept, held, fitted, strict=True)
        ]
        return float(torch.cat(gains).mean())

    def _bound(self, store: TokenStore) -> Tensor:
        return -likelihoods(self.codec, store, num_samples=NUM_SAMPLES, seed=self.blank.seed).iw_nll

    def _under(self, person: Person, store: TokenStore) -> TokenStore:
        """Return the texts as that person's."""
        arrays = person_arrays([person] * len(store))
        if not arrays:
            return store
        return store.given(dataclasses.replace(store.conditions or Conditions(), **arrays))


def _folds(num: int, seed: int) -> Iterator[np.ndarray]:
    """Yield the rows of each held-out part."""
    order = np.random.default_rng(seed).permutation(num)
    for part in np.array_split(order, min(FOLDS, num)):
        yield np.sort(part)
