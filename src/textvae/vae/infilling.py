"""`TextVAE`: texts with gaps."""

from collections.abc import Sequence

from textvae.codec.inputs import checked_texts, drawn_seed
from textvae.config import DecodingConfig
from textvae.config.fields import check_choice
from textvae.errors import ConfigError
from textvae.tasks.infilling.answering import answered, takes_source
from textvae.tasks.infilling.filling import ROUNDS, Filling, fill
from textvae.tasks.infilling.gapped import Gapped
from textvae.tasks.infilling.plans import Sizes
from textvae.vae.held import Held

LATENT, SOURCE = "latent", "source"
METHODS = (LATENT, SOURCE)


class Infilling(Held):
    """Fills gaps."""

    def infill(
        self,
        text: str,
        *,
        n: int = 5,
        method: str | None = None,
        min_words: int = 1,
        max_words: int | None = None,
        include: Sequence[str] = (),
        refine: bool = False,
        rounds: int = ROUNDS,
        attempts: int | None = None,
        decoding: DecodingConfig | None = None,
        seed: int | None = None,
    ) -> list[Filling]:
        """Return up to n different texts in which the gaps of one are filled, the likeliest first.

        Args:
            text: with a gap at each `___`, and at `...` where it ends; the rest stays as it stands.
            n: how many.
            method: latent: decode the gaps, encode the whole, and again (`textvae.tasks.infilling.filling.fill`); source: the answer of a model of
                `--task infill`, or for a text that ends with `...` of `--task completion`; None: source where the model takes one.
            min_words: in a gap; of scripts without spaces characters.
            max_words: None: 5, and at the end of a text as many as there may be.
            include: words that have to be in the gaps.
            refine: move z by gradient to what is visible.
            rounds: of decoding and encoding.
            attempts: fillings tried; None: 16, or 2 n.
            decoding: None: for latent beams of 5, for source the run's own settings.
            seed: None: a new one each call.

        >>> vae.infill("the ___ was ___ .", n=3)[0].text  # doctest: +SKIP

        Raises:
            ConfigError: a setting out of range, words that do not fit, or a method that the model has not.
            DataError: no gap, or two without anything between them.
        """
        chosen = self.infilling_method(method)
        [text], seed = checked_texts([text]), drawn_seed(seed)
        if chosen == SOURCE:
            if include or max_words is not None or min_words != 1 or refine or rounds != ROUNDS or attempts:
                raise ConfigError(
                    "sizes of gaps, words to include, refining, rounds and attempts are for the method latent; leave them out"
                )
            return answered(self.codec, text, n, decoding=decoding, seed=seed)
        [found] = fill(
            self.codec, [Gapped.read(text)],
            n=n, sizes=Sizes(min_words, max_words, tuple(include)), refine=refine, rounds=rounds, attempts=attempts,
            decoding=decoding, seed=seed,
        )  # fmt: skip
        return found

    def infilling_method(self, method: str | None = None) -> str:
        """Return the method that `infill` takes: the one asked for, or of None the model's own.

        Raises:
            ConfigError: an unknown method.
        """
        chosen = method or (SOURCE if takes_source(self.codec) else LATENT)
        check_choice("method", chosen, METHODS)
        return chosen
