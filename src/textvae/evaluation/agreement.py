"""How far an exported model is the model it came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from textvae.codec import Codec
from textvae.config import GREEDY
from textvae.errors import DataError
from textvae.training.heldout import held_out
from textvae.training.measures import HeldOut


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Two models on the same texts."""

    tokens: float
    """Share of the places of the greedy decodes at which both have the same token, `</s>` counted, each decode against
    the other's at the same place: after a first difference few agree. z: the first model's posterior means."""
    texts: float
    """Share of those decodes that are the same text."""
    original: HeldOut
    exported: HeldOut
    """Each with its own posterior, the same noise."""


def agreement(original: Codec, exported: Codec, texts: Sequence[str], *, seed: int = 0) -> Agreement:
    """Compare two codecs of one tokenizer.

    Args:
        original: the reference.
        exported: what is compared with it.
        texts: held-out texts; blank ones are left out.
        seed: of the posterior samples.

    Raises:
        DataError: every text is blank.
    """
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise DataError("no texts to compare the models on; the file is empty or every line is blank")
    store = original.store(texts)
    z, greedy = original.posterior(store).loc, GREEDY
    pairs = list(zip(original.decode_rows(z, greedy), exported.decode_rows(z, greedy), strict=True))
    return Agreement(
        tokens=token_agreement(pairs),
        texts=sum(own == other for own, other in pairs) / len(pairs),
        original=held_out(original, store, seed=seed),
        exported=held_out(exported, store, seed=seed),
    )


def token_agreement(pairs: Sequence[tuple[list[int], list[int]]]) -> float:
    """Return the share of places at which both rows of a pair agree; each row ends with a place for `</s>`.

    >>> token_agreement([([7, 8, 9], [7, 8]), ([5], [5])])  # of 4 places, 7 8 | and of 2, 5 </s>
    0.6666666666666666
    """
    same = total = 0
    for own, other in pairs:
        places = list(zip_longest([*own, None], [*other, None], fillvalue=-1))
        same += sum(a == b for a, b in places)
        total += len(places)
    return same / total
