"""What a run of the benchmarks covers."""

from dataclasses import dataclass

from benchmarks.speed.corpus import BenchmarkCorpus

CELLS = ("gru", "lstm")
"""Our encoder and decoder; the baseline's is the GRU."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The corpus, and how much work a figure is taken from."""

    corpus: BenchmarkCorpus
    short: bool = False
    rounds: int = 7
    """Interleaved runs a figure is the median of."""
    sizes: tuple[str, ...] = ("S", "L")

    def amount(self, size: str, at_s: int) -> int:
        """Return how much is done in a round: `at_s` at size S, a quarter at L, twice that in the long form."""
        return max(1, at_s // (1 if size == "S" else 4)) * (1 if self.short else 2)
