"""Figures and tables of how cost grows, from the record."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator

from benchmarks.growth.grid import AXES, Point
from benchmarks.markdown import table, write_part
from benchmarks.process import ROOT

PAGE, FIGURES = ROOT / "docs" / "performance.md", ROOT / "docs" / "figures"
LABELS = {
    "vocab_size": "vocabulary",
    "length": "tokens of every text",
    "num_lines": "lines of the corpus",
    "latent_dim": "dimensions of z",
    "batch_tokens": "target tokens a batch",
    "threads": "threads",
    "processes": "processes",
}
Found = list[tuple[Point, dict[str, float]]]


def main(found: Found, loads: Sequence[float]) -> None:
    """Draw every axis that was measured; regenerate the tables of the page."""
    parts = [f"Load of the machine, the measurement's own included: {min(loads):.1f} to {max(loads):.1f}."]
    for axis in AXES:
        points = sorted((row for row in found if row[0].axis == axis), key=lambda row: row[0].value)
        if not points:
            continue
        name = f"growth-{axis.replace('_', '-')}.png"
        if len(points) > 2:
            draw(axis, points, FIGURES / name)
        parts.append(section(axis, points, name if len(points) > 2 else None))
    write_part(PAGE, "growth", "\n\n".join(parts))


def section(axis: str, points: Found, figure: str | None) -> str:
    """Return the heading, the figure and the table of an axis."""
    names = list(points[0][1])
    rows = [[f"{point.value:,}", *(_text(costs.get(name)) for name in names)] for point, costs in points]
    picture = [f"![Cost against {LABELS[axis]}](figures/{figure})"] if figure else []
    return "\n\n".join([f"### {LABELS[axis].capitalize()}", *picture, table([LABELS[axis], *names], rows)])


def draw(axis: str, points: Found, path: Path) -> None:
    """Draw each cost against the axis, both logarithmic, a panel a cost."""
    names = [name for name in points[0][1] if name not in ("tokens", "file MiB")]
    figure = Figure(figsize=(2.6 * len(names), 2.5), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(names)), names, strict=True):
        _panel(panel, axis, name, [point.value for point, _ in points], [costs[name] for _, costs in points])
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90, metadata={"Software": None})


def _panel(panel: Axes, axis: str, name: str, values: Sequence[float], costs: Sequence[float]) -> None:
    panel.loglog(values, costs, marker="o", markersize=3)
    panel.set(ylim=(min(cost for cost in costs if cost) / 2, max(costs) * 2))  # a 0 was rounded to
    panel.set_title(name, fontsize=9)
    panel.set_xlabel(LABELS[axis], fontsize=8)
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(EngFormatter(sep=""))
    panel.minorticks_off()
    panel.tick_params(labelsize=7)
    panel.grid(alpha=0.3)


def _text(cost: float | None) -> str:
    if cost is None:
        return ""
    return f"{cost:,.0f}" if cost >= 100 else f"{cost:.3g}"
