"""Pictures of an evaluation, as PNG. Words in them are English: fonts for other scripts may be missing."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, GREY = "#2b6ea3", "#8a8f98"


def dimension_rates(rates: Sequence[float]) -> bytes:
    """Return bars of the mean rate of each latent dimension, largest first."""
    figure, axes = _figure()
    ordered = sorted(rates, reverse=True)
    axes.bar(range(1, len(ordered) + 1), ordered, color=BLUE, width=0.8)
    axes.set_xlabel("dimensions, largest first")
    axes.set_ylabel("rate (nats a text)")
    return _png(figure)


def distortions(num_tokens: Sequence[float], nats: Sequence[float]) -> bytes:
    """Return a scatter of distortion against length, a point a text, with the mean nats a token as a line."""
    figure, axes = _figure()
    axes.scatter(num_tokens, nats, s=7, alpha=0.4, color=BLUE, linewidths=0)
    slope, longest = sum(nats) / sum(num_tokens), max(num_tokens)
    axes.plot(
        [0, longest],
        [0, slope * longest],
        color=GREY,
        linewidth=1,
        label=f"{slope:.2f} nats a token on average",
    )
    axes.set_xlabel("tokens of the text, </s> counted")
    axes.set_ylabel("distortion (nats)")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return _png(figure)


def _figure() -> "tuple[Figure, Any]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _png(figure: "Figure") -> bytes:
    picture = io.BytesIO()
    figure.savefig(picture, dpi=130, format="png")
    return picture.getvalue()
