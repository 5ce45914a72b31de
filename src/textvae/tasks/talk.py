"""A conversation with a model of dialogue."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.data.derived import history
from textvae.errors import ConditionError
from textvae.tasks.answers import Answer, answers


@dataclass
class Conversation:
    """Turns so far, and the model's next one.

    Attributes:
        codec: a model with a source text, trained with --task dialogue.
        values: other conditions, by name, the same for all turns.
        turns: both sides', the other side's first.
    """

    codec: Codec
    values: dict[str, Any] = field(default_factory=dict)
    turns: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.codec.schema is None or not self.codec.schema.source_max_length:
            raise ConditionError("this model answers to no text; train one with --task dialogue")

    def say(
        self, text: str, n: int = 1, *, decoding: DecodingConfig | None = None, seed: int = 0
    ) -> Sequence[Answer]:
        """Return up to n answers, the best first; the best becomes a turn. What finds no answer does not.

        Raises:
            ConditionError: a condition beside the source that the model does not take.
        """
        heard = [*self.turns, " ".join(text.split())]
        found = answers(
            self.codec,
            {"source": self._source(heard), **self.values},
            n,
            decoding=decoding,
            rerank=True,
            seed=seed + len(self.turns),
        )
        if found:
            self.turns = [*heard, found[0].text]
        return found

    def _source(self, heard: list[str]) -> str:
        """Return what is answered to: the last turns, marked as in training; the last alone where a column held sources."""
        assert self.codec.schema is not None
        return history(heard) if self.codec.schema.columns.pairs == "dialogue" else heard[-1]
