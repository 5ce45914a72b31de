"""How far work on many texts is, who hears of it, and a line on standard error that shows it."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol, TextIO

PATIENCE, LIVE_SECONDS, PLAIN_SECONDS = 1.0, 0.2, 10.0
"""Before a line appears; between two pictures of a live one; between two plain ones."""


class Progress(Protocol):
    """Hears of pieces of work, one after the other."""

    def begin(self, what: str, total: int) -> None:
        """Hear that work on `total` texts begins."""
        ...

    def advance(self, num: float) -> None:
        """Hear that `num` more texts are done."""
        ...

    def end(self) -> None:
        """Hear that the work is over, done or not."""
        ...


class Work:
    """What tells a listener; work within work counts as the outer one's.

    Attributes:
        listener: None: nobody.
    """

    def __init__(self) -> None:
        self.listener: Progress | None = None
        self._passes = 0

    @contextmanager
    def part(self, what: str, total: int, *, passes: int = 1) -> Generator[None]:
        """Announce work on `total` texts, each of which will be counted `passes` times."""
        listener = self.listener
        if listener is None or self._passes:
            yield
            return
        self._passes = passes
        listener.begin(what, total)
        try:
            yield
        finally:
            self._passes = 0
            listener.end()

    def count(self, num: float) -> None:
        """Count `num` texts as done once."""
        if self.listener is not None and self._passes:
            self.listener.advance(num / self._passes)


class ProgressLine:
    """Shows work that takes longer than a second: texts done, texts a second, time left.

    On a terminal it is one line that vanishes with the work; elsewhere a plain line every ten seconds. No colours and
    no control sequences but the carriage return.

    Args:
        stream: None: standard error.
        now: the clock, in seconds.

    >>> vae.progress = ProgressLine()  # doctest: +SKIP
    >>> vae.encode(texts)  # doctest: +SKIP
    encoding  12,288/50,000 texts  4,031 texts/s  0:09 left
    """

    def __init__(self, stream: TextIO | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._now = stream or sys.stderr, now
        self._watched = is_watched(self._stream)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, what: str, total: int) -> None:
        """Watch over a piece of work from a thread of its own, which shows the line also within a long batch."""
        self._what, self._total, self._done = what, total, 0.0
        self._begun, self._width = self._now(), 0
        self._next = self._begun + (PATIENCE if self._watched else PLAIN_SECONDS)
        self._over.clear()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def advance(self, num: float) -> None:
        """Count texts."""
        self._done += num

    def end(self) -> None:
        """Take the line away."""
        self._over.set()
        if self._thread:
            self._thread.join()
        if self._width:
            self._write("\r" + " " * self._width + "\r")

    def look(self) -> None:
        """Show the line if it is time to."""
        now = self._now()
        if now < self._next:
            return
        self._next = now + (LIVE_SECONDS if self._watched else PLAIN_SECONDS)
        line = self.line(now - self._begun)
        if not self._watched:
            self._write(line + "\n")
            return
        line = line[: shutil.get_terminal_size().columns - 1]
        self._write("\r" + line.ljust(self._width))
        self._width = len(line)

    def line(self, seconds: float) -> str:
        """Return the line after so many seconds."""
        counts = f"{self._what}  {min(int(self._done), self._total):,}/{self._total:,} texts"
        if not self._done:
            return f"{counts}  {clock(seconds)}"
        rate = self._done / seconds
        left = clock(max(0.0, self._total - self._done) / rate)
        return f"{counts}  {rate:,.{0 if rate >= 10 else 1}f} texts/s  {left} left"

    def _watch(self) -> None:
        while not self._over.wait(LIVE_SECONDS):
            self.look()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def is_watched(stream: TextIO) -> bool:
    """Return whether a person may be looking at a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def clock(seconds: float) -> str:
    """Return a length of time.

    >>> clock(75), clock(7265)
    ('1:15', '2:01:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
