"""`TextVAE`: attributes of few labels, and texts edited towards them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from textvae.codec.identity import weights_digest
from textvae.codec.inputs import checked_texts, drawn_seed
from textvae.config import DecodingConfig
from textvae.config.fields import check_choice, check_count, check_range
from textvae.control.attributes.attribute import Attribute
from textvae.control.attributes.fitting import fit_attribute
from textvae.control.attributes.kept import Attributes
from textvae.control.editing.composing import TRIES, compose
from textvae.control.editing.edit import REWRITE, Edited, edit
from textvae.control.editing.goals import goals_of, wanted_of
from textvae.control.editing.moves import METHODS
from textvae.control.styles import LIKE, Style, fit_style, likeness
from textvae.errors import AttributeNotFittedError, DataError, RunNotFoundError
from textvae.vae.held import Given, Held

COMPOSE = "projection"
"""How `compose` moves z: of three attributes at once it met most (`docs/experiments.md`)."""


class Steering(Held):
    """Fits attributes and edits texts."""

    @property
    def attributes(self) -> Attributes:
        """The attributes kept in the run folder, by name: `vae.attributes.keep(attribute)`.

        Raises:
            RunNotFoundError: the model is from no run folder.
        """
        if self.run is None:
            raise RunNotFoundError(
                "this model was loaded from no folder; attributes are kept in that of a run"
            )
        return Attributes.of(self.run)

    def fit_attribute(
        self,
        texts: Sequence[str],
        labels: Sequence[Any] | Callable[[str], Any],
        *,
        name: str,
        kind: str | None = None,
        conditions: Given = None,
        seed: int = 0,
    ) -> Attribute:
        """Fit an attribute to 20 to 2,000 labelled texts: a linear reading of z, cross-validated and calibrated.

        Nothing is written: `vae.attributes.keep(attribute)` does that.

        Args:
            texts: labelled ones.
            labels: a category or number for each, or a function that tells them; None: none, the text is left out.
            name: what the attribute is called.
            kind: categorical or numeric; None: numeric where all labels are numbers of more than ten values.
            conditions: as for `encode`.
            seed: of the folds.

        >>> vae.attributes.keep(vae.fit_attribute(texts, labels, name="sentiment"))  # doctest: +SKIP

        Raises:
            ConfigError: a name that no file can have, an unknown kind, or a model without z.
            DataError: too few texts, one value only, one z for all texts, or as many labels as texts are not there.
            MissingExtraError: scikit-learn is not installed.
        """
        codec, texts = self._with_latent(), checked_texts(texts)
        said = [labels(text) for text in texts] if callable(labels) else list(labels)
        if len(said) != len(texts):
            raise DataError(f"{len(said)} labels for {len(texts)} texts; one for each is needed")
        given = codec.conditions(conditions, len(texts))
        z = codec.posterior(codec.store(texts, given)).loc.double().numpy()
        return fit_attribute(z, said, name=name, model=weights_digest(self.codec.model), kind=kind, seed=seed)

    @overload
    def edit(self, texts: str, **options: Any) -> Edited: ...

    @overload
    def edit(self, texts: Sequence[str], **options: Any) -> list[Edited]: ...

    def edit(
        self,
        texts: str | Sequence[str],
        *,
        set: Mapping[str, Any] | None = None,
        like: Sequence[str] = (),
        method: str = REWRITE,
        strength: float = 1.0,
        weights: Mapping[str, float] | None = None,
        keep: Sequence[str] = (),
        conditions: Given = None,
        **attributes: Any,
    ) -> Edited | list[Edited]:
        """Return a text, or each of several, changed towards the values of attributes.

        Args:
            texts: one, or several.
            set: values by attribute, as {"sentiment": "positive"}; the same as keyword arguments.
            like: 5 to 50 examples of a style to change towards.
            method: rewrite, projection, mean-difference, gradient or best; see `control.editing.edit`.
            strength: above 1: surer of the goals and further from the text.
            weights: of the attributes among each other.
            keep: words that stay.
            conditions: as for `encode`.
            attributes: values, as sentiment="positive".

        >>> vae.edit("the food was cold .", sentiment="positive").text  # doctest: +SKIP
        'the food was great .'

        Raises:
            AttributeNotFittedError: an attribute that was not fitted, or to other weights.
            AttributeValueError: a value that it cannot have, or no goal.
            ConfigError: an unknown method, or words to keep with a method that cannot.
        """
        several = [texts] if isinstance(texts, str) else checked_texts(texts)
        found = self.edits(
            several, 1, set=wanted_of(set, attributes), like=like, method=method, strength=strength,
            weights=weights, keep=keep, conditions=conditions,
        )  # fmt: skip
        best = [row[0] for row in found]
        return best[0] if isinstance(texts, str) else best

    def edits(
        self,
        texts: Sequence[str],
        n: int = 5,
        *,
        set: Mapping[str, Any] | None = None,
        like: Sequence[str] = (),
        method: str = REWRITE,
        strength: float = 1.0,
        weights: Mapping[str, float] | None = None,
        keep: Sequence[str] = (),
        conditions: Given = None,
    ) -> list[list[Edited]]:
        """Return several edits of each text, the best first; otherwise as `edit`."""
        codec, texts = self._with_latent(), checked_texts(texts)
        wanted = wanted_of(set, {})
        known = self._attributes(wanted)
        if examples := checked_texts(like):
            known[LIKE], wanted[LIKE] = likeness(codec, examples), LIKE
        given = codec.conditions(conditions, len(texts))
        goals = goals_of(known, wanted, weights)
        return edit(codec, texts, goals, method=method, strength=strength, n=n, keep=keep, conditions=given)

    def compose(
        self,
        n: int = 1,
        *,
        set: Mapping[str, Any] | None = None,
        like: Sequence[str] = (),
        method: str = COMPOSE,
        strength: float = 1.0,
        weights: Mapping[str, float] | None = None,
        tries: int = TRIES,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
        **attributes: Any,
    ) -> list[str]:
        """Return n random texts with the values of attributes: z from the prior, moved to the goals, and decoded.

        Each is the best of several by its own encoding, see `control.editing.composing`.

        Args:
            n: how many.
            set: see `edit`; here and below.
            like: z is drawn from these examples' Gaussian in place of the prior.
            method: projection, mean-difference or gradient.
            strength: above 1: surer of the goals.
            weights: of the attributes among each other.
            tries: texts that are written for each that is returned.
            decoding: how tokens are chosen; None: the run's own settings.
            seed: of z and tokens; None: a new one each call.
            attributes: values, as sentiment="positive".

        Raises:
            AttributeNotFittedError: an attribute that was not fitted, or to other weights.
            AttributeValueError: a value that it cannot have, or no goal.
            ConfigError: an unknown method, n below 0, or no try.
        """
        check_count("n", n, 0)
        check_count("tries", tries, 1)
        check_range("strength", strength, above=0)
        check_choice("method", method, METHODS)
        codec, wanted = self._with_latent(), wanted_of(set, attributes)
        goals, seed = goals_of(self._attributes(wanted), wanted, weights), drawn_seed(seed)
        with codec.work.part("sampling", n):
            if examples := checked_texts(like):
                z = fit_style(codec, examples).draw(n * tries, seed)
            else:
                z = codec.prior_sample(n * tries, seed=seed)
            return compose(
                codec, z.unflatten(0, (tries, n)), goals, method=method, strength=strength, decoding=decoding, seed=seed,
            )  # fmt: skip

    def style(self, examples: Sequence[str], *, conditions: Given = None, seed: int = 0) -> Style:
        """Return the latent distribution of 5 to 50 examples: `vae.sample(5, like=examples)` draws from it.

        Raises:
            DataError: fewer than two examples.
        """
        codec, examples = self._with_latent(), checked_texts(examples)
        return fit_style(codec, examples, codec.conditions(conditions, len(examples)), seed=seed)

    def read(
        self, texts: Sequence[str], attribute: str | Attribute, *, conditions: Given = None
    ) -> list[str | float]:
        """Return what an attribute reads in each text: a category or a number."""
        texts = checked_texts(texts)
        found = self._attributes([attribute])[attribute] if isinstance(attribute, str) else attribute
        given = self.codec.conditions(conditions, len(texts))
        return list(found.read(self.codec.posterior(self.codec.store(texts, given)).loc.double()))

    def _attributes(self, names: Any) -> dict[str, Attribute]:
        """Return attributes by name, of this model.

        Raises:
            AttributeNotFittedError: none of that name, or one of other weights.
        """
        digest, found = weights_digest(self.codec.model), {}
        for name in names:
            found[name] = self.attributes[name]
            if found[name].model != digest:
                raise AttributeNotFittedError(
                    f"the attribute {name} was fitted to other weights than this model's; fit it again"
                )
        return found
