"""`textvae judge` from the command line: sheets made of files (of runs: `test_cli.py`), and their tally on the screen."""

import csv
import io
import json
import re
import shutil

import pytest
from tiny import CHINESE, ENGLISH
from typer.testing import CliRunner
from untrained import untrained

from textvae import TextVAE
from textvae.cli.main import app
from textvae.evaluation.human.key import Key


def judge(*arguments):
    return CliRunner().invoke(app, ["judge", *map(str, arguments)])


def done(*arguments):
    result = judge(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def failed(*arguments, code=1):
    result = judge(*arguments)
    assert result.exit_code == code, (result.stdout, result.stderr)
    assert "Traceback" not in result.stderr
    return result.stderr


@pytest.fixture
def files(tmp_path):
    for name, texts in {"ours": ENGLISH[:9], "theirs": ["", *ENGLISH[41:49]], "chinese": CHINESE[:9]}.items():
        (tmp_path / f"{name}.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return ["--texts", f"ours={tmp_path}/ours.txt", "--texts", f"theirs={tmp_path}/theirs.txt"]


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def fill(source, target, answer, key):
    """Fill in a sheet; `answer(place, column)` gives each cell."""
    rows = rows_of(source)
    for row in rows:
        row |= {name: answer(key.places[row["item"]], name) for name in key.criteria}
    with target.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return target


def test_help_takes_the_common_options_in_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for verb in ("make", "tally"):
        text = done(verb, "--help").stdout
        for option in ("--seed", "--device", "--json", "--quiet", "--debug"):
            assert option in text
        assert max(map(len, text.splitlines())) <= 80


def test_compare_files_from_sheets_to_tally(files, tmp_path):
    told = done(
        "make", *files, "--mode", "compare", "--raters", 2, "--repeats", 2, "--seed", 1, "-o", tmp_path / "s"
    )
    assert "8 texts of each system; there are no 100" in told.stderr  # of theirs, one line is blank
    assert "not for the raters" in re.sub(r"\s+", " ", told.stdout)
    raters = tmp_path / "s" / "raters"
    for path in raters.iterdir():
        assert "ours" not in path.read_text("utf-8-sig") + path.name
    key = Key.read(tmp_path / "s")
    sheets = [
        fill(raters / f"rater-{n}.csv", tmp_path / f"{name}.csv", lambda place, _: "AB"[place.systems.index("ours")], key)
        for n, name in ((1, "anna"), (2, "ben"))
    ]  # fmt: skip
    result = done("tally", tmp_path / "s", *sheets)
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert re.search(r"fluency +S2 : S1 +0% +0% – 0% +0 +0 +8 +\.008 +\.023", result.stdout)
    assert re.search(r"anna +30/30 .* 6 +100% +0\.00", result.stdout)
    found = json.loads(done("tally", tmp_path / "s", *sheets, "--json").stdout)
    assert found["systems"] == ["ours", "theirs"]
    assert found["contrasts"][0]["p"] == 2 / 2**8
    assert found["agreement"]["fluency"]["nominal"]["value"] is None  # one answer throughout


def test_rate_texts_beside_what_they_were_made_from(files, tmp_path):
    output = tmp_path / "s"
    made = done(
        "make", *files, "--data", tmp_path / "chinese.txt", "--items", 5, "--seed", 1, "--json", "-o", output
    )
    found = json.loads(made.stdout)
    assert (found["items"], found["criteria"]) == (10, ["fluency", "adequacy", "naturalness"])
    key, rows = Key.read(output), rows_of(output / "raters" / "rater-1.csv")
    assert {row["context"] for row in rows} <= set(CHINESE[:9])
    assert len({row["context"] for row in rows}) == 5
    lines = {"ours": ENGLISH[:9], "theirs": ["", *ENGLISH[41:49]]}
    for row in rows:
        [system] = key.places[row["item"]].systems
        assert row["text"] == lines[system][CHINESE.index(row["context"])]  # a blank line keeps its place
    sheet = fill(
        output / "raters" / "rater-1.csv",
        tmp_path / "anna.csv",
        lambda place, _: 2 + (place.systems[0] == "ours"),
        key,
    )
    shown = done("tally", output / "key.json", sheet).stdout
    assert re.search(r"adequacy +S1 +3\.00", shown)
    assert re.search(r"adequacy +S2 - S1 +-1\.00 +-1\.00 – -1\.00 +0 +0 +5", shown)


def test_errors_are_in_the_users_words(files, tmp_path):
    output = ("-o", tmp_path / "s")
    assert "nothing to judge" in failed("make", *output, code=2)
    assert "is not NAME=FILE" in failed("make", "--texts", "x.txt", *output, code=2)
    assert "two systems are called 'ours'; name them apart, a run as NAME=RUN" in failed(
        "make", *files[:2], *files[:2], *output, code=2
    )
    # Before a model is loaded: there is none.
    assert "1 system to compare" in failed("make", tmp_path / "no-run", "--mode", "compare", *output)
    assert "'rank'" in failed("make", tmp_path / "no-run", "--mode", "rank", *output)
    assert "no file at" in failed("make", "--texts", f"x={tmp_path}/none.txt", *output)
    (tmp_path / "three.txt").write_text("a\nb\nc\n")
    words = failed("make", *files, "--data", tmp_path / "three.txt", *output)
    assert "ours has 9 lines and" in words
    assert "line i has to be made from text i" in words
    assert "adequacy is judged against a source" in failed("make", *files, "--criterion", "adequacy", *output)
    done("make", *files, *output, "-q", "--seed", 1)
    assert "holds a study already" in failed("make", *files, *output)
    assert "no answer in any of the sheets" in failed("tally", tmp_path / "s", tmp_path / "s" / "raters")
    assert "no key at" in failed("tally", tmp_path, tmp_path / "s" / "raters")


def test_one_run_under_two_names(tmp_path):
    TextVAE(untrained()).save(tmp_path / "run")
    output = tmp_path / "study"
    done(
        "make", f"plain={tmp_path}/run", f"free={tmp_path}/run", "--items", 3, "--seed", 1, "-q", "-o", output
    )
    assert Key.read(output).systems == ("plain", "free")
    shutil.copytree(tmp_path / "run", tmp_path / "a=b")
    done(
        "make", tmp_path / "a=b", tmp_path / "run", "--items", 3, "--seed", 1, "-q", "-o", tmp_path / "other"
    )
    assert Key.read(tmp_path / "other").systems == ("a=b", "run")
