"""`TextVAE`: texts to z, and z to texts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from textvae.codec.inputs import as_latents, checked_mixtures, checked_texts, drawn_seed, num_values
from textvae.config import DecodingConfig
from textvae.config.fields import check_count
from textvae.control.interpolation import DENSITY, path
from textvae.control.styles import fit_style
from textvae.distributions import Posterior
from textvae.errors import ConfigError
from textvae.tasks.answers import Answer, answers, answers_to_each, needed_conditions, sources_of
from textvae.vae.held import Given, Held


class Speaking(Held):
    """Encodes, decodes, samples, answers."""

    def encode(
        self,
        texts: Sequence[str],
        *,
        sample: bool = False,
        conditions: Given = None,
        seed: int | None = None,
    ) -> np.ndarray:
        """Return z of each text, (B, D) float32: posterior means, or one draw each.

        Args:
            texts: B of them.
            sample: draw from the posterior.
            conditions: of a conditional model, as {"sentiment": "positive"} or {"source": [...]}: a value for all
                texts, or a list with one for each; here and in the other methods. A value may be a `Person`.
            seed: of the draw.
        """
        texts = checked_texts(texts)
        given = self.codec.conditions(conditions, len(texts))
        z = self.codec.encode(texts, sample=sample, seed=drawn_seed(seed), conditions=given)
        return z.float().numpy()

    def posterior(self, texts: Sequence[str], *, conditions: Given = None) -> Posterior:
        """Return q(z|x), or q(z|x,c), over (B, D)."""
        texts = checked_texts(texts)
        return self.codec.posterior(self.codec.store(texts, self.codec.conditions(conditions, len(texts))))

    def decode(
        self,
        z: Any,
        *,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return a text for each row of z, (B, D) numbers.

        Args:
            z: an array, tensor or list of lists; of several latents a text, (N, K, D), the mean of p(x|z) over them is decoded.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: the run's own settings.
            seed: of the tokens; None: a new one each call.

        Raises:
            LatentError: another shape, NaN or Inf.
        """
        latents = checked_mixtures(as_latents(z), self.latent_dim)
        given = self.codec.conditions(conditions, len(latents))
        return self.codec.decode(latents, decoding, seed=drawn_seed(seed), conditions=given)

    def sample(
        self,
        n: int = 1,
        *,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        prefix: str = "",
        like: Sequence[str] = (),
        seed: int | None = None,
    ) -> list[str]:
        """Return n texts from z ~ p(z), or p(z|c).

        Args:
            n: how many.
            conditions: see `encode`; None: a conditional model then speaks freely.
            decoding: how tokens are chosen; None: the run's own settings.
            prefix: what every text begins with.
            like: 5 to 50 examples, from whose own latent distribution z is drawn in place of the prior.
            seed: of z and tokens; None: a new one each call.

        Raises:
            ConfigError: n is below 0, or the prefix longer than the model's limit.
            DataError: a single example.
        """
        check_count("n", n, 0)
        if not isinstance(prefix, str):
            raise ConfigError(f"prefix is {prefix!r:.40}; a string is needed")
        seed, examples = drawn_seed(seed), checked_texts(like)
        given = self.codec.conditions(conditions, n)
        with self.codec.work.part("sampling", n):
            if examples:
                z = fit_style(self._with_latent(), examples).draw(n, seed).to(self.codec.dtype)
            else:
                z = self.codec.prior_sample(n, seed=seed, conditions=given)
            found = self.codec.decode(z, decoding, seed=seed, prefix=prefix, conditions=given)
        return found if prefix else list(map(self.codec.tokenizer.said, found))

    def generate(
        self,
        n: int = 5,
        *,
        decoding: DecodingConfig | None = None,
        rerank: bool = False,
        seed: int | None = None,
        **conditions: Any,
    ) -> list[Answer]:
        """Return n different texts for one condition, each from its own z, with scores; at temperature 0 the best guess first.

        That is the text of the mean of p(z|c), or with `decoding.num_latents` above 1 the likeliest of p(x|c) itself, z integrated out; with
        `decoding.complete_of` above 1 another, where it leaves out values of a source that is data.

        Args:
            n: how many, at most: equal ones are given once.
            decoding: how tokens are chosen; None: the run's own settings.
            rerank: the best first, by log p(x|c) a token, with `decoding.complete_of` by what they leave out before that; else in the
                order drawn.
            seed: of z and tokens; None: a new one each call.
            conditions: as source="Guten Tag", sentiment="positive".

        >>> vae.generate(source="Ein Hund rennt.", n=3)  # doctest: +SKIP

        Raises:
            ConfigError: n is below 1.
            ConditionError: no condition, or one that the model does not take.
        """
        return answers(self.codec, conditions, n, decoding=decoding, rerank=rerank, seed=drawn_seed(seed))

    def generate_each(
        self,
        conditions: Mapping[str, Any],
        n: int = 5,
        *,
        decoding: DecodingConfig | None = None,
        rerank: bool = False,
        seed: int | None = None,
    ) -> list[list[Answer]]:
        """Return n different texts for each of several conditions, decoded together; see `generate`.

        Args:
            conditions: by name a list with a value for each, or one value for all: {"source": ["Guten Tag", "Danke"]}.
            n: how many for each, at most.
            decoding: how tokens are chosen; None: the run's own settings.
            rerank: the best first.
            seed: of z and tokens; None: a new one each call.

        Raises:
            ConfigError: n is below 1.
            ConditionError: no condition, lists of unlike lengths, or one that the model does not take.
        """
        schema = self.codec.schema
        num = num_values(conditions, schema.features if schema else None)
        given = needed_conditions(self.codec, conditions, num)
        sources = sources_of(conditions, num)
        return answers_to_each(
            self.codec, given, n, sources=sources, decoding=decoding, rerank=rerank, seed=drawn_seed(seed)
        )

    def reconstruct(
        self,
        texts: Sequence[str],
        *,
        sample: bool = False,
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return the decodes of the texts' posterior means (or of one draw each), greedy unless told otherwise."""
        texts = checked_texts(texts)
        given = self.codec.conditions(conditions, len(texts))
        return self.codec.reconstruct(texts, decoding, sample=sample, seed=drawn_seed(seed), conditions=given)

    def interpolate(
        self,
        a: str,
        b: str,
        *,
        steps: int = 7,
        method: str = "slerp",
        conditions: Given = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Return the decodes of `steps` latents from `a` to `b`, greedy unless told otherwise, under one condition.

        Args:
            a: the first text.
            b: the last text.
            steps: latents, both ends included.
            method: slerp (along the arc), lerp (straight), or density: of the lengths that slerp has, along the directions in
                which the prior is densest, which a prior fitted to texts knows more of; under N(0, I) that is slerp.
            conditions: see `encode`.
            decoding: how tokens are chosen; None: greedily.
            seed: of the tokens; None: a new one each call.

        Raises:
            ConfigError: an unknown method, fewer than two steps, or a model without z.
        """
        model = self._conditioned(conditions, decoding, seed)
        start, end = model.encode(checked_texts([a, b]))
        prior = model.prior(1) if method == DENSITY else None
        return model.decode(path(start, end, steps=steps, method=method, prior=prior))
