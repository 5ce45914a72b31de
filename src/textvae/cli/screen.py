"""Results on standard output, everything else on standard error; plain where nobody watches."""

import json
import os
import sys
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from textvae.progress import ProgressLine, is_watched

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from textvae.control.changes import Span

WIDTH = 80
_CONTROLS = {code: 0x2400 + code for code in range(32) if chr(code) != "\t"} | {127: 0x2421}
"""Control characters to the pictures of them: a text keeps to its line and does nothing to a terminal."""


def one_line(text: str) -> str:
    r"""Return a text fit for one line of a terminal.

    >>> one_line("two\nlines")
    'two␊lines'
    """
    return text.translate(_CONTROLS)


def is_first_rank() -> bool:
    """Return whether this process may speak: under `torchrun` there are several, and the first one does."""
    return os.environ.get("RANK", "0") == "0"


class Screen:
    """What a verb prints through."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet or not is_first_rank()

    def note(self, text: str) -> None:
        """Tell the user something beside the result."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def say(self, *lines: str) -> None:
        """Print lines of a result."""
        for line in lines:
            sys.stdout.write(line + "\n")

    def json(self, value: Any) -> None:
        """Print a result as one JSON object; what is no finite number is null, as JSON has neither NaN nor Inf."""
        finite = json.loads(json.dumps(value, default=_plain), parse_constant=lambda name: None)
        self.say(json.dumps(finite, ensure_ascii=False, indent=2))

    def heading(self, text: str) -> None:
        """Print the title of a part of a result."""
        from rich.text import Text

        self._render(Text(f"\n{text}", style="bold"))

    def paragraph(self, text: str, *, mark: str = "") -> None:
        """Print a text wrapped to the screen; `mark` hangs before its first line."""
        self._render(_grid([(mark, one_line(text))] if mark else [(one_line(text),)], gap=1))

    def marked(self, rows: "Sequence[tuple[str, Sequence[Span]]]") -> None:
        """Print texts, a name before each, and set off what was added to them: bold and underlined, where there is a terminal.

        Args:
            rows: names, and what `textvae.control.changes.changes` gives; what was removed is not shown.
        """
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2, 0, 0))
        if are_named := any(name for name, _ in rows):
            grid.add_column(style="dim", no_wrap=True, justify="right")
        grid.add_column(overflow="fold")
        for name, spans in rows:
            parts = [
                (one_line(span.text), "bold underline" if span.kind == "added" else "")
                for span in spans
                if span.kind != "removed"
            ]
            grid.add_row(*([name] if are_named else []), Text.assemble(*parts))
        self._render(grid)

    def pairs(self, rows: Iterable[tuple[str, Any]], *, on_stderr: bool = False) -> None:
        """Print names and values in two columns."""
        if not (on_stderr and self.quiet):
            self._render(_grid([(name, one_line(str(value))) for name, value in rows]), on_stderr=on_stderr)

    def table(
        self,
        head: Sequence[str],
        rows: Iterable[Sequence[Any]],
        *,
        right: Sequence[int] = (),
        equal: bool = False,
    ) -> None:
        """Print a table.

        Args:
            head: names of the columns; all empty: none are printed.
            rows: their cells.
            right: numbers of the columns that hold numbers.
            equal: whether all columns are equally wide.
        """
        from rich.table import Table

        table = Table(
            box=None,
            pad_edge=False,
            padding=(0, 2, 0, 0),
            header_style="dim",
            show_header=any(head),
            expand=equal,
        )
        for number, name in enumerate(head):
            side = "right" if number in right else "left"
            table.add_column(name, justify=side, overflow="fold", ratio=1 if equal else None)
        for row in rows:
            table.add_row(*(one_line(str(value)) for value in row))
        self._render(table)

    def progress(self) -> ProgressLine | None:
        """Return what shows how far work is; None where it is not to be seen."""
        return None if self.quiet else ProgressLine()

    @contextmanager
    def working(self, what: str) -> Generator[None]:
        """Show that something is going on, for as long as it does."""
        if self.quiet or not is_watched(sys.stderr):
            yield
            return
        with console(sys.stderr).status(what, spinner="line"):
            yield

    def _render(self, what: "RenderableType", *, on_stderr: bool = False) -> None:
        stream = sys.stderr if on_stderr else sys.stdout
        printer = console(stream)
        with (
            printer.capture() as captured
        ):  # rich ends the program itself on a broken pipe; the edge decides that here
            printer.print(what)
        stream.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def console(stream: TextIO) -> "Console":
    """Return a rich console on a stream: texts are printed as they are; 80 columns unless a person watches."""
    from rich.console import Console

    watched = is_watched(stream)
    return Console(
        file=stream,
        force_terminal=watched,
        width=None if watched else WIDTH,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=False,
    )


def _grid(rows: Sequence[tuple[str, ...]], gap: int = 2) -> "RenderableType":
    from rich.table import Table

    grid = Table.grid(padding=(0, gap, 0, 0))
    columns = len(rows[0]) if rows else 0
    for number in range(columns):
        grid.add_column(
            style="dim" if number < columns - 1 else "", no_wrap=number < columns - 1, overflow="fold"
        )
    for row in rows:
        grid.add_row(*row)
    return grid


def _plain(value: Any) -> Any:
    """Return a NumPy or tensor number as Python's."""
    return value.item()
