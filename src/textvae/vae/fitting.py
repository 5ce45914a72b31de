"""`TextVAE`: what is fitted while the model stays as it is, a prior and persons."""

from collections.abc import Sequence
from typing import Any

from textvae.codec.inputs import checked_texts, repeated_values
from textvae.config.model import CONDITIONAL
from textvae.control.priors import PriorFit, fit_prior
from textvae.data.persons import Person
from textvae.errors import ConfigError, RunNotFoundError
from textvae.tasks.persons.fitting import fit_person
from textvae.tasks.persons.kept import Persons
from textvae.vae.held import Given, Held


class Fitting(Held):
    """Fits priors and persons."""

    @property
    def persons(self) -> Persons:
        """The persons kept in the run folder, by name: `vae.persons["Anna"]`, `vae.persons.keep(anna)`.

        Raises:
            RunNotFoundError: the model is from no run folder.
        """
        if self.run is None:
            raise RunNotFoundError("this model was loaded from no folder; persons are kept in that of a run")
        return Persons.of(self.run)

    def fit_person(
        self,
        texts: Sequence[str],
        *,
        name: str,
        label: str | None = None,
        method: str | None = None,
        conditions: Given = None,
        seed: int = 0,
    ) -> Person:
        """Fit an author or speaker that training did not know to 5 to 50 texts; the weights stay as they are.

        The person is a value of the label: `vae.sample(5, conditions={"author": anna})`. Without a label it is one of
        "person". Nothing is written: `vae.persons.keep(anna)` does that.

        Args:
            texts: of the person.
            name: what the person is called.
            label: the label whose new value it is; None: the only one of categories, if any.
            method: embedding, profile or both; None: embedding where there is a label, else profile.
            conditions: others, as for `encode`; those left out are missing.
            seed: of the fit.

        Raises:
            ConfigError: a name that no file can have, or an unknown method.
            ConditionError: a label that the model has not, or that is no category.
            DataError: no text.
        """
        texts = checked_texts(texts)
        schema = self.codec.schema
        given = repeated_values(conditions or {}, len(texts), schema.features if schema else None)
        return fit_person(
            self._trained(), texts, name=name, label=label, method=method, given=given, seed=seed
        )

    def fit_prior(
        self, data: Any, *, kind: str = "auto", steps: int | None = None, seed: int = 0
    ) -> PriorFit:
        """Fit a prior to the aggregate posterior of a corpus; `sample` and all measures use it from now on.

        Random texts then come from where the texts of the corpus are, not from between them. `save` keeps it.

        Args:
            data: the training texts, or anything `open_corpus` reads.
            kind: mixture (of Gaussians), flow, flow-matching, or auto: the one under which held-out latents are likeliest.
            steps: of a flow and of flow matching, of 256 draws each; None: by the number of texts.
            seed: of the fit.

        Raises:
            ConfigError: an unknown kind; steps below 1; latents on a sphere; a prior that depends on the condition; a
                model without z.
            DataError: fewer than 100 texts.
            MissingExtraError: a flow is asked for and zuko is not installed.
        """
        if self._with_latent().model.config.prior == CONDITIONAL:
            raise ConfigError(
                "this model's prior depends on the condition, p(z|c); one fitted for all would not, and is not fitted"
            )
        posterior = self.codec.posterior(self.codec.store(*self._texts(data)))
        own = self.codec.model.prior()
        fit = fit_prior(posterior, own, kind=kind, steps=steps, work=self.codec.work, seed=seed)
        self.drop_prior()
        if fit.prior is not None:
            self.codec.fitted_prior, self.metadata["prior"] = fit.prior, fit.record
        return fit

    def drop_prior(self) -> None:
        """Go back to the prior the model was trained with."""
        self.codec.fitted_prior = None
        self.metadata.pop("prior", None)
