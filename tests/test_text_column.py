"""A run reads the column that its training texts stood in, without being told again."""

import json

import pandas as pd
import pytest
import yaml
from conditioned import ROWS
from test_cli import done
from test_conditions_cli import SMALL, write_table
from tiny import ENGLISH

from textvae import TextVAE
from textvae.data.sources import open_corpus
from textvae.errors import MissingColumnError

TITLED = [{"title": f"number {row}", "remark": text} for row, text in enumerate(ENGLISH)]
"""`title` is a usual name of a text column, `remark` is not."""
TURNED = [{"title": row["rest"], "remark": row["text"]} for row in ROWS[:40]]


class TestExpected:
    def test_it_is_read_where_nothing_is_wanted_and_said(self, tmp_path):
        corpus = open_corpus(write_table(tmp_path / "a.csv", TITLED), expected="remark")
        assert list(corpus) == ENGLISH
        assert corpus.notes == ("a.csv: the text is read from its column 'remark'",)

    def test_what_is_wanted_comes_before_it_and_needs_no_note(self, tmp_path):
        corpus = open_corpus(write_table(tmp_path / "a.csv", TITLED), text="title", expected="remark")
        assert next(iter(corpus)) == "number 0"
        assert corpus.notes == ()

    def test_where_it_is_not_the_usual_names_are_looked_for(self, tmp_path):
        path = write_table(tmp_path / "a.csv", [{"n": 1, "text": "here"}])
        assert list(open_corpus(path, expected="remark")) == ["here"]

    def test_it_tells_a_header_from_a_row(self, tmp_path):
        (tmp_path / "a.tsv").write_text("wert\tsatz\ngut\tbon\n")
        assert list(open_corpus(tmp_path / "a.tsv", expected="wert")) == ["gut"]
        assert list(open_corpus(tmp_path / "a.tsv")) == ["satz", "bon"]

    def test_a_number_says_nothing_of_a_table_with_names(self, tmp_path):
        path = write_table(tmp_path / "a.csv", [{"id": 1, "text": "here"}])
        assert list(open_corpus(path, expected=0)) == ["here"]

    def test_a_number_counts_where_there_is_no_header(self, tmp_path):
        (tmp_path / "a.csv").write_text("a dog sees it,7 years ago\na cat sees it,never\n")
        assert next(iter(open_corpus(tmp_path / "a.csv", expected="0"))) == "a dog sees it"
        with pytest.raises(MissingColumnError, match="choose the text with --text 0 to 1"):
            open_corpus(tmp_path / "a.csv", expected="2")

    def test_json_parquet_and_frames(self, tmp_path):
        frame = pd.DataFrame(TITLED)
        frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
        frame.to_parquet(tmp_path / "a.parquet")
        for data in (tmp_path / "a.jsonl", tmp_path / "a.parquet", frame, TITLED):
            assert list(open_corpus(data, expected="remark")) == ENGLISH

    def test_plain_texts_have_no_columns_and_need_no_note(self, tmp_path):
        (tmp_path / "a.txt").write_text("one\ntwo\n")
        corpus = open_corpus(tmp_path / "a.txt", expected="remark")
        assert (list(corpus), corpus.notes) == (["one", "two"], ())
        assert list(open_corpus(["one", "two"], expected="remark")) == ["one", "two"]


