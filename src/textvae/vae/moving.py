"""`TextVAE`: moves from text to text, and a map of texts."""

from collections.abc import Sequence
from typing import Any

from textvae.codec.inputs import checked_texts
from textvae.config import DecodingConfig
from textvae.control.maps.latent_map import LatentMap
from textvae.control.maps.making import NUM_TEXTS, label_column, make_map
from textvae.control.maps.projection import PCA
from textvae.control.moves import arithmetic, around, blending, traversal
from textvae.control.moves.directions import NUM_CHOSEN, directions
from textvae.control.moves.traversal import Traversal
from textvae.data.labelled import labelled_options, open_labelled
from textvae.data.sources import open_corpus
from textvae.distributions import Posterior
from textvae.vae.held import Given, Held


class Moving(Held):
    """Moves texts through latent space.

    Texts are decoded greedily unless told otherwise, and all under one condition: one value each, not lists. A language
    model without z is refused (ConfigError).
    """

    def analogy(
        self,
        a: str,
        b: str,
        c: str,
        *,
        strength: float = 1.0,
        n: int = 1,
        distance: float = arithmetic.NEAR,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return what is to `c` as `b` is to `a`, and up to n - 1 other texts drawn around that.

        >>> vae.analogy("the food is good", "the food is bad", "the staff is nice")  # doctest: +SKIP

        Args:
            a: stands to `b`
            b: as
            c: stands to the answer, the text of z_c + strength (z_b - z_a).
            strength: 0: c's reconstruction.
            n: how many texts, at most.
            distance: of the others, 0 to 1; see `vary`.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: greedily.
            seed: of everything drawn; None: a new one each call.

        Raises:
            ConfigError: n is below 1, the strength no finite number, or the distance not in 0..1.
        """
        model = self._conditioned(conditions, decoding, seed)
        return arithmetic.analogy(
            model, *checked_texts([a, b, c]), strength=strength, num=n, distance=distance
        )

    def blend(
        self,
        texts: Sequence[str],
        *,
        weights: Sequence[float] | None = None,
        method: str = "sphere",
        n: int = 1,
        distance: float = arithmetic.NEAR,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return a blend of texts, and up to n - 1 other texts drawn around it.

        Args:
            texts: two at least.
            weights: one a text, as [2, 1, 1]; only their ratios count. None: equal ones.
            method: sphere, of two texts the slerp of `interpolate`; or mean, the weighted mean.
            n: how many texts, at most.
            distance: of the others, 0 to 1; see `vary`.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: greedily.
            seed: of everything drawn; None: a new one each call.

        Raises:
            ConfigError: an unknown method, weights that are none, n below 1, or the distance not in 0..1.
            DataError: fewer than two texts.
        """
        model, texts = self._conditioned(conditions, decoding, seed), checked_texts(texts)
        return blending.blend(model, texts, weights=weights, method=method, num=n, distance=distance)

    def vary(
        self,
        text: str,
        n: int = 5,
        *,
        distance: float = 0.5,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return up to n different variations of a text, those that share most words with it first.

        Args:
            text: what is varied.
            n: how many, at most: at small distances little changes.
            distance: the share of the way from the text, 0, to random texts, 1. At 0 there is one, the reconstruction.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: greedily.
            seed: of everything drawn; None: a new one each call.

        Raises:
            ConfigError: n is below 1, or the distance not in 0..1.
        """
        model = self._conditioned(conditions, decoding, seed)
        return around.vary(model, *checked_texts([text]), n, distance=distance)

    def traverse(
        self,
        text: str,
        *,
        dimension: int | None = None,
        axis: int | None = None,
        steps: int = 7,
        span: float = 3.0,
        data: Any = None,
        limit: int = NUM_TEXTS,
        num: int = NUM_CHOSEN,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[Traversal]:
        """Return the texts along a dimension of z, a principal axis, or each of the most active dimensions.

        Args:
            text: what is moved.
            dimension: from 0.
            axis: a principal axis of the posterior means of `data`, from 0.
            steps: texts along each direction; of an odd number the middle one is the reconstruction.
            span: from -span to span standard deviations of z: over the data, or without any over the prior.
            data: texts, or anything `open_corpus` reads.
            limit: texts of `data` at most; of more, as many are drawn.
            num: dimensions, where neither a dimension nor an axis is named.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: greedily.
            seed: of tokens and of what is drawn from the data; None: a new one each call.

        Raises:
            ConfigError: both a dimension and an axis, one that there is not, an axis without data, or steps or span out of
                range.
            DataError: fewer than two texts in `data`.
        """
        model = self._conditioned(conditions, decoding, seed)
        [text] = checked_texts([text])
        corpus = None if data is None else self._corpus_posterior(data, limit, model.seed)
        chosen = directions(model, text, dimension=dimension, axis=axis, corpus=corpus, num=num)
        return traversal.traverse(model, text, chosen, steps=steps, span=span)

    def map(
        self,
        data: Any,
        *,
        label: str | None = None,
        method: str = PCA,
        limit: int = NUM_TEXTS,
        seed: int = 0,
    ) -> LatentMap:
        """Return texts as points in the plane, by their posterior means; `save` writes a picture, a page or a table.

        >>> vae.map("reviews.tsv", label="stars").save("map.html")  # doctest: +SKIP

        Args:
            data: texts, or anything `open_corpus` reads.
            label: the column that texts are coloured by, as "sentiment" or "stars:numeric"; None: one colour.
            method: pca, or umap with `pip install 'textvae[map]'`.
            limit: texts at most; of more, as many are drawn.
            seed: of what is drawn, and of umap.

        Raises:
            ConfigError: an unknown method, a limit below 1, or a label that cannot be read.
            DataError: fewer than three texts, or no such column.
            MissingExtraError: umap-learn is needed and not installed.
        """
        codec = self._with_latent()
        options = labelled_options(label_column(label), codec.schema)
        corpus = open_corpus(data, expected=self.text_column, **options)
        return make_map(codec, corpus, label=label, method=method, limit=limit, seed=seed)

    def _corpus_posterior(self, data: Any, limit: int, seed: int) -> Posterior:
        """Return q(z|x) of texts of a corpus, under their own conditions."""
        corpus = open_corpus(data, **self.reading)
        found = open_labelled(corpus, label=None, schema=self.codec.schema, tokenizer=self.codec.tokenizer)
        found = found.drawn(limit, seed)
        return self.codec.posterior(self.codec.store(found.texts, found.conditions))
