"""Maps of texts: points, colours, pictures, pages and tables."""

import base64
import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
from importlib.resources import files

import numpy as np
import pytest
import torch
from conditioned import ROWS, conditional
from pyarrow import parquet
from test_cli import done, failed
from tiny import CHINESE, ENGLISH
from untrained import untrained

from textvae import TextVAE
from textvae.codec import codec_files
from textvae.config.conditions import Columns, LabelColumn
from textvae.control.maps import fonts
from textvae.control.maps.coloring import GREY, MUTED, Categories, Numbers, coloring
from textvae.control.maps.latent_map import targets_of
from textvae.control.maps.picture import unreadable
from textvae.control.maps.projection import project
from textvae.data.labelled import Labelled, open_labelled
from textvae.errors import ConfigError, DataError, MissingColumnError, MissingExtraError
from textvae.storage.atomic import write_folder

NODE = shutil.which("node")
EVIL = '</script><script>alert(1)</script><img src=x onerror="alert(2)">'
MIXED = [
    {"text": text, "lang": "英" if text.isascii() else "中文"} for text in (*ENGLISH[:30], *CHINESE[:30])
]


@pytest.fixture(scope="module")
def vae():
    return TextVAE(untrained(ENGLISH + CHINESE, kind="char"))


@pytest.fixture(scope="module")
def run(tmp_path_factory, vae):
    folder = tmp_path_factory.mktemp("maps") / "model"
    write_folder(
        folder, codec_files(untrained(ENGLISH + CHINESE, kind="char", dtype=torch.float32)), metadata={}
    )
    return folder


# Points


def test_points_are_coordinates_along_the_principal_axes(vae):
    found = vae.map(ENGLISH[:40])
    centred = vae.encode(ENGLISH[:40]).astype(float) - vae.encode(ENGLISH[:40]).mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose((found.points**2).sum(axis=0), values[:2] ** 2, rtol=1e-4)
    np.testing.assert_allclose(found.shares, values[:2] ** 2 / (values**2).sum(), rtol=1e-4)
    assert found.axes[0] == f"axis 0: {found.shares[0]:.1%} of the variance of the means"
    assert f"{sum(found.shares):.1%} of the variance" in found.summary
    np.testing.assert_array_equal(found.z, vae.encode(found.texts))


def test_a_single_dimension_is_a_line():
    points, shares = project(torch.randn(9, 1, generator=torch.Generator().manual_seed(0)))
    assert points.shape == (9, 2)
    assert not points[:, 1].any()
    assert shares == (1, 0)


def test_of_many_texts_some_are_drawn(vae):
    found = vae.map(MIXED, label="lang", limit=20, seed=3)
    again = vae.map(MIXED, label="lang", limit=20, seed=3)
    assert (found.texts, found.values) == (again.texts, again.values)
    assert found.texts != vae.map(MIXED, limit=20, seed=4).texts
    assert [row["text"] for row in MIXED if row["text"] in found.texts] == found.texts  # in their order
    assert all(
        (value == "英") == text.isascii() for text, value in zip(found.texts, found.values, strict=True)
    )
    assert found.notes == ("20 of 60 texts, drawn at random",)
    assert vae.map(MIXED, limit=60).notes == ()


def test_maps_that_cannot_be(vae, monkeypatch):
    with pytest.raises(ConfigError, match="method is 'pac'; did you mean pca"):
        vae.map(ENGLISH, method="pac")
    with pytest.raises(DataError, match="a map of 2 texts was asked for; give at least 3"):
        vae.map(ENGLISH[:2])
    with pytest.raises(MissingColumnError, match="no column 'mood'; it has 'text', 'lang'"):
        vae.map(MIXED, label="mood")
    with pytest.raises(ConfigError, match="the kind of label 'lang' is 'colour'"):
        vae.map(MIXED, label="lang:colour")
    with pytest.raises(ConfigError, match="limit is 0; it must be at least 1"):
        vae.map(MIXED, limit=0)
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(
        MissingExtraError, match=re.escape("umap-learn, which is not installed: pip install 'textvae[map]'")
    ):
        vae.map(ENGLISH, method="umap")


def test_umap_is_asked_for_two_seeded_components(monkeypatch):
    asked = {}

    class UMAP:
        def __init__(self, **settings):
            asked.update(settings)

        def fit_transform(self, z):
            return z[:, :2]

    module = type("module", (), {"UMAP": UMAP})
    monkeypatch.setitem(__import__("sys").modules, "umap", module)
    points, shares = project(torch.eye(6), "umap", seed=5)
    assert (asked["n_components"], asked["random_state"], asked["n_neighbors"]) == (2, 5, 5)
    assert (points.shape, shares) == ((6, 2), None)


