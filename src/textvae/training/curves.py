"""Training curves as a picture."""

import io
from pathlib import Path
from typing import Any

from textvae.storage.atomic import write_file
from textvae.training.records import CURVES_FILE, read_metrics


def draw_curves(run: Path) -> None:
    """Draw distortion, rate, beta and perplexity of the run's metrics into `curves.png`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    records = read_metrics(run)
    train = [record for record in records if record["kind"] == "train"]
    held = [record for record in records if record["kind"] == "held_out"]
    if not held:
        return
    figure = Figure(figsize=(9, 6), layout="constrained")
    FigureCanvasAgg(figure)
    (distortion, rate), (beta, perplexity) = figure.subplots(2, 2)
    _plot(distortion, "distortion (nats a text)", train, held, "distortion")
    _plot(rate, "rate (nats a text)", train, held, "rate")
    if (target := held[-1].get("target_rate")) is not None:
        rate.axhline(target, color="grey", linestyle=":", label="target")
    _plot(beta, "beta", train, [], "beta")
    if any(record["beta"] > 0 for record in train):  # an autoencoder's is 0
        beta.set_yscale("log")
    _plot(perplexity, "held-out perplexity a token (-ELBO)", [], held, "perplexity")
    for axes in (distortion, rate):
        axes.legend(frameon=False)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110, format="png")
    write_file(run / CURVES_FILE, picture.getvalue())


def _plot(axes: Any, title: str, train: list[dict[str, Any]], held: list[dict[str, Any]], key: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel("updates", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if train:
        axes.plot(
            [r["step"] for r in train], [r[key] for r in train], linewidth=0.8, alpha=0.7, label="training"
        )
    if held:
        axes.plot(
            [r["step"] for r in held], [r[key] for r in held], marker="o", markersize=3, label="held out"
        )
