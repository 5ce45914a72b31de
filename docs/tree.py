"""Write `docs/tree.md`: every module with the first line of its docstring, from the layer on top to the lowest."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "textvae"
PAGE = ROOT / "docs" / "tree.md"
HEAD = """# Every module

From the layer on top to the lowest; imports point down only. `python docs/tree.py` writes this page from the docstrings.

"""
WIDTH = 26


def page() -> str:
    """Return the page."""
    lines = [
        f"`textvae.{name}`: {summary(PACKAGE / name)}\n\n```\n{_listing(name)}```\n" for name in _layers()
    ]
    return HEAD + "\n".join(lines)


def summary(path: Path) -> str:
    """Return the first line of a module's or a package's docstring."""
    path = path / "__init__.py" if path.is_dir() else path
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]


def _layers() -> list[str]:
    """Return the names directly below the package, as the contract of layers orders them."""
    [contract] = [
        contract
        for contract in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
            "importlinter"
        ]["contracts"]
        if contract["type"] == "layers"
    ]
    names = [name.strip() for layer in contract["layers"] for name in layer.split(":")]
    there = [name.removeprefix("textvae.") for name in names]
    return [name if (PACKAGE / name).is_dir() else f"{name}.py" for name in there]


def _listing(name: str) -> str:
    path = PACKAGE / name
    lines = _modules(path, 0) if path.is_dir() else iter([_line(path, 0)])
    return "".join(f"{line}\n" for line in lines)


def _modules(folder: Path, depth: int) -> Iterator[str]:
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("__"):
            yield _line(path, depth)
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        yield _line(inner, depth)
        yield from _modules(inner, depth + 1)


def _line(path: Path, depth: int) -> str:
    name = "    " * depth + path.name + ("/" if path.is_dir() else "")
    return f"{name:<{WIDTH}} {summary(path)}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
