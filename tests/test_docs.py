"""The code of the documentation runs."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_tutorial_runs(capsys):
    from textvae.models import registry

    sketch, *ours = blocks("tutorial.md")
    assert "hidden[:, -1]" in sketch
    namespace: dict = {}
    try:
        for block in ours:
            exec(compile(block, "tutorial.md", "exec"), namespace)
    finally:
        registry.encoders.pop("mean", None)
    printed = capsys.readouterr().out
    assert "torch.Size([2])" in printed
    assert float(printed.split()[-1]) == pytest.approx(10, rel=0.05)


def test_human_evaluation_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [code] = blocks("human-evaluation.md")
    exec(compile(code, "human-evaluation.md", "exec"), {})
    value, p = map(float, capsys.readouterr().out.split())
    assert (value, p) == (0.5, 1.0)  # A throughout, and sides are balanced