def test_many_notes_are_cut_short(tmp_path):
    for number in range(9):
        write_table(tmp_path / f"{number}.csv", TITLED[:2])
    corpus = open_corpus(tmp_path, expected="remark")
    assert len(corpus.notes) == 4
    assert corpus.notes[-1] == "and 6 more notes on other files"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table, and a run trained on its second column."""
    folder = tmp_path_factory.mktemp("column")
    write_table(folder / "titled.csv", TITLED)
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL))
    options = ["--config", folder / "small.yaml", "--seed", 1, "--quiet", "--cache-dir", folder / "cache"]
    done("train", folder / "titled.csv", "--text", "remark", "-o", folder / "run", *options)
    return folder


def told(*arguments):
    return json.loads(done(*arguments, "--json").stdout)


def test_its_own_data_are_known_again(place):
    result = done("evaluate", place / "run", place / "titled.csv", "--k", 2, "--samples", 0, "--no-cache")
    assert "only the texts it held out are used" in result.stderr


@pytest.mark.parametrize("verb", ["reconstruct", "edit"])
def test_files_of_texts(place, verb):
    wanted = ["--like", place / "titled.csv"] if verb == "edit" else []
    rows = told(verb, place / "run", "--input", place / "titled.csv", *wanted)["texts"]
    assert [row["text"] for row in rows] == ENGLISH


def test_neighbours_and_a_column_of_ones_own(place):
    asked = ["neighbors", place / "run", ENGLISH[3], "--corpus", place / "titled.csv"]
    assert told(*asked)["neighbors"][0]["text"] == ENGLISH[3]
    assert told(*asked, "--text", "title")["neighbors"][0]["text"].startswith("number ")


def test_attributes_and_latents(place):
    rows = [
        row | {"mood": "good" if "likes" in row["remark"] or "paints" in row["remark"] else "bad"}
        for row in TITLED
    ]
    write_table(place / "moods.csv", rows)
    [note] = [
        line
        for line in done(
            "attribute", "fit", place / "run", place / "moods.csv", "--name", "mood"
        ).stderr.splitlines()
        if "column" in line
    ]
    assert note == "note: moods.csv: the text is read from its column 'remark'"
    found = done("encode", place / "run", place / "moods.csv", "-o", place / "z.npy")
    assert "column 'remark'" in found.stderr


def test_in_python_and_after_saving(place, tmp_path):
    vae = TextVAE.from_pretrained(place / "run")
    vae.save(tmp_path / "saved")
    for one in (vae, TextVAE.from_pretrained(tmp_path / "saved")):
        [[nearest]] = one.neighbors([ENGLISH[5]], place / "titled.csv", k=1)
        assert nearest.text == ENGLISH[5]
        given, named = one.diagnose(ENGLISH), one.diagnose(place / "titled.csv")
        assert named.vitals.distortion == given.vitals.distortion


READ = "note: titled.csv: the text is read from its column 'remark'"


def test_every_verb_that_reads_texts_says_which_column(place, tmp_path):
    run, data = place / "run", place / "titled.csv"
    for arguments in (
        ("sample", run, "-n", 1, "--like", data),
        ("search", run, "--reward", "length:3", "--budget", 4, "--within", data),
        ("prior", "fit", run, data, "--kind", "mixture"),
        ("map", run, data, "-o", tmp_path / "map.png"),
        ("traverse", run, ENGLISH[0], "--axis", 0, "--data", data, "--steps", 2),
        ("person", "fit", run, data, "--name", "me"),
        ("judge", "make", run, "--data", data, "-o", tmp_path / "sheets", "--items", 2, "--repeats", 0),
    ):
        assert READ in done(*arguments).stderr, arguments


def test_the_column_found_in_training_is_kept_by_name(place, tmp_path):
    vae = TextVAE.train(
        [{"id": str(n), "sentence": text} for n, text in enumerate(ENGLISH)], tmp_path / "run", settings=SMALL
    )
    assert vae.text_column == "sentence"
    both = [{"text": "not this", "sentence": text} for text in ENGLISH[:3]]
    [[nearest]] = vae.neighbors([ENGLISH[0]], both, k=1)
    assert nearest.text == ENGLISH[0]


def test_judges_see_the_answers_to_sources_that_were_held_out(place, tmp_path):
    write_table(tmp_path / "turned.csv", TURNED)
    options = ["--config", place / "small.yaml", "--seed", 1, "--quiet", "--source", "remark"]
    done("train", tmp_path / "turned.csv", "-o", tmp_path / "run", *options)
    made = (
        "judge",
        "make",
        tmp_path / "run",
        "--data",
        tmp_path / "turned.csv",
        "--items",
        2,
        "--repeats",
        0,
    )
    said = done(*made, "-o", tmp_path / "sheets").stderr
    assert "only the texts it held out are used" in said
    [sheet] = (tmp_path / "sheets" / "raters").glob("*.csv")
    assert sum(row["remark"] in sheet.read_text("utf-8") for row in TURNED) == 2


def test_sources_are_read_from_their_column(place, tmp_path):
    write_table(tmp_path / "turned.csv", TURNED)
    options = ["--config", place / "small.yaml", "--seed", 1, "--quiet", "--source", "remark"]
    done("train", tmp_path / "turned.csv", "-o", tmp_path / "run", *options)
    found = told("generate", tmp_path / "run", "--input", tmp_path / "turned.csv", "-n", 1)
    assert [row["source"] for row in found["sources"]] == [row["remark"] for row in TURNED]


def test_of_a_folder_of_splits_the_held_out_file_is_measured(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, texts in {"train": ENGLISH[:120], "valid": ENGLISH[120:150], "test": ENGLISH[150:180]}.items():
        (folder / f"{name}.txt").write_text("\n".join(texts) + "\n")
    run = tmp_path / "run"
    small = ["--set", "model.decoder_dim=8", "--set", "model.encoder_dim=8", "--set", "model.embed_dim=8"]
    done("train", folder, "-o", run, "--epochs", 1, "--tokenizer", "word", *small, "--seed", 1)
    found = done("evaluate", run, folder, "--k", 1, "--samples", 2, "--pairs", 2)
    assert "30 texts" in found.stdout
    assert "only the texts it held out are used" in found.stderr
