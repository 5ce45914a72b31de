"""A map as a picture, PNG. It shows no text, only labels."""

import io
from typing import Any

import numpy as np

from textvae.control.maps.coloring import GREY, SCALE, Categories, Coloring, Numbers
from textvae.control.maps.fonts import can_draw, family

LONGEST_NAME = 28
"""Characters of a label that the legend shows."""
AREA = 20_000.0
"""Square points that all dots have together, about, between the smallest and the largest dot."""


def drawn(points: np.ndarray, coloring: Coloring, *, axes: tuple[str, str], label: str | None) -> bytes:
    """Return the picture of points.

    Args:
        points: (N, 2).
        coloring: of N points.
        axes: what both axes are.
        label: what the colours stand for; None: nothing, and there is no legend.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = _names(coloring, label)
    fonts = family("".join(shown))
    labels = [name if can_draw(fonts, name) else f"label {i}" for i, name in enumerate(shown)]
    with rc_context({"font.family": fonts}):
        figure = Figure(figsize=(9, 6.4), layout="constrained")
        FigureCanvasAgg(figure)
        plane = figure.subplots()
        plane.set_xlabel(axes[0])
        plane.set_ylabel(axes[1])
        plane.spines[["top", "right"]].set_visible(False)
        plane.set_aspect("equal", adjustable="datalim")
        style = {"s": float(np.clip(AREA / len(points), 4, 30)), "linewidths": 0, "alpha": 0.7}
        if isinstance(coloring, Numbers):
            _numbers(figure, plane, points, coloring, labels, style)
        else:
            _categories(plane, points, coloring, labels, style)
        picture = io.BytesIO()
        figure.savefig(picture, dpi=140, format="png")
    return picture.getvalue()


def unreadable(coloring: Coloring, label: str | None) -> list[str]:
    """Return the labels whose letters no font of this machine has; the picture numbers them."""
    shown = _names(coloring, label)
    fonts = family("".join(shown))
    return [name for name in shown if not can_draw(fonts, name)]


def _names(coloring: Coloring, label: str | None) -> list[str]:
    """Return what the label is called, and its names; nothing where there is none."""
    if label is None:
        return []
    return [label, *(coloring.names if isinstance(coloring, Categories) else ())]


def _categories(
    plane: Any, points: np.ndarray, coloring: Categories, labels: list[str], style: dict[str, float]
) -> None:
    colors = np.array(coloring.colors)
    plane.scatter(
        *points.T, c=colors[coloring.codes], **style
    )  # in one call: no category lies over all others
    if not labels:
        return
    title, *names = labels
    marks = [
        plane.scatter([], [], c=color, s=36, linewidths=0, label=f"{_short(name)} ({count:,})")
        for name, color, count in zip(names, coloring.colors, coloring.counts, strict=True)
    ]
    place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1), "borderaxespad": 0, "handletextpad": 0.2}
    plane.legend(handles=marks, title=_short(title), frameon=False, **place)


def _numbers(
    figure: Any,
    plane: Any,
    points: np.ndarray,
    coloring: Numbers,
    labels: list[str],
    style: dict[str, float],
) -> None:
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    there = ~np.isnan(coloring.values)
    plane.scatter(*points[~there].T, c=GREY, **style)
    colors = LinearSegmentedColormap.from_list("scale", SCALE)
    scale = Normalize(coloring.low, coloring.high, clip=True)
    shown = plane.scatter(*points[there].T, c=coloring.values[there], cmap=colors, norm=scale, **style)
    bar = figure.colorbar(shown, ax=plane, label=_short(labels[0]), fraction=0.035)
    bar.outline.set_visible(False)
    bar.solids.set_alpha(1)


def _short(name: str) -> str:
    """Return a name as a legend shows it: cut, without TeX, and not as the names that matplotlib hides."""
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
    return short.replace("$", r"\$").removeprefix("_") or "no name"
