"""Tables of whole trainings: rows, results, the page."""

import json

import pytest
import yaml
from benchmarks.tables import document, measure, row
from tiny import ENGLISH, SETTINGS


def test_every_row_of_a_table_can_be_read_and_says_what_it_is():
    rows = [row.read_row(path) for path in row.row_files()]
    assert {one.table for one in rows} >= {
        "ptb",
        "flickr30k",
        "ptb-decoders",
        "ptb-toy",
        "defaults",
        "editing",
    }
    assert len({one.digest for one in rows}) == len(rows)
    assert len({(one.table, one.title) for one in rows}) == len(rows)
    for one in rows:
        assert one.config.model.has_latent is not one.without_latent
        assert (row.HERE / one.table / "common.yaml").exists()


def test_rows_of_a_table_differ_in_nothing_that_is_not_said():
    rows = [row.read_row(path) for path in row.row_files("ptb")]
    assert len({(one.corpus, one.measuring, str(one.config.training)) for one in rows}) == 1
    assert len({str(one.config.model) for one in rows if not one.without_latent}) == 1


def test_a_key_that_no_row_has_is_refused(tmp_path):
    (tmp_path / "common.yaml").write_text("heading: x\ncorpus: {train: a, valid: b, test: c}\n")
    (tmp_path / "row.yaml").write_text("title: y\nsetings: {}\n")
    with pytest.raises(ValueError, match="setings"):
        row.read_row(tmp_path / "row.yaml")


@pytest.mark.slow
def test_a_row_is_trained_measured_and_shown(tmp_path, monkeypatch):
    corpora, here = tmp_path / "corpora", tmp_path / "tables"
    (here / "toy").mkdir(parents=True)
    corpora.mkdir()
    for name, texts in (("train", ENGLISH[10:]), ("valid", ENGLISH[:5]), ("test", ENGLISH[5:10])):
        (corpora / f"{name}.txt").write_text("\n".join(texts))
    common = {
        "heading": "Toy",
        "note": "A note.",
        "corpus": {name: f"{name}.txt" for name in ("train", "valid", "test")},
        "settings": SETTINGS | {"training": SETTINGS["training"] | {"epochs": 1}},
        "measuring": {"num_samples": 2, "limit": 4, "num_prior": 3},
    }
    (here / "toy" / "common.yaml").write_text(yaml.safe_dump(common))
    (here / "toy" / "one.yaml").write_text("title: the one\n")
    (here / "toy" / "two.yaml").write_text("title: the other\nwithout_latent: true\n")
    for module, values in (
        (measure, {"CORPORA": corpora, "RUNS": tmp_path / "runs", "RESULTS": tmp_path / "results"}),
        (row, {"HERE": here}),
        (document, {"HERE": here}),
    ):
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    monkeypatch.setenv("TEXTVAE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "results").mkdir()
    one = row.read_row(here / "toy" / "one.yaml")
    result = json.loads(measure.run_row(one).read_text())
    assert result["settings"]["N"] == 4
    assert result["training"]["epochs"] == 1
    assert result["measures"]["neg_elbo"] > 0
    shown = document.section("toy")
    assert "| the one | " in shown
    assert "Not measured yet: `toy/two`." in shown
    record = (tmp_path / "runs" / "toy" / "one" / "metrics.jsonl").read_bytes()
    measure.run_row(one)  # goes on with what is there: nothing is trained again
    assert (tmp_path / "runs" / "toy" / "one" / "metrics.jsonl").read_bytes() == record