def test_conditional_models_read_their_conditions_and_any_label_beside():
    vae = TextVAE(conditional(source=False))
    columns = Columns(labels="who,length:numeric")
    vae.codec.schema = dataclasses.replace(vae.codec.schema, columns=columns)
    rows = [*ROWS[:6], {**ROWS[6], "who": "nobody known"}, *ROWS[7:20]]
    rows = [{**row, "mood": f"mood {i % 3}"} for i, row in enumerate(rows)]
    kept = [row for row in rows if row["who"] != "nobody known"]
    found = vae.map(rows, label="mood")
    assert found.values == [row["mood"] for row in kept]
    given = {name: [row[name] for row in kept] for name in ("who", "length")}
    np.testing.assert_array_equal(found.z, vae.encode([row["text"] for row in kept], conditions=given))
    assert vae.map(rows, label="who").values == [row["who"] for row in kept]  # a condition of its own
    assert any("left out" in note for note in found.notes)
    read = open_labelled(
        rows,
        label=LabelColumn(name="m", column="mood"),
        schema=vae.codec.schema,
        tokenizer=vae.codec.tokenizer,
    )
    assert isinstance(read, Labelled)
    assert read.values == found.values


# Colours


def test_labels_are_categories_or_numbers():
    few = coloring(["b", "a", "b", None, "b", "a"], 6)
    assert isinstance(few, Categories)
    assert (few.names, few.counts) == (("b", "a", "no label"), (3, 2, 1))
    assert few.colors[-1] == GREY
    assert len(set(few.colors)) == 3
    stars = coloring([1, 5, 1, 3], 4)
    assert isinstance(stars, Categories)
    assert stars.names == ("1", "3", "5")
    scaled = coloring([1, 5, 1, None], 4, "numeric")
    assert isinstance(scaled, Numbers)
    assert scaled.places.tolist()[:3] == [0, 1, 0]
    assert np.isnan(scaled.values[3])
    assert isinstance(coloring([str(number) for number in range(40)], 40), Numbers)
    assert isinstance(coloring([str(number) for number in range(40)], 40, "categorical"), Categories)
    assert isinstance(coloring(["1", "nan", *map(str, range(40))], 42), Categories)
    alone = coloring(None, 5)
    assert isinstance(alone, Categories)
    assert alone.counts == (5,)


def test_many_categories_share_a_colour():
    cells = [name for i, name in enumerate("abcdefghijklmn") for _ in range(20 - i)]
    found = coloring(cells, len(cells))
    assert isinstance(found, Categories)
    assert found.names == (*"abcdefghij", "4 others")
    assert found.colors == (*MUTED, GREY)
    assert sum(found.counts) == len(cells)


def test_one_outlier_does_not_make_all_others_equal():
    found = coloring([*map(float, range(100)), 1e9], 101)
    assert isinstance(found, Numbers)
    assert found.high < 100
    assert found.places.max() == 1


# Files


def test_the_page_holds_texts_as_data_alone(vae):
    rows = [*MIXED, {"text": EVIL, "lang": EVIL}]
    found = vae.map(rows, label="lang")
    html = found._content(".html", with_z=False).decode()
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL)
    assert len(scripts) == 2
    assert "<img" not in html
    record, script = json.loads(scripts[0]), scripts[1]
    assert record["texts"] == found.texts
    assert EVIL in record["names"]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in html
    assert "default-src &#x27;none&#x27;" in html
    assert "innerHTML" not in script
    assert not re.search(r"https?://", html)
    assert "The texts are in this file because a map of them was asked for" in html
    x, y = np.array(record["points"])
    scale = np.ptp(found.points, axis=0).max() / 20_000
    np.testing.assert_allclose(np.diff(x) * scale, np.diff(found.points[:, 0]), atol=2 * scale)
    np.testing.assert_allclose(np.diff(y) * scale, np.diff(found.points[:, 1]), atol=2 * scale)


def test_the_page_of_numbers(vae):
    cells = [None, *range(20)]
    found = vae.map(
        [{"text": text, "year": year} for text, year in zip(ENGLISH, cells, strict=False)], label="year"
    )
    [data] = re.findall(r'id="map">(.*?)</script>', found._content(".html", with_z=False).decode(), re.DOTALL)
    record = json.loads(data)
    assert (record["kind"], record["values"][0], record["places"][0]) == ("numbers", None, None)
    assert record["places"][-1] == 1


@pytest.mark.skipif(NODE is None, reason="needs node, to run the page's script")
def test_the_script_finds_points_and_colours():
    script = files("textvae.control.maps").joinpath("map.js").read_text(encoding="utf-8")
    code = (
        script
        + """
    const map = { texts: ["a", "b", "c"], points: [[0, 10, 20], [0, 10, 0]], kind: "categories", label: "l",
      names: ["x", "y"], colors: ["#111111", "#222222"], codes: [0, 1, 0], grey: "#999999" };
    const view = whole(map, 248, 148), all = () => true;
    const there = [0, 1, 2].map((i) => placed(map, view, i));
    const near = zoomed(view, 3, ...there[1]);
    console.log(JSON.stringify([
      colorAt(["#000000", "#ffffff", "#000000"], 0.25), colorAt(["#000000", "#ff0000"], 1), colorsOf(map), there,
      nearest(map, view, all, there[1][0] + 3, there[1][1], 14), nearest(map, view, (i) => i !== 1, ...there[1], 14),
      placed(map, near, 1), placed(map, near, 0)[0] - there[1][0], named(map, 1),
      colorsOf({ kind: "numbers", places: [null, 0], scale: ["#000000", "#ff0000"], grey: "#999999" }),
    ]));"""
    )
    found = json.loads(subprocess.run([NODE, "-e", code], check=True, capture_output=True, text=True).stdout)
    assert found[:2] == ["rgb(128,128,128)", "rgb(255,0,0)"]
    assert found[2] == ["#111111", "#222222", "#111111"]
    (left, low), (middle, high), (right, _) = found[3]
    assert (left, right, middle) == (24, 224, 124)  # the margin to both sides
    assert low - high == 100  # y grows upwards, by the same unit
    assert found[4:6] == [1, -1]
    assert found[6] == pytest.approx([middle, high])
    assert found[7] == pytest.approx(-300)
    assert found[8:] == ["l: y", ["#999999", "rgb(0,0,0)"]]


