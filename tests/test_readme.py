"""The README tells the truth: its tree is the tree, its verbs are the verbs, its Python runs."""

import re
import runpy
from pathlib import Path

from tiny import ENGLISH, SETTINGS

ROOT = Path(__file__).parent.parent
TREE = runpy.run_path(str(ROOT / "docs" / "tree.py"))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_lists_every_package_in_the_order_of_the_layers():
    tree = README.split("## The tree")[1].split("## Documentation")[0]
    listed, parents = [], {}
    for indent, name in re.findall(r"^( {8,})(\w+)/ ", tree, re.MULTILINE):
        parents[len(indent)] = name
        listed.append("/".join(parents[depth] for depth in range(8, len(indent) + 1, 4)))
    package = ROOT / "src" / "textvae"
    there = {str(path.parent.relative_to(package)) for path in package.rglob("*/__init__.py")}
    assert len(listed) == len(there)
    assert set(listed) == there
    page = TREE["page"]()
    heads = re.findall(r"^`textvae\.(\w+)`", page, re.MULTILINE)
    assert [name for name in listed if "/" not in name] == heads


def test_the_page_of_modules_is_made_from_their_docstrings():
    assert (ROOT / "docs" / "tree.md").read_text(encoding="utf-8") == TREE["page"](), (
        "run python docs/tree.py"
    )
    assert all(
        summary.endswith(".") for summary in map(TREE["summary"], (ROOT / "src" / "textvae").rglob("*.py"))
    )


def test_every_verb_of_the_command_line_is_in_the_readme():
    from textvae.cli.main import VERBS, app

    for verb in VERBS:
        assert f"`textvae {verb.__name__}" in README
    for group in app.registered_groups:
        assert f"`textvae {group.typer_instance.info.name} " in README


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
