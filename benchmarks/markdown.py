"""Tables that are generated into a page, between two markers that stay."""

from collections.abc import Sequence
from pathlib import Path


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def replaced(page: str, name: str, content: str) -> str:
    """Return the page with `content` between `<!-- name -->` and `<!-- /name -->`.

    Raises:
        ValueError: the markers are not there once each, in this order.
    """
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed) or start in rest or end in after:
        raise ValueError(f"the page needs {start} and {end} once each, in this order")
    return f"{before}{start}\n\n{content.strip()}\n\n{end}{after}"


def write_part(path: Path, name: str, content: str) -> None:
    """Replace one generated part of a page."""
    path.write_text(replaced(path.read_text(encoding="utf-8"), name, content), encoding="utf-8")
