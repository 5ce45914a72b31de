"""Conditional models on the command line: every verb, and what is refused in words."""

import csv
import json
import shlex

import numpy as np
import pytest
import yaml
from conditioned import ENGLISH, REST, ROWS, VECTORS, conditional
from test_cli import done, failed, textvae

from textvae.codec import codec_files
from textvae.storage.atomic import write_folder

SMALL = {
    "model": {"embed_dim": 12, "encoder_dim": 10, "decoder_dim": 14, "latent_dim": 4, "source_dim": 6, "num_heads": 2},
    "objective": {"target_rate": 3.0},
    "training": {"epochs": 1, "batch_tokens": 400, "samples": 1, "threads": 1},
}  # fmt: skip


def write_table(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table, settings, and a run trained on both."""
    folder = tmp_path_factory.mktemp("cli")
    write_table(folder / "facts.csv", ROWS)
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL))
    options = ["--config", folder / "small.yaml", "--seed", 1, "--quiet"]
    done("train", folder / "facts.csv", "-o", folder / "run", *options, "--source", "rest", "--label", "who", "--label", "length:numeric", "--task", "data-to-text")  # fmt: skip
    done("train", folder / "facts.csv", "-o", folder / "plain", *options, "--text", "text")
    return folder


@pytest.fixture(scope="module")
def run(place):
    return place / "run"


@pytest.fixture(scope="module")
def data(place):
    return write_table(place / "some.csv", ROWS[:60:2])


def told(*arguments, stdin=None):
    return json.loads(done(*arguments, "--json", stdin=stdin).stdout)


def test_training_keeps_what_it_was_told(run):
    settings = yaml.safe_load((run / "config.yaml").read_text())
    assert settings["data"]["labels"] == "who,length:numeric"
    assert settings["model"]["copy"]  # of the recipe
    assert settings["model"]["latent_dim"] == 4  # a file comes after it
    assert "who (a dog, no one" in (said := " ".join(done("info", run).stdout.split()))
    assert "condition buys" in said


def test_what_training_says_to_try_can_be_run(run, place):
    said = done("train", place / "facts.csv", "-o", run, "--resume", "--quiet").stdout
    commands = [shlex.split(line)[1:] for line in said.splitlines() if line.startswith("  textvae ")]
    assert [command[0] for command in commands] == ["generate", "sample", "info"]
    for command in commands:
        assert {"--source", "who=a dog"} <= set(command) or command[0] == "info"
        done(*command)


def test_generate(run, place):
    given = ["--source", "a red house.", "--label", "who=a dog", "--seed", 2]
    found = told("generate", run, *given, "-n", 3, "--temperature", 1)
    (row,) = found["sources"]
    assert len(row["answers"]) == len({answer["text"] for answer in row["answers"]}) == 3
    lines = done("generate", run, *given, "-n", 3, "--temperature", 1, "--rerank").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [
        f"{score:.3f}" for score in sorted((answer["score"] for answer in row["answers"]), reverse=True)
    ]
    guided = told("generate", run, *given, "-n", 3, "--temperature", 1, "--guidance", 3)
    assert guided["sources"] != found["sources"]
    (place / "sources.txt").write_text("\n".join(REST[:3]))
    several = told("generate", run, "--input", place / "sources.txt", "--label", "who=a dog", "-n", 1)
    assert [row["source"] for row in several["sources"]] == REST[:3]


def test_generated_answers_can_be_measured_beside_references_line_by_line(run, tmp_path):
    (tmp_path / "s.txt").write_text(f"{REST[0]}\n\n{REST[1]}\n")
    (tmp_path / "r.txt").write_text(f"{ENGLISH[0]}\nan answer to nothing .\n{ENGLISH[1]}\n")
    options = ["--label", "who=a dog", "-n", 3, "--seed", 1, "--temperature", 1, "--json"]
    result = done("generate", run, "--input", tmp_path / "s.txt", *options)
    assert "1 of 3 rows of s.txt have no text and get no answers" in " ".join(result.stderr.split())
    rows = json.loads(result.stdout)["sources"]
    assert [row["source"] for row in rows] == [REST[0], "", REST[1]]
    assert [bool(row["answers"]) for row in rows] == [True, False, True]
    (tmp_path / "a.json").write_text(result.stdout)
    found = told("measure", tmp_path / "a.json", "--references", tmp_path / "r.txt")
    assert (found["settings"]["N"], found["settings"]["M"]) == (3, 3)
    assert "empty answers, counted as they are: 1" in found["notes"]
    (tmp_path / "whole.txt").write_text(f"{REST[0]}\n{REST[1]}\n")
    whole = told("generate", run, "--input", tmp_path / "whole.txt", *options[:-1])["sources"]
    assert [row["answers"] for row in whole] == [rows[0]["answers"], rows[2]["answers"]]


def test_long_sources_are_cut_and_counted(run):
    result = done("generate", run, "--source", "the last train. " * 9, "-n", 1)
    assert "1 source text is longer than" in result.stderr


def test_chat(run):
    said = done("chat", run, "--label", "who=a dog", "-n", 2, "--seed", 1, stdin="a red house.\n/more\n/new\nthe sea.\n\nnot heard\n")  # fmt: skip
    assert len(said.stdout.splitlines()) >= 3
    turns = told("chat", run, "--seed", 1, stdin="a red house.\nthe sea.\n")["turns"]
    assert [turn["heard"] for turn in turns] == ["a red house.", "the sea."]
    assert "what you say is the source" in failed("chat", run, "--source", "x")
    mistaken = done("chat", run, "--seed", 1, "--json", stdin="/help me\n/ 2 .\n")
    assert "there is no /help; /new forgets what was said, /more shows" in " ".join(mistaken.stderr.split())
    assert [turn["heard"] for turn in json.loads(mistaken.stdout)["turns"]] == ["/ 2 ."]


def test_sample_reconstruct_encode_and_decode(run, data, tmp_path):
    given = ["--source", REST[0], "--label", "who=a dog"]
    assert len(told("sample", run, "-n", 3, *given)["texts"]) == 3
    assert len(told("sample", run, "-n", 3)["texts"]) == 3
    assert (
        len(done("interpolate", run, ENGLISH[0], ENGLISH[1], "--steps", 3, *given).stdout.splitlines()) == 3
    )
    own, one = tmp_path / "own.npy", tmp_path / "one.npy"
    done("encode", run, data, "-o", own)
    done("encode", run, data, "-o", one, *given)
    assert np.load(own).shape == np.load(one).shape == (30, 4)
    assert np.abs(np.load(own) - np.load(one)).max() > 0
    assert len(told("decode", run, own, *given)["texts"]) == 30
    found = told("reconstruct", run, "--input", data)
    assert [pair["text"] for pair in found["texts"]] == [row["text"] for row in ROWS[:60:2]]
    done("reconstruct", run, ENGLISH[0], *given)


def test_the_batch_size_changes_no_answer(run):
    given = ["--source", REST[0], "-n", 4, "--seed", 1, "--temperature", 1]
    found = [
        told("generate", run, *given, "--batch-size", size)["sources"][0]["answers"] for size in (1, 128)
    ]
    assert [one["text"] for one in found[0]] == [one["text"] for one in found[1]]


def test_evaluate_compare_and_doctor(run, place, data):
    measured = ["--k", 2, "--samples", 8, "--quiet"]
    own = told("evaluate", run, data, *measured)
    assert np.isfinite(own["measures"]["neg_elbo"])
    other = [row | {"rest": REST[(number * 7) % 180]} for number, row in enumerate(ROWS[:60:2])]
    shuffled = told("evaluate", run, write_table(place / "other.csv", other), *measured)
    assert shuffled["measures"]["distortion"] != own["measures"]["distortion"]
    held_out = textvae("evaluate", run, place / "facts.csv", "--k", 2, "--samples", 8)
    assert "only the texts it held out are used" in held_out.stderr
    assert done("compare", run, place / "plain", "--data", data, "--text", "text", *measured).stdout
    found = textvae("doctor", run, place / "facts.csv", "--k", 2)
    assert "condition buys" in found.stdout
    remedies = told_by_doctor(run, place)
    assert np.isfinite(remedies["condition_gain"])


def told_by_doctor(run, place):
    result = textvae("doctor", run, place / "facts.csv", "--k", 2, "--json", "--quiet")
    return json.loads(result.stdout)["vitals"]


def test_a_prior_fitted_to_a_conditional_run(run, place, tmp_path):
    assert "one fitted for all would not" in failed("prior", "fit", run, place / "facts.csv")
    options = ["--config", place / "small.yaml", "--quiet", "--source", "rest", "--set", "training.epochs=1"]
    done("train", place / "facts.csv", "-o", tmp_path / "run", *options)  # of no task: p(z)
    done("prior", "fit", tmp_path / "run", place / "facts.csv", "--kind", "mixture")
    assert done("sample", tmp_path / "run", "-n", 1, "--source", REST[0]).stdout


def test_what_is_refused(run, place, tmp_path):
    for arguments, message in (
        (("generate", run, "--label", "who=nobody", "--source", "x"), r"who is 'nobody', a label not seen in training; known: a dog"),
        (("generate", run, "--label", "mood=x"), "takes no condition 'mood'; it takes who"),
        (("generate", run, "--label", "who"), "write NAME=VALUE"),
        (("generate", run, "--label", "who=a dog", "--label", "who=the cat"), "--label who is given twice"),
        (("generate", run), "a condition is needed to answer to"),
        (("generate", run), "give --source TEXT, --label NAME=VALUE or --feature FILE"),
        (("generate", run, "--source", " "), "--source is empty"),
        (("generate", place / "plain", "--source", "x"), "this model takes no conditions, got source; train one with --source"),
        (("sample", place / "plain", "--label", "who=x"), "this model takes no conditions, got who"),
        (("chat", place / "plain"), "answers to no text"),
        (("sample", run, "--feature", tmp_path / "none.npy"), "cannot be read"),
        (("export", run, "-o", tmp_path / "export"), "a conditional model cannot be exported"),
        (("encode", run, write_table(tmp_path / "a.csv", [{"text": "a", "who": "a dog"}]), "-o", tmp_path / "z.npy"), "no column"),
        (("evaluate", run, write_table(tmp_path / "b.csv", [r | {"who": "me"} for r in ROWS[:9]])), "who is 'me'"),
    ):  # fmt: skip
        assert message in " ".join(failed(*arguments).split()), arguments


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--source", "nothing"], "'nothing'"),
        (["--label", "who:sorted"], "'sorted'"),
        (["--label", "text:numeric"], "no number"),
        (["--label", "empty"], "the label column 'empty' is empty"),
        (["--source", "empty"], "no row of facts.csv"),
        (["--feature", "who"], "no rows of numbers"),
        (["--feature", "f.npy"], "f.npy has 3 rows, facts.csv (train) 180"),
        (["--task", "caption"], "the task caption needs --feature"),
        (["--task", "summmary"], "summary"),
        (["--set", "model.prior=conditional"], "answer to nothing"),
    ],
)
def test_training_that_is_refused(place, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "facts.csv", [row | {"empty": ""} for row in ROWS])
    np.save("f.npy", np.zeros((3, 2)))
    found = failed(
        "train", "facts.csv", "-o", "run", "--config", place / "small.yaml", "--text", "text", *options
    )
    assert message in " ".join(found.split())


@pytest.mark.slow
def test_features_on_the_command_line(place, tmp_path):
    np.save(tmp_path / "f.npy", VECTORS)
    for name, row in (("row", VECTORS[2]), ("rows", VECTORS[2:3]), ("wide", VECTORS[2, :2])):
        np.save(tmp_path / f"{name}.npy", row)
    done("train", place / "facts.csv", "-o", tmp_path / "run", "--config", place / "small.yaml", "--text", "text", "--feature", tmp_path / "f.npy", "--task", "caption", "--quiet")  # fmt: skip
    asked = ["generate", tmp_path / "run", "--seed", 1, "-n", 2]
    assert told(*asked, "--feature", tmp_path / "row.npy") == told(*asked, "--feature", tmp_path / "rows.npy")
    assert "features have shape (2,) a row" in " ".join(
        failed(*asked, "--feature", tmp_path / "wide.npy").split()
    )
    evaluated = textvae(
        "evaluate", tmp_path / "run", place / "facts.csv", "--text", "text", "--k", 2, "--samples", 4
    )
    assert evaluated.exit_code == 0, evaluated.stderr


def test_input_is_of_sources(tmp_path):
    folder = tmp_path / "labels"
    write_folder(folder, codec_files(conditional(source=False)), metadata={})
    said = failed("generate", folder, "--input", write_table(tmp_path / "a.csv", ROWS[:3]))
    assert "--input gives source texts, and this model has none: it takes who (" in " ".join(said.split())


def test_one_row_of_features_is_answered_to(tmp_path):
    folder = tmp_path / "captions"
    codec = conditional(labels=False, source=False, features=VECTORS)
    write_folder(folder, codec_files(codec), metadata={})
    np.save(tmp_path / "five.npy", VECTORS[:5])
    np.save(tmp_path / "one.npy", VECTORS[:1])
    assert "5 values of feature for 1 texts" in failed("generate", folder, "--feature", tmp_path / "five.npy")
    assert done("generate", folder, "--feature", tmp_path / "one.npy", "-n", 2, "--seed", 1).stdout
    (tmp_path / "words.npy").write_text("no array")
    assert "a pickle is never loaded" in " ".join(
        failed("generate", folder, "--feature", tmp_path / "words.npy").split()
    )
