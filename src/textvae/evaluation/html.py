"""Pieces of a page of HTML: one file, light, no script and no request to anywhere. Every text is escaped."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
body { font: 16px/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #1d232b;
  background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; color: #5a6472; }
th, td { padding: .25rem .8rem .25rem 0; vertical-align: top; border-bottom: 1px solid #e6e9ed; overflow-wrap: anywhere; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.best { font-weight: 600; } .dim { color: #5a6472; font-size: .9rem; }
figure { margin: 1rem 0; } img { max-width: 100%; } .text { white-space: pre-wrap; }
details { margin: .3rem 0; } summary { cursor: pointer; }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""A browser that keeps to it asks nobody for anything and runs nothing."""


def page(title: str, body: Iterable[str]) -> str:
    """Return a page; `body` is HTML."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return the title of a section."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str, *, dim: bool = False) -> str:
    """Return a paragraph."""
    return f'<p class="dim">{escape(text)}</p>' if dim else f"<p>{escape(text)}</p>"


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    right: Sequence[int] = (),
    best: Iterable[tuple[int, int]] = (),
) -> str:
    """Return a table.

    Args:
        head: names of the columns.
        rows: their cells, plain text; line breaks are kept.
        right: numbers of the columns that hold numbers.
        best: (row, column) of cells that are set off.
    """
    marked = set(best)

    def cell(tag: str, text: str, column: int, row: int = -1) -> str:
        kinds = [
            "n" if column in right else "text" if tag == "td" else "",
            "best" if (row, column) in marked else "",
        ]
        kind = " ".join(filter(None, kinds))
        return f'<{tag} class="{kind}">{escape(text)}</{tag}>' if kind else f"<{tag}>{escape(text)}</{tag}>"

    top = "".join(cell("th", name, i) for i, name in enumerate(head))
    lines = [
        "<tr>" + "".join(cell("td", text, i, number) for i, text in enumerate(row)) + "</tr>"
        for number, row in enumerate(rows)
    ]
    return f"<table>\n<thead><tr>{top}</tr></thead>\n<tbody>\n" + "\n".join(lines) + "\n</tbody>\n</table>"


def texts(items: Iterable[str]) -> str:
    """Return a list of texts."""
    return "<ul>\n" + "\n".join(f'<li class="text">{escape(item)}</li>' for item in items) + "\n</ul>"


def picture(png: bytes, caption: str) -> str:
    """Return a picture that lies in the page itself."""
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
        f'<figcaption class="dim">{escape(caption)}</figcaption></figure>'
    )


def folded(summary: str, lines: Iterable[str]) -> str:
    """Return lines that are shown on a click."""
    inner = "\n".join(paragraph(text, dim=True) for text in lines)
    return f"<details><summary>{escape(summary)}</summary>\n{inner}\n</details>"
