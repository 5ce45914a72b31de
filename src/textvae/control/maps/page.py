"""A map as a page: one file that asks nobody for anything; the text of a point is seen where the pointer is."""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from textvae.control.maps.coloring import GREY, SCALE, Coloring, Numbers

GRID = 20_000
"""Places between the least and the greatest coordinate that points are rounded to."""
PRIVATE = "The texts are in this file because a map of them was asked for; the run folder holds none of them."


def page(
    texts: Sequence[str],
    points: np.ndarray,
    coloring: Coloring,
    *,
    axes: tuple[str, str],
    label: str | None,
    summary: str,
) -> str:
    """Return the map as HTML.

    The browser is told to run the one script in it and no other, and to load nothing. Texts and labels are data of that
    script, which puts them on the screen as text, never as HTML.

    Args:
        texts: N of them.
        points: (N, 2).
        coloring: of N points.
        axes: what both axes are.
        label: what the colours stand for; None: nothing, and there is no legend.
        summary: a sentence on what is shown.
    """
    style, script = _resource("map.css"), _resource("map.js")
    record = {
        "texts": list(texts),
        "points": _rounded(points),
        "axes": axes,
        "label": label,
        "grey": GREY,
        **_colors(coloring),
    }
    body = (
        f"<h1>{escape('Map of texts' if label is None else f'Map of texts by {label}')}</h1>",
        f'<p class="dim">{escape(summary)}. {escape(PRIVATE)}</p>',
        "<noscript><p>This page draws with a script of its own: allow it to run.</p></noscript>",
        '<div id="tools"><input id="sought" type="search" placeholder="find in texts" aria-label="find in texts">'
        '<span id="told" role="status"></span><button type="button" id="whole">whole map</button></div>',
        '<div id="view"><canvas id="plane" aria-label="the points"></canvas>'
        '<div id="shown" hidden><div id="named"></div><div id="text" dir="auto"></div></div></div>',
        '<div id="legend"></div>',
        '<p class="dim">Point at a dot to read its text, click to keep it; drag to move, turn the wheel to come nearer.</p>',
        f'<script type="application/json" id="map">{_inert(record)}</script>',
        f"<script>{script}</script>",
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_policy(script))}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Map of texts</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _rounded(points: np.ndarray) -> list[list[int]]:
    """Return x and y as whole numbers, in one unit for both."""
    low = points.min(axis=0)
    extent = float((points.max(axis=0) - low).max()) or 1.0
    return np.rint((points - low) / extent * GRID).astype(np.int64).T.tolist()


def _colors(coloring: Coloring) -> dict[str, Any]:
    if isinstance(coloring, Numbers):
        places = [None if np.isnan(place) else round(place, 3) for place in coloring.places.tolist()]
        values = [None if np.isnan(value) else value for value in coloring.values.tolist()]
        ends = [coloring.low, coloring.high]
        return {"kind": "numbers", "places": places, "values": values, "ends": ends, "scale": SCALE}
    return {
        "kind": "categories",
        "names": coloring.names,
        "colors": coloring.colors,
        "counts": coloring.counts,
        "codes": coloring.codes.tolist(),
    }


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'"


def _inert(record: object) -> str:
    """Return JSON in which no tag can begin or end."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _resource(name: str) -> str:
    return files("textvae.control.maps").joinpath(name).read_text(encoding="utf-8")
