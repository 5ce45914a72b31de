"""What is measured of answers, with what several measures need of them, made when it is first asked for."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.data.units import CHINESE_WORDS, LETTERS, Split, chinese_words, units
from textvae.evaluation.bleu import bleu_tokenizer
from textvae.evaluation.digests import digest_of, model_digest
from textvae.evaluation.distance import Nearest
from textvae.evaluation.rouge import rouge_words
from textvae.evaluation.scored import Judged
from textvae.evaluation.sentence_bleu import Grams, grams_of, pairwise_bleu

YARDSTICK_TEXTS = 1000
"""Training texts that stand for real texts where there are no references, at most."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """Answers to N sources, M each at most, and what they are measured beside; `checked_task` makes one.

    Attributes:
        answers: one to M texts a source; the first is the main answer.
        references: one or more good texts a source.
        parallel: whether references say what the answers should; else they are other texts of the same labels.
        sources: what was answered.
        labels: what the answers were to be of.
        lengths: how many units an answer was to have.
        training: texts that the model learned to write.
        training_labels: of each of them.
        judge: a language model of texts of this kind.
        by_words: whether Chinese is counted in words, not characters.
        seed: of everything drawn.
        num_blank: sources that were left out, as there is no text to them at all.
    """

    answers: list[list[str]]
    references: list[list[str]] | None = None
    parallel: bool = True
    sources: list[str] | None = None
    labels: list[str | None] | None = None
    lengths: list[int] | None = None
    training: list[str] | None = None
    training_labels: list[str | None] | None = None
    judge: Codec | None = None
    by_words: bool = False
    seed: int = 0
    num_blank: int = 0
    _distances: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False)
    _judged: dict[str, Judged] = field(default_factory=dict, init=False, repr=False)

    @property
    def num_answers(self) -> int:
        """M: the answers to the source that has the most."""
        return max(map(len, self.answers))

    @property
    def fewest_answers(self) -> int:
        """The answers to the source that has the fewest."""
        return min(map(len, self.answers))

    @cached_property
    def main(self) -> list[str]:
        """The first answer to each source."""
        return [several[0] for several in self.answers]

    @cached_property
    def first_references(self) -> list[str] | None:
        """The first reference of each source."""
        return None if self.references is None else [several[0] for several in self.references]

    @property
    def has_parallel(self) -> bool:
        """Whether there is something that the answers should say."""
        return self.references is not None and self.parallel

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Source (or label), main answer and first reference; nothing where there is none."""
        nothing = [""] * len(self.main)
        labels = None if self.labels is None else [label or "" for label in self.labels]
        sources, references = self.sources or labels or nothing, self.first_references or nothing
        return list(zip(sources, self.main, references, strict=True))

    @property
    def split(self) -> Split:
        """A text to its units."""
        return chinese_words if self.by_words else units

    @cached_property
    def tokenizer(self) -> str:
        """BLEU's."""
        texts = (text for several in self.references or self.answers for text in several)
        return CHINESE_WORDS if self.by_words else bleu_tokenizer(texts)

    @cached_property
    def answer_words(self) -> list[list[list[str]]]:
        """The words of the answers, as ROUGE counts them."""
        return [[rouge_words(text, self.split) for text in several] for several in self.answers]

    @cached_property
    def reference_words(self) -> list[list[list[str]]]:
        """The words of the references."""
        return [[rouge_words(text, self.split) for text in several] for several in self.references or []]

    @cached_property
    def answer_grams(self) -> list[list[Grams]]:
        """The n-grams of the answers, as BLEU counts them."""
        return [grams_of(several, self.tokenizer) for several in self.answers]

    @cached_property
    def reference_grams(self) -> list[list[Grams]]:
        """The n-grams of the references."""
        return [grams_of(several, self.tokenizer) for several in self.references or []]

    @cached_property
    def diversity(self) -> np.ndarray:
        """1 less the pairwise BLEU of the answers to a source, (N,), 0 to 1; of one answer 0: there is nothing else."""
        return np.array(
            [1 - pairwise_bleu(several) / 100 if len(several) > 1 else 0.0 for several in self.answer_grams]
        )

    def distances(self, texts: list[str]) -> np.ndarray:
        """Return how far each text is from the nearest training text, (len(texts),), 0 to 1."""
        key = digest_of(texts)
        if key not in self._distances:
            self._distances[key] = np.array([self._nearest.distance(text) for text in texts])
        return self._distances[key]

    @cached_property
    def _nearest(self) -> Nearest:
        return Nearest(self.training or [], self.split)

    @property
    def has_real_texts(self) -> bool:
        """Whether there are texts that judges may call real."""
        return self.references is not None or self.training is not None

    @cached_property
    def real_texts(self) -> list[str]:
        """First references; where there are none, training texts."""
        if self.first_references is not None:
            return self.first_references
        training = self.training or []
        order = np.random.default_rng(self.seed).permutation(len(training))
        return [training[i] for i in order[:YARDSTICK_TEXTS]]

    @cached_property
    def log_ppl_real(self) -> float:
        """Nats a word of all real texts under the judge, `</s>` counted."""
        real = self.judged(self.real_texts)
        return float(real.nats.sum() / real.words.sum())

    def judged(self, texts: list[str]) -> Judged:
        """Return what the judge says of texts."""
        assert self.judge is not None
        return self._judged.setdefault(digest_of(texts), Judged(self.judge, texts))

    @cached_property
    def judge_digest(self) -> str | None:
        """Tells judges apart."""
        return None if self.judge is None else model_digest(self.judge)

    @property
    def order(self) -> np.ndarray:
        """A random order of the sources, (N,)."""
        return np.random.default_rng(self.seed).permutation(len(self.answers))

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What the numbers depend on."""
        references = self.references or []
        given = [self.sources or [], map(str, self.labels or []), map(str, self.lengths or []), *references]
        return {
            "N": len(self.answers),
            "M": self.num_answers,
            "fewest": self.fewest_answers,
            "R": max(map(len, references), default=0),
            "units": CHINESE_WORDS if self.by_words else LETTERS,
            "texts": digest_of([digest_of(list(texts)) for texts in given]),
            "training": self._training_digest,
            "seed": self.seed,
        }

    @property
    def _training_digest(self) -> str | None:
        labels = map(str, self.training_labels or [])
        return None if self.training is None else digest_of([*self.training, *labels])
