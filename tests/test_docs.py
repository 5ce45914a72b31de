"""The code of the documentation runs."""

import re
from pathlib import Path

import pytest
from untrained import counted

from textvae import TextVAE

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


def test_conditions_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTVAE_CACHE", str(tmp_path / "cache"))
    [code] = blocks("conditions.md")
    names: dict = {}
    exec(compile(code, "conditions.md", "exec"), names)
    scores = [float(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert scores
    assert max(scores) < 0
    assert names["vae"].codec.schema.names == ("mood", "source")


def test_moves_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTVAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("textvae.training.trainer.draw_curves", lambda run: None)
    [code] = blocks("moves.md")
    exec(compile(code, "moves.md", "exec"), {})
    assert capsys.readouterr().out.startswith("axis 0 (")
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"map.png", "map.html", "map.parquet"}


def test_tasks_of_the_documentation_are_those_there_are():
    from textvae.tasks.recipes import RECIPES

    table = (DOCS / "conditions.md").read_text(encoding="utf-8").split("| task | takes |")[1].split("\n\n")[0]
    assert {name for row in table.splitlines()[2:] for name in row.split("|")[1].strip().split(", ")} == set(
        RECIPES
    )


def test_human_evaluation_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [code] = blocks("human-evaluation.md")
    exec(compile(code, "human-evaluation.md", "exec"), {})
    value, p = map(float, capsys.readouterr().out.split())
    assert (value, p) == (0.5, 1.0)  # A throughout, and sides are balanced


def test_search_and_infilling_run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    TextVAE(counted(words=True, max_length=20)).save("runs/reviews")
    searched, played = blocks("search.md")
    names: dict = {}
    exec(compile(searched.replace("budget=500", "budget=120"), "search.md", "exec"), names)
    assert len(names["found"].best) == 3
    exec(compile(played, "search.md", "exec"), names)
    assert names["info"]["score"] <= 0
    [filled] = blocks("infilling.md")
    exec(compile(filled, "infilling.md", "exec"), names)
    assert "sea" in names["filling"].text
    assert capsys.readouterr().out
