"""What looks wrong about the rows of a table: cells too many or too few, a quote that was never closed."""

from collections.abc import Iterator
from dataclasses import dataclass

_MANY_LINES = 20
"""From which on a row is said to go on for so many lines."""


@dataclass
class Oddities:
    """What looks wrong about the rows of a table that was read to its end."""

    num_longer: int = 0
    num_shorter: int = 0
    most_lines: int = 0
    begins: int = 0
    """The line at which the row of the most lines begins."""

    def count(self, row: list[str], width: int, last_line: int, num_lines: int) -> None:
        """Count a row."""
        self.num_longer += len(row) > width
        self.num_shorter += 0 < len(row) < width
        if num_lines > self.most_lines:
            self.most_lines, self.begins = num_lines, last_line - num_lines + 1

    def notes(self, name: str, width: int) -> Iterator[str]:
        """Say what to look at."""
        if self.num_longer:
            yield (
                f"{name}: {self.num_longer:,} rows have more than {width} cells, and the rest is not read; "
                "is a cell with a separator in it unquoted?"
            )
        if self.num_shorter:
            yield f"{name}: {self.num_shorter:,} rows have fewer than {width} cells"
        if self.most_lines >= _MANY_LINES:
            yield (
                f"{name}: the row from line {self.begins:,} on goes on for {self.most_lines:,} lines; is a quote unclosed?"
            )
