"""Texts as far as a model reads them: a perplexity divides by the words of what was scored, not of what was cut."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from textvae.codec import Codec
from textvae.data.store import TokenStore
from textvae.data.units import units
from textvae.evaluation.likelihood import likelihoods


def scored_texts(codec: Codec, store: TokenStore, texts: list[str]) -> list[str]:
    """Return the texts that a store holds: themselves, or what the tokens of a text that was cut spell."""
    if not store.num_cut:
        return texts
    full = store.cut(None).lengths
    return [
        text if store.lengths[i] == full[i] else codec.tokenizer.decode([store[i]])[0]
        for i, text in enumerate(texts)
    ]


def num_words(texts: list[str]) -> np.ndarray:
    """Return words of each text, `</s>` counted as one, (len(texts),); letters of scripts without spaces are words."""
    return np.array([len(units(text)) + 1 for text in texts])


@dataclass(frozen=True)
class Judged:
    """What a language model says of texts, each as far as it reads it.

    Attributes:
        judge: the language model.
        texts: N of them.
    """

    judge: Codec
    texts: list[str]

    @cached_property
    def store(self) -> TokenStore:
        """The texts as rows of the judge's ids."""
        return self.judge.store(self.texts)

    @cached_property
    def nats(self) -> np.ndarray:
        """-log p(x) of each text, (N,), `</s>` counted."""
        return likelihoods(self.judge, self.store, num_samples=1).distortion.numpy()

    @cached_property
    def words(self) -> np.ndarray:
        """Words of what was scored of each text, (N,), `</s>` counted as one."""
        return num_words(scored_texts(self.judge, self.store, self.texts))

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence on texts that were cut, if any were."""
        if not (num := self.store.num_cut):
            return ()
        longest = self.judge.model.config.max_length
        return (
            f"{num:,} of {len(self.texts):,} texts are longer than the judge reads, {longest} tokens; the rest of them is not judged",
        )


def nats(judge: Codec, texts: list[str]) -> np.ndarray:
    """Return -log p(x) of each text under a language model, as far as it reads it, (N,), `</s>` counted."""
    return Judged(judge, texts).nats
