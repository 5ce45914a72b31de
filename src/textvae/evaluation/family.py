"""A family of measures: what is measured together, with its definitions, and what it found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition

S = TypeVar("S")
"""What is measured: a model (`Subject`), or answers (`Task`)."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a family measured."""

    measures: Mapping[str, float | Tally]
    """By key; a tally where texts can be drawn again."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of this family, beside or over those of the evaluation."""
    own_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of single measures, over the family's."""
    notes: tuple[str, ...] = ()
    """Sentences for the reader, as on what was left out."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What the HTML report shows beside the numbers; JSON values, no text of the corpus."""


def _nothing(subject: Any) -> dict[str, Any]:
    return {}


def _free(subject: Any) -> float:
    return 0.0


@dataclass(frozen=True, kw_only=True)
class Family(Generic[S]):
    """Measures that are taken together.

    Attributes:
        name: in the plan of work and in kept results.
        definitions: its measures.
        measure: takes them.
        applies: whether there is what it needs.
        passes: what it costs, in texts passed once through the decoder, about.
        inputs: what its results depend on beside the evaluation's own settings; JSON values.
        is_kept: whether kept results are read; not where the code that computes them may have changed.
    """

    name: str
    definitions: tuple[Definition, ...]
    measure: Callable[[S], Findings]
    applies: Callable[[S], bool]
    passes: Callable[[S], float] = _free
    inputs: Callable[[S], dict[str, Any]] = _nothing
    is_kept: bool = True
