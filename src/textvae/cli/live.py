"""What is seen of a run while it trains: a line that lives on a terminal, plain lines elsewhere."""

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from textvae.cli.screen import Screen, console
from textvae.progress import LIVE_SECONDS, PLAIN_SECONDS, clock, is_watched

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from textvae.training.heldout import HeldOut
    from textvae.training.progress import Standing, Start
    from textvae.training.step import StepReport

SMOOTHING = 0.98
HEAD = "epoch     -ELBO  distortion     rate  z buys  perplexity  units     time"


class Progress:
    """Listens to a run and shows how it goes on standard error.

    Args:
        screen: what notes go through.
    """

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self.started = self.shown = time.monotonic()
        self.watched = is_watched(sys.stderr) and not screen.quiet
        self.live: Live | None = None
        self.distortion, self.rate = Smoothed(), Smoothed()
        self.epoch, self.num_epochs = 1, ""
        self._reading = ExitStack()

    def __enter__(self) -> Self:
        self._reading.enter_context(self.screen.working("reading the data"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reading.close()
        if self.live:
            self.live.stop()

    def on_start(self, start: "Start") -> None:
        """Show what the run is about to do, and the head of the table of its epochs."""
        from textvae.cli.essentials import essentials

        self._reading.close()
        self.started, training = time.monotonic(), start.config.training
        self.num_epochs = "" if training.max_time else f"/{training.epochs}"
        self.screen.pairs(essentials(start), on_stderr=True)
        self._print(HEAD)
        if self.watched:
            self._go_live()

    def on_step(self, report: "StepReport", standing: "Standing") -> None:
        """Count an update; show it when it is time to."""
        self.epoch = standing.epoch
        self.distortion.add(report.distortion, report.num_sentences)
        self.rate.add(report.rate, report.num_sentences)
        now = time.monotonic()
        if now - self.shown >= (LIVE_SECONDS if self.watched else PLAIN_SECONDS):
            self.shown = now
            self._show(report, standing)

    def on_epoch(self, held_out: "HeldOut", standing: "Standing", *, best: bool) -> None:
        """Print a row of held-out measures."""
        perplexity = (
            f"{held_out.perplexity:.2f}" if held_out.perplexity < 1e6 else f"{held_out.perplexity:.1e}"
        )
        gain = "" if held_out.z_shuffle_gain is None else f"{held_out.z_shuffle_gain:.2f}"
        self._print(
            f"{standing.epoch:5d}  {held_out.neg_elbo:8.2f}  {held_out.distortion:10.2f}  {held_out.rate:7.2f}  {gain:>6}  "
            f"{perplexity:>10}  {held_out.active_units:5d}  {clock(time.monotonic() - self.started):>7}"
            + ("  best" if best else "")
        )
        self.shown = time.monotonic()

    def on_message(self, text: str) -> None:
        """Print a note."""
        self._print(f"note: {text}")

    def _go_live(self) -> None:
        from rich.live import Live

        self.live = Live(
            console=console(sys.stderr),
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.live.start()

    def _show(self, report: "StepReport", standing: "Standing") -> None:
        if self.live:
            self.live.update(picture(self.line(report, standing), standing, self.num_epochs), refresh=True)
        else:
            self.screen.note(
                f"epoch {standing.epoch}{self.num_epochs}  {standing.progress:4.0%}  {self._numbers(standing)}  {left(standing)}"
            )

    def line(self, report: "StepReport", standing: "Standing") -> str:
        """Return the numbers of the line, in at most 80 columns."""
        active = f"  AU {standing.active_units}" if standing.active_units is not None else ""
        return f"{self._numbers(standing)}  beta {report.beta:.3f}{active}"

    def _numbers(self, standing: "Standing") -> str:
        target = f"/{standing.target_rate:g}" if standing.target_rate is not None else ""
        return (
            f"{standing.tokens_per_second:,.0f} tok/s  distortion {self.distortion.mean:.1f}  "
            f"rate {self.rate.mean:.1f}{target}"
        )

    def _print(self, text: str) -> None:
        if self.live:
            self.live.console.print(text, soft_wrap=True)
        else:
            self.screen.note(text)


class Smoothed:
    """A mean that forgets, weighted by sentences: batches hold texts of like length, so single ones jump."""

    def __init__(self) -> None:
        self._sum = self._weight = 0.0

    def add(self, value: float, weight: float) -> None:
        """Count a batch."""
        self._sum = SMOOTHING * self._sum + value * weight
        self._weight = SMOOTHING * self._weight + weight

    @property
    def mean(self) -> float:
        """The mean so far."""
        return self._sum / self._weight if self._weight else 0.0


def picture(line: str, standing: "Standing", num_epochs: str) -> "RenderableType":
    """Return the live picture: a bar with the time left, and the numbers below."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    bar = Table.grid(padding=(0, 1, 0, 0))
    bar.add_row(
        Text(f"epoch {standing.epoch}{num_epochs}"),
        ProgressBar(total=1.0, completed=standing.progress, width=36),
        Text(f"{standing.progress:4.0%}  {left(standing)}"),
    )
    return Group(bar, Text(line, no_wrap=True, overflow="ellipsis"))


def left(standing: "Standing") -> str:
    """Return the time left, in words."""
    return f"{clock(standing.eta)} left"
