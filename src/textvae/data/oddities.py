"""What looks wrong about a table: a name that several columns have, cells too many or too few, a quote that was never closed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textvae.data.columns import twins

_MANY_LINES, _TIMES_USUAL = 20, 10
"""From how many lines on a row is told, and from how many times the usual."""


def same_names(header: Sequence[str], name: str, called: str | None = None) -> Iterator[str]:
    """Say which columns of the table `name` have a name that is not theirs alone; with `called` only those called so."""
    for column in dict.fromkeys(header) if called is None else (called,):
        if column.strip() and (numbers := twins(header, column)):
            yield (
                f"{name} has {len(numbers)} columns called {column[:40]!r}, numbers {', '.join(map(str, numbers))}; "
                "choose one by its number"
            )


@dataclass
class Oddities:
    """What looks wrong about the rows of a table that was read to its end."""

    num_rows: int = 0
    num_longer: int = 0
    num_shorter: int = 0
    last_line: int = 0
    most_lines: int = 0
    begins: int = 0
    """The line at which the row of the most lines begins."""

    def count(self, row: list[str], width: int, last_line: int, num_lines: int) -> None:
        """Count a row; empty cells behind the last are none."""
        self.num_rows, self.last_line = self.num_rows + 1, last_line
        self.num_longer += any(row[width:])
        self.num_shorter += 0 < len(row) < width
        if num_lines > self.most_lines:
            self.most_lines, self.begins = num_lines, last_line - num_lines + 1

    def notes(self, name: str, width: int) -> Iterator[str]:
        """Say what to look at."""
        if self.num_longer:
            yield (
                f"{name}: {_rows(self.num_longer)} more cells than the usual {width}, and what is over is not read; "
                "is a cell with a separator in it unquoted?"
            )
        if self.num_shorter:
            yield f"{name}: {_rows(self.num_shorter)} fewer cells than the usual {width}"
        usual = self.last_line / max(self.num_rows, 1)
        if self.most_lines >= max(_MANY_LINES, min(_TIMES_USUAL * usual, self.last_line / 2)):
            yield (
                f"{name}: the row from line {self.begins:,} on goes on for {self.most_lines:,} lines; is a quote unclosed?"
            )


def _rows(number: int) -> str:
    return "1 row has" if number == 1 else f"{number:,} rows have"
