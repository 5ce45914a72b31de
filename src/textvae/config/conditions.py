"""Which columns are conditions, as the settings write them."""

from dataclasses import dataclass
from typing import Self

from textvae.config.fields import check_choice
from textvae.errors import ConfigError

CATEGORICAL, ORDINAL, NUMERIC = "categorical", "ordinal", "numeric"
LABEL_KINDS = (CATEGORICAL, ORDINAL, NUMERIC)
SOURCE, FEATURE = "source", "feature"
"""What the other conditions are called."""


@dataclass(frozen=True, kw_only=True)
class LabelColumn:
    """A column of labels."""

    name: str
    """What the label is called from now on."""
    column: str
    """The column's name, or its number from 0."""
    kind: str = CATEGORICAL

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "rating:ordinal" or "rating=3:ordinal"; without a kind it is categorical, without a name the column's.

        Raises:
            ConfigError: no name, one that another condition has, or an unknown kind.
        """
        name, colon, kind = text.strip().rpartition(":")
        if not colon:
            name, kind = kind, CATEGORICAL
        check_choice(f"the kind of label {name!r}", kind.strip(), LABEL_KINDS)
        name, equals, column = (part.strip() for part in name.partition("="))
        if not name or (equals and not column):
            raise ConfigError(f"data.labels names {text!r}; write a column, as sentiment or stars=3:ordinal")
        if name in (SOURCE, FEATURE):
            raise ConfigError(
                f"a label cannot be called {name!r}; give it another name, as kind={column or name}"
            )
        return cls(name=name, column=column or name, kind=kind.strip())


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where conditions are found; see `DataConfig`."""

    source: str | int | None = None
    labels: str | None = None
    feature: str | None = None
    pairs: str = "none"

    @property
    def has_source(self) -> bool:
        """Whether there is a source text, in a column or made from the text."""
        return self.source is not None or self.pairs != "none"


def label_columns(labels: str | None) -> tuple[LabelColumn, ...]:
    """Read "sentiment,rating:ordinal".

    Raises:
        ConfigError: an unknown kind, or one column twice.
    """
    if not labels:
        return ()
    columns = tuple(LabelColumn.parse(text) for text in labels.split(","))
    names = [column.name for column in columns]
    if len(set(names)) < len(names):
        raise ConfigError(f"data.labels is {labels!r}; name each column once")
    return columns
