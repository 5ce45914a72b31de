"""The README tells the truth: its tree is the tree, its verbs are the verbs, its Python runs."""

import re
from pathlib import Path

from tiny import ENGLISH, SETTINGS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_lists_every_module():
    tree = README.split("## The tree")[1].split("## Documentation")[0]
    listed = set(re.findall(r"^\s+(\w+\.py)\s", tree, re.MULTILINE))
    there = {path.name for path in (ROOT / "src" / "textvae").rglob("*.py") if not path.name.startswith("__")}
    assert there == listed


def test_every_verb_of_the_command_line_is_in_the_readme():
    from textvae.cli.main import VERBS

    for verb in VERBS:
        assert f"`textvae {verb.__name__}" in README


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_three_minutes_of_python_run(tmp_path, monkeypatch):
    from textvae import TextVAE

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEXTVAE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "reviews.txt").write_text("\n".join(ENGLISH))
    (tmp_path / "test.txt").write_text("\n".join(ENGLISH[:8]))
    train = TextVAE.train.__func__
    monkeypatch.setattr(
        TextVAE, "train", classmethod(lambda cls, *a, **k: train(cls, *a, settings=SETTINGS, **k))
    )
    code = README.split("```python\n")[1].split("```")[0]
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["z"].shape == (1, SETTINGS["model"]["latent_dim"])
    assert (tmp_path / "my-model" / "manifest.json").exists()
