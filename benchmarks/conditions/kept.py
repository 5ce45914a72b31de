"""Where what was measured of answers is kept."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(name: str, found: dict[str, Any]) -> None:
    """Write figures to a file of the results, and print them."""
    RESULTS.mkdir(exist_ok=True)
    content = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (RESULTS / f"{name}.json").write_text(content, encoding="utf-8")
    print(content)
