"""The points that are measured: one setting varies, the others stay at the base."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace


@dataclass(frozen=True, kw_only=True)
class Point:
    """One measurement in a process (or several) of its own."""

    axis: str
    """The name of the field that varies; "corpus" stands for `num_lines`."""
    vocab_size: int = 10_002
    length: int = 0
    """Tokens of every text; 0: lengths like PTB's."""
    num_lines: int = 0
    """Of a corpus to be brought into training form; 0: a model is trained instead."""
    latent_dim: int = 32
    batch_tokens: int = 1000
    threads: int = 1
    processes: int = 1

    @property
    def value(self) -> int:
        """Where the point lies on its axis."""
        return getattr(self, self.axis)

    @property
    def key(self) -> str:
        """What names the point in the record."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Point":
        """Read a key."""
        return cls(**json.loads(text))


AXES = {
    "vocab_size": (1_000, 3_000, 10_002, 30_000, 100_000),
    "length": (10, 25, 50, 100, 250, 500),
    "num_lines": (10_000, 100_000, 1_000_000),
    "latent_dim": (8, 32, 128, 512),
    "batch_tokens": (250, 500, 1000, 2000, 4000, 8000),
    "threads": (1, 2),
    "processes": (1, 2),
}
LARGEST_CORPUS = 10_000_000
"""Measured only where asked for."""

LENGTH_BATCH = 2000
"""Target tokens a batch on the axis of lengths, so that the longest texts still come several at a time."""


def grid(*, largest: bool = False) -> Iterator[Point]:
    """Give all points."""
    assert set(AXES) < {field.name for field in fields(Point)}
    for axis, values in AXES.items():
        base = Point(axis=axis, batch_tokens=LENGTH_BATCH) if axis == "length" else Point(axis=axis)
        extra = (LARGEST_CORPUS,) if axis == "num_lines" and largest else ()
        for value in (*values, *extra):
            yield replace(base, **{axis: value})
