"""`textvae measure`: answers in files, what stands beside them, and what is refused."""

import json
import re

import pytest
from answered import ANSWERS, LABELLED, LABELS, REFERENCES, SOURCES
from test_cli import done, failed
from untrained import untrained

from textvae import TextVAE
from textvae.evaluation.tasks.report import evaluate_answers


def written(path, rows):
    lines = rows if path.suffix == ".txt" else [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def objects(tmp_path):
    rows = zip(ANSWERS, REFERENCES, SOURCES, strict=True)
    keys = ("answers", "references", "source")
    return written(tmp_path / "a.jsonl", [dict(zip(keys, row, strict=True)) for row in rows])


def test_a_file_of_objects_says_all_itself(objects, tmp_path):
    found = json.loads(done("measure", objects, "--json", "-q").stdout)
    expected = evaluate_answers(ANSWERS, REFERENCES, sources=SOURCES)
    assert found["measures"] == expected.to_json()["measures"]
    assert found["intervals"] == expected.to_json()["intervals"]
    page = tmp_path / "page.html"
    shown = done("measure", objects, "--html", page, "--definitions")
    assert "4 sources, 2 answers each, 2 references each at most, seed 0" in shown.stdout
    assert "signature=nrefs:var" in re.sub(r"\s+", "", shown.stdout)
    assert "several answers" in shown.stderr
    assert SOURCES[0] in page.read_text(encoding="utf-8")


def test_the_same_in_several_files(objects, tmp_path):
    """Plain text, lists, and references in two files of one each."""
    answers = written(tmp_path / "answers.jsonl", ANSWERS)
    sources = written(tmp_path / "sources.txt", SOURCES)
    names = [written(tmp_path / f"r{i}.txt", [row[0] for row in REFERENCES]) for i in range(2)]
    options = [option for name in names for option in ("--references", name)]
    found = json.loads(done("measure", answers, *options, "--sources", sources, "--json").stdout)
    twice = [[row[0], row[0]] for row in REFERENCES]
    assert found["measures"] == evaluate_answers(ANSWERS, twice, sources=SOURCES).measures


def test_one_answer_a_line_on_standard_input_with_empty_ones(tmp_path):
    references = written(tmp_path / "r.txt", ["the cat", "a dog", "a bird"])
    shown = done("measure", "-", "--references", references, "--json", stdin="the cat\r\n\na bird\n")
    assert json.loads(shown.stdout)["measures"]["rouge_1"] == pytest.approx(2 / 3)
    assert json.loads(shown.stdout)["notes"] == ["empty answers, counted as they are: 1"]


def test_labels_of_training_data_and_lengths_of_sources(tmp_path):
    rows = [{"text": text, "kind": label} for text, label in zip(LABELLED, LABELS, strict=True)]
    training = written(tmp_path / "train.jsonl", rows)
    answers = written(tmp_path / "a.txt", ["good food !", "rude staff !"])
    labels = written(tmp_path / "labels.txt", ["good", "bad"])
    sources = written(tmp_path / "s.txt", ["x y z", "x y"])
    options = ("--labels", labels, "--training", training, "--text", "text", "--label", "kind")
    found = json.loads(
        done("measure", answers, *options, "--sources", sources, "--as-long-as-source", "--json").stdout
    )
    assert found["measures"]["label_accuracy"] == 1
    assert "2 sources, 1 answer each, seed 0" in done("measure", answers).stdout
    silent = done("measure", answers, "--labels", labels, "--training", training, "--text", "text")
    assert "label accuracy" not in silent.stdout
    assert "is left out: it needs labelled texts, --training DATA with --label COLUMN" in " ".join(silent.stderr.split())  # fmt: skip
    assert found["measures"]["length_exact"] == 0.5
    assert found["measures"]["answer_copy_rate"] == 1


def test_labels_of_training_texts_stay_with_their_texts(tmp_path):
    rows = [{"text": text, "kind": label} for text, label in zip(LABELLED, LABELS, strict=True)]
    rows[1:1] = [{"text": "", "kind": "bad"}, {"text": "gamma", "kind": ""}]
    training = written(tmp_path / "train.jsonl", rows)
    answers = written(tmp_path / "a.txt", ["good food !", "rude staff !"])
    labels = written(tmp_path / "labels.txt", ["good", "bad"])
    options = ("--labels", labels, "--training", training, "--text", "text", "--label", "kind")
    shown = done("measure", answers, *options, "--json")
    found = json.loads(shown.stdout)["measures"]
    assert (found["label_accuracy"], found["label_accuracy_judge"]) == (1, 1)
    assert "1 training texts have no label" in shown.stderr


def test_a_judge_is_a_language_model_in_a_folder(objects, tmp_path):
    judge = untrained(encoder="none", injection="none", max_length=60)
    TextVAE(judge).save(tmp_path / "lm")
    found = json.loads(done("measure", objects, "--judge", tmp_path / "lm", "--json").stdout)
    expected = evaluate_answers(ANSWERS, REFERENCES, sources=SOURCES, judge=judge).measures
    assert found["measures"]["answer_ppl"] == pytest.approx(expected["answer_ppl"])
    assert "naturalness" in found["measures"]
    TextVAE(untrained()).save(tmp_path / "vae")
    assert "a language model is needed" in failed("measure", objects, "--judge", tmp_path / "vae")


def test_several_files_are_compared(objects, tmp_path):
    rows = [json.loads(line) for line in objects.read_text().splitlines()]
    other = written(tmp_path / "b.jsonl", [{**row, "answers": row["references"][:1] * 2} for row in rows])
    shown = done("measure", objects, other).stdout
    assert re.search(r"ROUGE-L +0\.\d+ +1\.00 +\+0\.\d+ .* (B|~)\n", shown)
    assert all(len(line) <= 80 for line in shown.splitlines())
    found = json.loads(done("measure", objects, other, "--json", "--html", tmp_path / "p.html").stdout)
    assert found["measures"]["rouge_l"]["best"] == "B"
    assert "ROUGE-L" in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_what_cannot_be_measured_is_said_in_a_line(objects, tmp_path):
    three = written(tmp_path / "three.txt", ["a", "b", "c"])
    assert "answers to 4 sources, but references for 3" in failed("measure", objects, "--references", three)
    assert "files of [3, 4] references" in failed(
        "measure", objects, "--references", three, "--references", written(tmp_path / "f.txt", "abcd")
    )
    empty = written(tmp_path / "empty.txt", ["a", "b", "", "d"])
    assert "a reference of source 3 is empty" in failed("measure", objects, "--references", empty)
    nothing = written(tmp_path / "nothing.jsonl", [])
    assert "no answers" in failed("measure", nothing)
    bare = written(tmp_path / "bare.jsonl", [{"source": "x"}])
    assert "no answers" in failed("measure", bare)
    some = written(tmp_path / "some.jsonl", [{"answers": "x", "source": "y"}, {"answers": ["x", 3]}])
    assert "some.jsonl line 2, 'answers': 3 is no text" in failed("measure", some)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('"a"\n{\n')
    assert "broken.jsonl line 2 is not JSON" in failed("measure", broken)
    length = written(tmp_path / "length.jsonl", [{"answers": "x", "length": "long"}])
    assert '"long" is no length' in failed("measure", length)
    assert "no file at" in failed("measure", tmp_path / "absent.jsonl")
    assert "needs sources" in failed("measure", three, "--as-long-as-source", code=2)


def generated(rows):
    """What `generate --json` writes, on several lines."""
    entries = [
        {"source": one, "answers": [{"text": text, "score": -1.5} for text in texts]} for one, texts in rows
    ]
    return json.dumps({"seed": 3, "sources": entries}, indent=2)


def test_what_generate_wrote_is_read_as_it_is(objects, tmp_path):
    (tmp_path / "g.json").write_text(generated(zip(SOURCES, ANSWERS, strict=True)))
    references = written(tmp_path / "r.jsonl", REFERENCES)
    found = json.loads(done("measure", tmp_path / "g.json", "--references", references, "--json").stdout)
    assert found["measures"] == json.loads(done("measure", objects, "--json").stdout)["measures"]
    piped = done(
        "measure",
        "-",
        "--references",
        references,
        "--json",
        stdin=generated(zip(SOURCES, ANSWERS, strict=True)),
    )
    assert json.loads(piped.stdout)["measures"] == found["measures"]
    assert json.loads(done("measure", written(tmp_path / "t.jsonl", [{"text": "a b"}, {"text": "c"}]), "--json").stdout)["settings"]["N"] == 2  # fmt: skip


def test_a_json_object_of_another_kind_is_refused_in_a_line(tmp_path):
    other = tmp_path / "samples.json"
    other.write_text(json.dumps({"seed": 3, "texts": ["a"]}, indent=2))
    assert 'samples.json is one JSON object of seed, texts; one with "sources"' in failed("measure", other)
    other.write_text(json.dumps({"sources": ["a"]}, indent=2))
    assert "samples.json source 1 is no object" in failed("measure", other)


def test_uneven_numbers_of_answers(tmp_path):
    """One, two and no answers: means are over those there are, and none is an empty text."""
    rows = [("x y", ["a b", "a c"]), ("y z", ["a b"]), ("z x", [])]
    (tmp_path / "g.json").write_text(generated(rows))
    references = written(tmp_path / "r.txt", ["a b", "a b", "a b"])
    shown = done("measure", tmp_path / "g.json", "--references", references)
    assert "3 sources, 0 to 2" not in shown.stdout
    assert "3 sources, 1 to 2 answers each, 1 reference each at most" in shown.stdout
    assert "fewer than 2 answers, of which those there are count: 2 of 3" in " ".join(shown.stderr.split())
    assert "empty answers, counted as they are: 1" in shown.stderr
    measures = evaluate_answers([["a b", "a c"], ["a b"], []], [["a b"]] * 3).measures
    assert measures["rouge_l"] == pytest.approx(2 / 3)
    assert measures["multi_bleu_recall"] == pytest.approx(200 / 3)
    first = evaluate_answers([["a b", "a c"]], [["a b"]]).measures
    assert measures["multi_bleu_precision"] == pytest.approx((first["multi_bleu_precision"] + 100 + 0) / 3)
    assert measures["answer_diversity"] == pytest.approx(first["answer_diversity"] / 3)
    assert measures["different_answers"] == 1
    labelled = evaluate_answers(
        [["good food !", "rude staff !"], ["bad soup !"]], labels=["good", "bad"], training=LABELLED, training_labels=LABELS
    )  # fmt: skip
    assert labelled.measures["label_accuracy"] == pytest.approx((0.5 + 1) / 2)


def test_rows_that_are_blank_everywhere_are_left_out(tmp_path):
    (tmp_path / "g.json").write_text(generated([("x", ["a b"]), ("", []), ("z", [])]))
    references = written(tmp_path / "r.txt", ["a b", "", "a b"])
    found = json.loads(done("measure", tmp_path / "g.json", "--references", references, "--json").stdout)
    assert found["settings"]["N"] == 2
    assert found["measures"]["rouge_l"] == 0.5
    assert "sources that are blank, with their answers and references, and left out: 1" in found["notes"]
