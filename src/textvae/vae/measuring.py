"""`TextVAE`: measures, a diagnosis, neighbours."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from textvae.codec.inputs import checked_texts
from textvae.control.neighbors import Neighbor, neighbors
from textvae.data.sources import open_corpus
from textvae.evaluation.diagnosis import Diagnosis, diagnose
from textvae.evaluation.judging import Judging
from textvae.evaluation.likelihood import likelihoods
from textvae.evaluation.record import Evaluation
from textvae.evaluation.report import evaluate
from textvae.evaluation.user import Metric
from textvae.vae.held import Given, Held


class Measuring(Held):
    """Scores, measures and compares."""

    def neighbors(
        self, texts: Sequence[str], corpus: Any, *, k: int = 5, metric: str = "cosine"
    ) -> list[list[Neighbor]]:
        """Return the k texts of a corpus nearest to each text, by posterior means.

        Args:
            texts: the queries.
            corpus: texts, or anything `open_corpus` reads.
            k: how many.
            metric: cosine (about the corpus's mean) or euclidean.

        Raises:
            ConfigError: an unknown metric, a k below 1, or a model without z.
            DataError: the corpus is empty.
        """
        codec, known = self._with_latent(), list(open_corpus(corpus, expected=self.text_column))
        return neighbors(codec.encode(checked_texts(texts)), codec.encode(known), known, k=k, metric=metric)

    def score(
        self, texts: Sequence[str], *, conditions: Given = None, num_samples: int = 50, seed: int = 0
    ) -> np.ndarray:
        """Return log p(x) of each text, (B,) nats: the importance-weighted lower bound with `num_samples` samples."""
        texts = checked_texts(texts)
        store = self.codec.store(texts, self.codec.conditions(conditions, len(texts)))
        if not len(store):
            return np.empty(0)
        return -likelihoods(self.codec, store, num_samples=num_samples, seed=seed).iw_nll.numpy()

    def evaluate(
        self,
        data: Any,
        *,
        num_samples: int = 50,
        num_prior: int = 1000,
        num_pairs: int = 50,
        chinese_words: bool = False,
        training: Any = None,
        metrics: Mapping[str, Metric] | None = None,
        judging: Judging | None = None,
        keep: str | Path | None = None,
        fresh: bool = False,
        seed: int = 0,
    ) -> Evaluation:
        """Measure the model on a corpus; what each measure is: `textvae.evaluation.definitions`.

        Args:
            data: held-out texts, or anything `open_corpus` reads.
            num_samples: K of the importance-weighted bound.
            num_prior: random texts; under 2: none, and no measure of them.
            num_pairs: pairs of texts between which paths are walked, at most.
            chinese_words: count Chinese in words (rjieba), not characters, in measures over texts.
            training: training texts, as `data`, for copies and novelty; None: these are left out.
            metrics: measures of the user's own by name.
            judging: how language models as judges are trained; they need `training`. None: no forward and reverse perplexity.
            keep: a folder for results, which the next evaluation takes up; None: none.
            fresh: measure again what is kept.
            seed: of all that is drawn.

        Raises:
            ConfigError, DataError, MissingExtraError, SaveError: see `textvae.evaluation.report.evaluate`.
        """
        texts, conditions = self._texts(data)
        return evaluate(
            self.codec,
            texts,
            conditions=conditions,
            num_samples=num_samples,
            num_prior=num_prior,
            num_pairs=num_pairs,
            chinese_words=chinese_words,
            training_texts=None if training is None else self._texts(training)[0],
            metrics=metrics,
            judging=judging,
            keep=keep,
            fresh=fresh,
            seed=seed,
        )

    def diagnose(
        self,
        data: Any,
        *,
        run: str | Path | None = None,
        baseline: Held | None = None,
        num_samples: int = 50,
        seed: int = 0,
    ) -> Diagnosis:
        """Say whether z is in use, what is wrong and what to do; see `textvae.evaluation.diagnosis.diagnose`.

        Args:
            data: held-out texts, or anything `open_corpus` reads.
            run: the run folder, for the settings and the target rate it was trained with.
            baseline: the same decoder without z, as `textvae doctor --baseline` leaves it in `RUN/baseline`.
            num_samples: K of the bound that is compared with it.
            seed: of all samples.

        Raises:
            ConfigError: a model without z, or a baseline that is none.
            DataError: fewer than two texts.
        """
        other = None if baseline is None else baseline.codec
        texts, conditions = self._texts(data)
        return diagnose(
            self.codec,
            texts,
            conditions=conditions,
            run=None if run is None else str(run),
            baseline=other,
            num_samples=num_samples,
            seed=seed,
        )
