"""A map of a corpus's texts by their posterior means."""

from typing import Any

from textvae.codec import Codec
from textvae.config.conditions import LabelColumn
from textvae.control.maps.latent_map import LatentMap
from textvae.control.maps.projection import PCA, check_method, project
from textvae.data.labelled import open_labelled

NUM_TEXTS = 10_000
"""That a map shows at most unless told otherwise."""


def make_map(
    codec: Codec,
    data: Any,
    *,
    label: str | None = None,
    method: str = PCA,
    limit: int = NUM_TEXTS,
    seed: int = 0,
) -> LatentMap:
    """Encode texts and lay their posterior means out in the plane.

    Args:
        codec: the model.
        data: as for `open_corpus`; a conditional model reads its conditions from the columns it was trained on.
        label: the column that texts are coloured by, as "sentiment", "stars:numeric" or "mood=3:categorical"; without a
            kind it is what it looks like. None: one colour.
        method: pca or umap.
        limit: texts at most; of more, as many are drawn.
        seed: of what is drawn, and of umap.

    Raises:
        ConfigError: an unknown method, a limit below 1, or a label that cannot be read.
        DataError: fewer than three texts, or no such column.
        MissingExtraError: umap-learn is needed and not installed.
    """
    check_method(method)
    column = label_column(label)
    found = open_labelled(data, label=column, schema=codec.schema, tokenizer=codec.tokenizer)
    found = found.drawn(limit, seed)
    loc = codec.posterior(codec.store(found.texts, found.conditions)).loc
    points, shares = project(loc, method, seed=seed)
    return LatentMap(
        texts=found.texts,
        points=points,
        z=loc.float().numpy(),
        method=method,
        shares=shares,
        label=None if column is None else column.name,
        values=found.values,
        kind=column.kind if column is not None and ":" in str(label) else None,
        notes=found.notes,
    )


def label_column(label: str | None) -> LabelColumn | None:
    """Return the column that a label is read from; None: none.

    Raises:
        ConfigError: it cannot be read.
    """
    return None if label is None else LabelColumn.parse(str(label))