def test_the_table_holds_texts_points_labels_and_z(vae, tmp_path):
    found = vae.map(MIXED, label="lang")
    [path] = found.save(tmp_path / "map.parquet", with_z=True)
    table = parquet.read_table(path).to_pydict()
    assert list(table) == ["text", "x", "y", "z", "lang"]
    assert (table["text"], table["lang"]) == (found.texts, found.values)
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), found.points)
    np.testing.assert_array_equal(np.array(table["z"], np.float32), found.z)
    named = vae.map([{"text": row["text"], "x": row["lang"]} for row in MIXED], label="x")
    [path] = named.save(tmp_path / "named.parquet")
    assert parquet.read_schema(path).names == ["text", "x", "y", "label_x"]


def test_pictures_are_drawn(vae, tmp_path):
    rows = [{**row, "year": float(i) if i else None, "$odd_": "_a$b"} for i, row in enumerate(MIXED)]
    for label in ("year", "$odd_"):
        [path] = vae.map(rows, label=label).save(tmp_path / "map.png")
        assert path.read_bytes().startswith(b"\x89PNG")


def test_letters_that_no_font_has_are_numbered(vae, tmp_path, monkeypatch):
    own = {fonts.OWN: fonts._files()[fonts.OWN]}
    monkeypatch.setattr(fonts, "_files", lambda: own)
    found = vae.map(MIXED, label="lang")
    assert set(unreadable(found.coloring, found.label)) == {"英", "中文"}
    found.save(tmp_path / "map.png")  # a missing letter would warn, and warnings are errors here
    assert unreadable(vae.map(ENGLISH).coloring, None) == []


def test_targets_are_files_by_their_ending_or_folders(tmp_path, monkeypatch):
    assert targets_of("a/b.HTML")[0].name == "b.HTML"
    assert [path.name for path in targets_of(tmp_path / "maps")] == ["map.png", "map.html", "map.parquet"]
    (tmp_path / "v1.2").mkdir()
    assert len(targets_of(tmp_path / "v1.2")) == 3
    with pytest.raises(
        ConfigError, match=r"cannot be written as \.pdf; name a folder or \.png, \.html, \.parquet"
    ):
        targets_of("map.pdf")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match="pyarrow"):
        targets_of(tmp_path)
    assert targets_of("map.png")


def test_z_goes_into_tables_alone(vae, tmp_path):
    with pytest.raises(ConfigError, match=r"z is written into \.parquet alone"):
        vae.map(ENGLISH[:5]).save(tmp_path / "map.png", with_z=True)


# The command line


def test_on_the_command_line(run, tmp_path):
    lines = ["lang\ttext", *(f"{row['lang']}\t{row['text']}" for row in MIXED)]
    (tmp_path / "data.tsv").write_text("\n".join(lines), encoding="utf-8")
    command = ("map", run, tmp_path / "data.tsv", "--text", "text", "--label", "lang")
    result = done(*command, "-o", tmp_path / "maps", "--limit", 50, "--seed", 1)
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"map.png", "map.html", "map.parquet"}
    assert "50 texts by the two principal axes" in result.stdout
    assert "50 of 60 texts, drawn at random" in result.stderr
    record = json.loads(done(*command, "-o", tmp_path / "one.parquet", "--with-z", "--json").stdout)
    assert record["files"] == [str(tmp_path / "one.parquet")]
    assert (record["texts"], len(record["shares"])) == (60, 2)
    assert "z" in parquet.read_schema(tmp_path / "one.parquet").names
    assert "no column 'mood'" in failed(*command[:-1], "mood", "-o", tmp_path / "x.png")
    assert "cannot be written as .gif" in failed(*command, "-o", tmp_path / "x.gif")


def test_a_column_may_be_called_as_a_label_of_the_model():
    codec = conditional(source=False)
    codec.schema = dataclasses.replace(codec.schema, columns=Columns(labels="who,length:numeric"))
    rows = [dict(row, mood=f"m{number % 2}") for number, row in enumerate(ROWS)]
    vae = TextVAE(codec)
    assert vae.map(rows, label="who=mood").values[:3] == ["m0", "m1", "m0"]
    assert vae.map(rows, label="who").values[:2] == [row["who"] for row in ROWS[:2]]
    assert vae.map(rows, label="length").values[0] == ROWS[0]["length"]
