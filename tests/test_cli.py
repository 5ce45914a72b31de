import csv
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import typer
import yaml
from rich.cells import cell_len
from typer.testing import CliRunner

from textvae import __version__
from textvae.cli.arguments import duration
from textvae.cli.groups import DECODING_OPTIONS, Common, Decoding
from textvae.cli.live import Progress, picture
from textvae.cli.main import VERBS, app
from textvae.cli.screen import Screen, console, one_line
from textvae.cli.settings import SettingOptions
from textvae.config import DecodingConfig, RunConfig
from textvae.data.embedded import embedded_texts
from textvae.errors import ConfigError
from textvae.progress import clock
from textvae.training.progress import Standing
from textvae.training.step import StepReport

TINY = """
model: {embed_dim: 16, encoder_dim: 16, decoder_dim: 16, latent_dim: 4, dropout: 0.0}
training: {epochs: 1, samples: 0, threads: 1}
"""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def textvae(*arguments, stdin=None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def done(*arguments, stdin=None):
    result = textvae(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return result


def failed(*arguments, code=1):
    result = textvae(*arguments)
    assert result.exit_code == code, (result.stdout, result.stderr)
    assert "Traceback" not in result.stderr
    if code == 1:
        assert re.fullmatch(r"(seed \d+\n|note: .*\n)*error: [^\n]+\n", result.stderr), result.stderr
    return result.stderr


def process(*arguments, **options):
    command = [sys.executable, "-m", "textvae.cli.main", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, timeout=60, **options)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("cli")
    (home / "facts.txt").write_text("\n".join(embedded_texts("english")[:300]) + "\n", encoding="utf-8")
    (home / "tiny.yaml").write_text(TINY)
    return home


@pytest.fixture(scope="module")
def trained(home):
    """The first result of `train`; its run is `home / "run"`."""
    return done(*train_command(home, home / "run"), "--seed", "1")


@pytest.fixture(scope="module")
def run(home, trained):
    return home / "run"


def train_command(home, output):
    options = (
        "--config",
        home / "tiny.yaml",
        "--tokenizer",
        "word",
        "--cache-dir",
        home / "cache",
        "--device",
        "cpu",
    )
    return ("train", home / "facts.txt", "--output", output, *options)


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def test_help_imports_little_and_nothing_heavy():
    """What makes it quick; how quick it is, `python -m benchmarks.speed` says."""
    code = """
import atexit, runpy, sys
before = set(sys.modules)
sys.argv = ["textvae", "--help"]
heavy = {"torch", "numpy", "rich", "tokenizers", "safetensors", "matplotlib", "sklearn"}
atexit.register(lambda: print(len(set(sys.modules) - before), heavy & set(sys.modules), file=sys.stderr))
runpy.run_module("textvae", run_name="__main__")
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "Usage: " in said.stdout
    number, _, heavy = said.stderr.strip().partition(" ")
    assert heavy == "set()"
    assert int(number) < 250  # 197


def test_every_verb_explains_itself_and_takes_the_common_options():
    for verb in VERBS:
        text = done(verb.__name__, "--help").stdout
        for option in ("--seed", "--device", "--json", "--quiet", "--debug"):
            assert option in text, (verb.__name__, option)
        assert all(len(line) <= 100 for line in text.splitlines())
    for name in ("info", "sample", "reconstruct", "interpolate", "neighbors", "encode", "decode", "evaluate"):
        assert re.search(rf"Usage: .*{name} \[OPTIONS\] \{{?RUN\b", done(name, "--help").stdout)


def test_each_summary_fits_its_line():
    summary = done("--help").stdout
    assert "..." not in summary.partition("Commands:")[2]
    assert done("--version").stdout == f"textvae {__version__}\n"


def test_every_decoding_setting_has_an_option():
    assert list(DECODING_OPTIONS) == [field.name for field in dataclasses.fields(DecodingConfig)]


@pytest.mark.parametrize(
    ("given", "over", "expected"),
    [
        ({}, DecodingConfig(top_k=3), DecodingConfig(top_k=3)),
        ({"num_beams": 4}, DecodingConfig(temperature=0.5), DecodingConfig(temperature=0, num_beams=4)),
        ({"temperature": 0.7}, DecodingConfig(temperature=0, num_beams=4), DecodingConfig(temperature=0.7)),
        ({"temperature": 0.0}, DecodingConfig(temperature=0.5, candidates=8), DecodingConfig(temperature=0)),
        ({"known_words": True}, DecodingConfig(), DecodingConfig(known_words=False)),
    ],
)
def test_decoding_options_over_a_runs_own(given, over, expected):
    assert Decoding.gather(dict.fromkeys(DECODING_OPTIONS) | given).over(over) == expected


def test_lengths_of_time():
    assert [duration(text) for text in ("90", "90s", "10m", "2h", "1h30m", "0.5h")] == [
        90,
        90,
        600,
        7200,
        5400,
        1800,
    ]
    for text in ("", "soon", "10 parsecs", "0s", "1.2.3m", "-5m"):
        with pytest.raises(typer.BadParameter, match="no length of time"):
            duration(text)


def test_settings_lie_over_one_another(tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("model: {latent_dim: 7, embed_dim: 7}\ntraining: {epochs: 7, max_time: 7, seed: 7}\n")
    options = SettingOptions(
        purpose="editing", config_file=file, epochs=8, assignments=["training.epochs=9", "model.embed_dim=9"]
    )
    config = options.config({"text": "body", "blank_line": None, "encoding": None}, Common())
    assert config.objective.faithful == 0.9  # the preset
    assert (config.model.latent_dim, config.training.max_time, config.training.seed) == (7, 7, 7)  # the file
    assert (config.training.epochs, config.model.embed_dim) == (9, 9)  # --set
    assert config.data.text == "body"
    assert SettingOptions(epochs=8).config({}, Common(seed=5)).training == dataclasses.replace(
        RunConfig().training, epochs=8, seed=5
    )


def test_a_seed_is_drawn_for_training_only_where_no_setting_gives_one(capsys):
    drawn = SettingOptions().config({}, Common()).training.seed
    assert capsys.readouterr().err == f"seed {drawn}\n"
    assert SettingOptions(assignments=["training.seed=3"]).config({}, Common()).training.seed == 3
    assert capsys.readouterr().err == ""


def test_a_resumed_run_keeps_its_settings(capsys):
    saved = RunConfig().with_assignments(["model.latent_dim=5", "training.seed=4"])
    options = SettingOptions(epochs=30, vocab_size=50, assignments=["training.patience=9"])
    config = options.resumed(saved, {"text": None}, Common(seed=8))
    assert config == saved.with_assignments(["training.epochs=30", "training.patience=9"])
    assert "ignored: --vocab-size, --seed" in capsys.readouterr().err
    with pytest.raises(ConfigError, match=r"only training\.\* can"):
        SettingOptions(assignments=["model.latent_dim=6"]).resumed(saved, {}, Common())


def test_train_tells_what_it_does(trained, run):
    for words in (
        "texts        2",
        "tokenizer    word, V = ",
        "model        lstm 16 → z 4 → lstm 16",
        "target rate  ",
        "1 epochs at most, seed 1",
        "device       cpu, fp32",
    ):
        assert words in trained.stderr
    assert "only 300 texts" in trained.stderr
    header, row = trained.stderr.splitlines()[-2:]
    assert header.split()[:3] == ["epoch", "-ELBO", "distortion"]
    assert row.split()[0] == "1"
    assert row.endswith("best")
    assert not CONTROL.search(trained.stderr)
    assert trained.stdout.count(f"textvae sample {run} -n 5") == 1
    assert "-ELBO" in trained.stdout


def test_train_json_and_resuming_a_finished_run(home, run):
    result = done(
        "train",
        home / "facts.txt",
        "--output",
        run,
        "--resume",
        "--json",
        "--vocab-size",
        "9",
        "--cache-dir",
        home / "cache",
    )
    record = json.loads(result.stdout)
    assert record["run"] == str(run)
    assert record["held_out"]["neg_elbo"] == pytest.approx(
        record["held_out"]["distortion"] + record["held_out"]["rate"]
    )
    assert record["data"]["train"]["texts"] + record["data"]["valid"]["texts"] == 300
    assert "ignored: --vocab-size" in result.stderr
    assert yaml.safe_load((run / "config.yaml").read_text())["training"]["seed"] == 1


def test_ctrl_c_says_how_to_go_on_and_that_command_does(home, tmp_path, monkeypatch):
    output = tmp_path / "a run"
    with monkeypatch.context() as patch:
        patch.setattr(Progress, "on_step", lambda self, report, standing: signal.raise_signal(signal.SIGINT))
        result = textvae(*train_command(home, output))
    assert result.exit_code == 130
    [command] = [line.strip() for line in result.stderr.splitlines() if line.startswith("  textvae train ")]
    words = shlex.split(command)
    assert words[:6] == ["textvae", "train", str(home / "facts.txt"), "--output", str(output), "--resume"]
    assert (output / "config.yaml").exists()
    assert not (output / "model").exists()
    assert "Traceback" not in result.stderr
    done(*words[1:])
    assert (output / "model").exists()


def test_ctrl_c_before_anything_is_there_to_go_on_with(home, tmp_path, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("textvae.training.run.train_run", stopped)
    result = textvae(*train_command(home, tmp_path / "run"), "--seed", 1)
    assert (result.exit_code, result.stderr) == (130, "stopped before training began\n")


def test_sample_is_seeded_and_one_text_a_line(run):
    first = done("sample", run, "-n", 3)
    seed = re.fullmatch(r"seed (\d+)\n", first.stderr)[1]
    assert len(first.stdout.splitlines()) == 3
    again = done("sample", run, "-n", 3, "--seed", seed, "--batch-size", 1)
    assert (again.stdout, again.stderr) == (first.stdout, "")
    record = json.loads(done("sample", run, "-n", 3, "--json", "--quiet", "--seed", seed).stdout)
    assert record["seed"] == int(seed)
    assert "\n".join(map(one_line, record["texts"])) + "\n" == first.stdout
    assert done("sample", run, "-n", 3, "--seed", int(seed) + 1, "--temperature", 3).stdout != first.stdout


def test_sample_options_reach_the_decoder(run):
    record = json.loads(
        done(
            "sample", run, "-n", 4, "--max-length", 3, "--min-length", 3, "--temperature", 2, "--json"
        ).stdout
    )
    assert all(len(text.split()) <= 3 for text in record["texts"])
    assert done("sample", run, "-n", 2, "--beams", 2, "--max-length", 4).exit_code == 0
    assert all(
        line.startswith("The") for line in done("sample", run, "-n", 2, "--prefix", "The").stdout.splitlines()
    )


def test_reconstruct_and_interpolate(run, home):
    shown = done("reconstruct", run, "The cat", "The dog").stdout.splitlines()
    assert shown[::2] == ["The cat", "The dog"]
    assert all(line.startswith("  → ") for line in shown[1::2])
    result = done("reconstruct", run, "--input", "-", "--json", stdin="The cat\nThe dog\n")
    pairs = json.loads(result.stdout)["texts"]
    assert [f"  → {one_line(pair['reconstruction'])}" for pair in pairs] == shown[1::2]
    assert "nats of a text" in result.stderr  # too lossy for faithful reconstructions, and says so
    assert (
        len(
            json.loads(done("interpolate", run, "The cat", "The dog", "--steps", 4, "--json").stdout)["texts"]
        )
        == 4
    )


def test_neighbors_of_a_text_of_the_corpus_begin_with_itself(run, home):
    text = (home / "facts.txt").read_text(encoding="utf-8").splitlines()[7]
    found = json.loads(
        done("neighbors", run, text, "--corpus", home / "facts.txt", "-k", 3, "--json").stdout
    )["neighbors"]
    assert len(found) == 3
    assert found[0] == {"text": text, "index": 7, "distance": pytest.approx(0, abs=1e-5)}
    assert re.match(r"-?\d\.\d{4}  ", done("neighbors", run, text, "--corpus", home / "facts.txt").stdout)


def test_rows_without_a_text_are_told(run, tmp_path):
    (tmp_path / "gap.csv").write_text("text,k\nthe cat sees,1\n,2\nthe dog,3\n")
    found = done("encode", run, tmp_path / "gap.csv", "-o", tmp_path / "z.npy")
    assert "1 of 3 rows of gap.csv have no text and are left out" in found.stderr
    assert "2 latents" in found.stdout


def test_encode_then_decode_is_reconstruct(run, tmp_path):
    (tmp_path / "in.txt").write_text("The cat\nThe dog\n")
    made = done("encode", run, tmp_path / "in.txt", "-o", tmp_path / "z.npy")
    assert "2 latents of 4 dimensions" in made.stdout
    z = np.load(tmp_path / "z.npy")
    assert (z.shape, z.dtype) == ((2, 4), np.float32)
    decoded = done("decode", run, tmp_path / "z.npy", "--temperature", 0).stdout.splitlines()
    assert [f"  → {text}" for text in decoded] == done(
        "reconstruct", run, "The cat", "The dog"
    ).stdout.splitlines()[1::2]


def test_evaluate_takes_the_held_out_share_of_training_data(run, home, tmp_path):
    result = done("evaluate", run, home / "facts.txt", "--k", 2, "--samples", 4, "--json", "--seed", 0)
    record = json.loads(result.stdout)
    assert "only the texts it held out" in result.stderr
    assert 1 < record["settings"]["N"] < 60
    other = tmp_path / "other.txt"
    other.write_text("The cat sat.\nA dog ran.\nThe dog sat.\n")
    shown = done(
        "evaluate", run, other, "--k", 2, "--samples", 0, "--limit", 2, "--definitions", "--training", other
    )
    assert shown.stdout.startswith("2 texts, K = 2")
    assert "Mean over the N" in shown.stdout
    assert "held out" not in shown.stderr


FEW = ("--k", 1, "--samples", 3, "--pairs", 2, "--limit", 4)


def test_evaluate_keeps_its_results_and_writes_a_page(copy, home, tmp_path):
    shutil.rmtree(copy / "evaluation", ignore_errors=True)
    first = done("evaluate", copy, home / "facts.txt", *FEW, "--html", tmp_path / "report.html")
    assert re.search(r"^1/\d likelihoods$", first.stderr, re.MULTILINE)
    assert "novelty" in first.stderr  # the training texts are known
    assert max(map(cell_len, first.stdout.splitlines())) <= 80
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2 + (copy / "curves.png").exists()
    assert "units: words" in first.stdout
    again = done("evaluate", copy, home / "facts.txt", *FEW)
    assert again.stdout == first.stdout
    assert "as measured before: likelihoods" in again.stderr
    assert len(list((copy / "evaluation").iterdir())) == 1
    afresh = done("evaluate", copy, home / "facts.txt", *FEW, "--no-cache", "--json")
    assert "as measured before" not in afresh.stderr
    record = json.loads(afresh.stdout)
    assert set(record["intervals"]) < set(record["measures"])
    assert record["settings_of"]["iw_nll"] == {"K": 1, "N": 4}


def test_evaluate_takes_a_metric_of_the_users_own(run, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "of_mine.py").write_text("def count(samples):\n    return len(samples)\n")
    options = (*FEW, "--no-cache", "--metric", "of_mine:count")
    assert "of_mine:count" in done("evaluate", run, home / "facts.txt", *options).stdout
    assert "has no function 'mean'" in failed("evaluate", run, home / "facts.txt", "--metric", "of_mine:mean")


def test_compare_shows_both_runs_in_80_columns(copy, run, home, tmp_path):
    shown = done("compare", run, copy, "--data", home / "facts.txt", *FEW, "--html", tmp_path / "two.html")
    assert max(map(cell_len, shown.stdout.splitlines())) <= 80
    assert re.search(r"^IW-NLL .* \+0\.00", shown.stdout, re.MULTILINE) or "+0 " in shown.stdout
    assert (tmp_path / "two.html").exists()
    record = json.loads(done("compare", run, copy, "--json").stdout)  # what both have kept
    assert record["runs"] == {"A": str(run), "B": str(copy)}
    assert record["measures"]["iw_nll"]["differences"]["B"]["value"] == 0
    assert record["measures"]["iw_nll"]["not_comparable"] is None
    three = done("compare", run, copy, run, "--quiet").stdout
    assert re.search(r"^measure +A +B +C +better$", three, re.MULTILINE)


def test_compare_reads_all_data_before_it_measures(run, home, tmp_path, monkeypatch):
    (tmp_path / "labelled.csv").write_text(
        "who,text\n" + "".join(f"{('me', 'you')[n % 2]},text {n}\n" for n in range(80))
    )
    options = ("--config", home / "tiny.yaml", "--label", "who", "--quiet")
    done("train", tmp_path / "labelled.csv", "--output", tmp_path / "labelled", *options)
    monkeypatch.setattr("textvae.evaluation.report.evaluate", lambda *args, **kwargs: pytest.fail("measured"))
    said = failed("compare", run, tmp_path / "labelled", "--data", home / "facts.txt")
    assert "is plain text and has no column 'who'" in said


def test_compare_refuses_in_the_users_words(run, copy):
    shutil.rmtree(copy / "evaluation", ignore_errors=True)
    nothing = "has no results of an evaluation of the model and prior that it holds now; give --data"
    assert nothing in failed("compare", copy, copy)
    assert "nowhere does not exist" in failed("compare", run, copy / "nowhere")
    assert "1 given; 2 to 26 runs" in failed("compare", run, code=2)
    model = copy / "model"
    assert "needs a run folder" in failed("evaluate", model, run / "README.md", "--language-models")


def test_judge_makes_sheets_of_random_texts_without_a_runs_name(run, home, tmp_path):
    options = (
        "--texts",
        f"people={home / 'facts.txt'}",
        "--items",
        6,
        "--seed",
        3,
        "--temperature",
        0.5,
        "-q",
    )
    for folder in ("a", "b"):
        assert not done("judge", "make", run, *options, "--language", "zh", "-o", tmp_path / folder).stderr
    sheets = [(tmp_path / folder / "raters" / "rater-1.csv").read_text("utf-8-sig") for folder in ("a", "b")]
    assert sheets[0] == sheets[1]
    assert "people" in (tmp_path / "a" / "key.json").read_text()
    page = (tmp_path / "a" / "raters" / "rater-1.html").read_text("utf-8")
    assert "流畅度" in page
    assert not {"people", run.name} & set(
        re.findall(r"[\w-]+", re.sub(r"<div class=\"text\".*?</div>", "", page))
    )


def test_judge_shows_reconstructions_with_their_originals(run, home, tmp_path):
    options = ("--data", home / "facts.txt", "--mode", "compare", "--items", 4, "--seed", 1)
    made = done("judge", "make", run, run / "model", *options, "-o", tmp_path / "s", "--json")
    assert "only the texts it held out are used" in made.stderr
    record = json.loads(made.stdout)
    assert record["systems"] == ["run", "model"]
    assert record["alike"] == record["items"] == 4  # one model, greedy
    sheet = (tmp_path / "s" / "raters" / "rater-1.csv").read_text("utf-8-sig")
    facts = set((home / "facts.txt").read_text("utf-8").splitlines())
    assert all(row["context"] in facts for row in csv.DictReader(sheet.splitlines()))


def test_evaluate_says_when_it_sees_the_training_texts_themselves(home, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("The cat sat.\nA dog ran.\nThe dog sat.\n")
    done(*train_command(home, tmp_path / "run"), "--valid", other, "--quiet")
    result = done("evaluate", tmp_path / "run", home / "facts.txt", "--k", 1, "--samples", 0, "--limit", 9)
    assert "better than they are" in result.stderr
    assert result.stdout.startswith("9 texts")


def test_info_of_a_run_and_of_a_model_alone(run):
    shown = done("info", run).stdout
    assert "complete and unchanged" in shown
    target = yaml.safe_load((run / "config.yaml").read_text())["objective"]["target_rate"]
    assert f"(target {target:g})" in shown
    record = json.loads(done("info", run, "--json").stdout)
    from textvae import TextVAE

    model = TextVAE.from_pretrained(run).codec.model
    assert record["num_parameters"] == sum(weight.numel() for weight in model.parameters())
    assert record["settings"]["training"]["seed"] == 1
    alone = json.loads(done("info", run / "model", "--json").stdout)
    assert set(alone["settings"]) == {"model", "decoding"}
    assert alone["num_parameters"] == record["num_parameters"]


def test_inspect_reports_odd_content_and_ends_well(tmp_path):
    (tmp_path / "odd.txt").write_bytes(b"a\x00b\n\n\x1b[31mred\n" + "中文\n".encode("gb18030"))
    result = done("inspect", tmp_path / "odd.txt")
    assert not CONTROL.search(result.stdout)
    assert json.loads(done("inspect", tmp_path / "odd.txt", "--json").stdout)["num_texts"] == 3
    (tmp_path / "empty.txt").touch()
    assert "there are no texts" in done("inspect", tmp_path / "empty.txt").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sample", "nowhere"), "nowhere does not exist"),
        (("info", "nowhere"), "nowhere does not exist"),
        (("train", "nowhere.txt", "-o", "RUN2"), "no file at nowhere.txt"),
        (("train", "empty.txt", "-o", "RUN2"), "no texts in empty.txt"),
        (("train", "one.txt", "-o", "RUN2"), "at least two different texts"),
        (("train", "table.csv", "-o", "RUN2", "--text", "body"), "title"),
        (("train", "one.txt", "-o", "RUN2", "--set", "model.latent_dims=3"), "did you mean latent_dim?"),
        (
            ("train", "one.txt", "-o", "RUN2", "--target-rate", "-3"),
            "objective.target_rate is -3.0; it must be greater than 0",
        ),
        (("train", "one.txt", "-o", "RUN2", "--for", "edit"), "did you mean editing?"),
        (("train", "two.txt", "-o", "RUN2", "--set", "model.encoder=lstmm"), "did you mean lstm?"),
        (("train", "one.txt", "-o", "RUN2", "--config", "none.yaml"), "no settings file"),
        (("train", "one.txt", "-o", "RUN2", "--resume"), "holds no run to resume"),
        (
            ("train", "one.txt", "-o", "RUN2", "--encoding", "klingon"),
            "unknown encoding 'klingon'; utf-8, gb18030",
        ),
    ],
)
def test_errors_are_one_line(arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.txt").write_text("\n \n")
    (tmp_path / "one.txt").write_text("one line\n")
    (tmp_path / "two.txt").write_text("one line\nanother line\na third\n")
    (tmp_path / "table.csv").write_text("title,author\na,b\nc,d\n")
    assert words in failed(*arguments)
    assert not (tmp_path / "RUN2" / "config.yaml").exists()


def test_errors_of_a_run_that_is_there(run, home):
    assert "holds a run already; use --resume, --overwrite" in failed(*train_command(home, run))
    assert "is not there" in failed("sample", run, "--device", "cuda:99")
    assert "beam search is deterministic" in failed("sample", run, "--beams", 2, "--temperature", 1)
    assert "decoding.top_p is 7.0" in failed("sample", run, "--top-p", 7)
    assert "no file at nothing" in failed("neighbors", run, "The cat", "--corpus", "nothing")
    assert "did you mean slerp?" in failed("interpolate", run, "a", "b", "--method", "slurp")


def test_a_damaged_an_unsafe_and_a_newer_run(copy):
    weights = copy / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    for verb in ("info", "sample"):
        assert "model.safetensors is damaged" in failed(verb, copy)
    content[-1] ^= 1
    weights.write_bytes(content)
    (copy / "model" / "extra.pkl").write_bytes(b"\x80\x04.")
    assert "is a pickle" in failed("sample", copy)
    (copy / "model" / "extra.pkl").unlink()
    manifest = copy / "model" / "manifest.json"
    manifest.write_text(
        json.dumps(json.loads(manifest.read_text()) | {"format_version": 99, "textvae": "9.9"})
    )
    assert "was written by textvae 9.9" in failed("info", copy)


def test_damaged_records_of_a_run_are_named(copy, home):
    resume = ("train", home / "facts.txt", "-o", copy, "--resume", "--cache-dir", home / "cache")
    for content in ("{", "[]", '{"train": {}}'):
        (copy / "data.json").write_text(content)
        assert "data.json is damaged" in failed(*resume)
    (copy / "config.yaml").write_text("model: {new_thing: 3}")
    for verb in (("info", copy), resume):
        assert f"{copy / 'config.yaml'} was changed, or written by another version" in failed(*verb)


def test_no_seed_is_told_where_settings_are_wrong_and_no_corpus_is_blank(run, tmp_path):
    assert failed("train", "x.txt", "-o", tmp_path / "run", "--epochs", 0).startswith(
        "error: training.epochs"
    )
    (tmp_path / "blank.txt").write_text("\n")
    assert "no texts in" in failed("neighbors", run, "The cat", "--corpus", tmp_path / "blank.txt")


def test_latents_that_cannot_be_decoded(run, tmp_path):
    file = tmp_path / "z.npy"
    for z, words in (
        (np.zeros((2, 5)), r"shape (2, 5); this model needs (N, 4)"),
        (np.zeros(4), "shape (4,)"),
        (np.zeros(()), "a single number"),
        (np.full((1, 4), np.nan), "NaN or Inf"),
        (np.array([["a"]]), "array of numbers is needed"),
    ):
        np.save(file, z)
        assert words in failed("decode", run, file)
    np.save(file, np.array([{}]), allow_pickle=True)
    assert "a pickle is never loaded" in failed("decode", run, file)
    file.write_bytes(b"no array")
    assert "a pickle is never loaded" in failed("decode", run, file)
    assert "no file at" in failed("decode", run, tmp_path / "none.npy")


def test_wrong_usage_is_2(run):
    failed("sample", code=2)
    failed("sample", run, "-n", 0, code=2)
    failed("train", "x.txt", code=2)
    assert "no length of time" in failed("train", "x.txt", "-o", "y", "--max-time", "soon", code=2)
    assert "no texts are given; write them behind the run" in failed("reconstruct", run, code=2)
    assert "texts are given twice" in failed("reconstruct", run, "a", "--input", "b", code=2)
    assert "give it alone" in failed("train", "x.txt", "-", "-o", "y", code=2)


def test_debug_shows_where_an_error_comes_from(monkeypatch):
    assert "Traceback" in textvae("info", "nowhere", "--debug").stderr

    def broken(*_, **__):
        raise KeyError("a defect")

    monkeypatch.setattr("textvae.cli.info.summarize", broken)
    assert failed("info", "nowhere").startswith("error: KeyError: 'a defect'; --debug")


def test_a_reader_that_leaves_is_no_error(home):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "textvae.cli.main", "inspect", str(home / "facts.txt")]
    result = subprocess.run(command, check=False, stdout=writer, stderr=subprocess.PIPE, timeout=60)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, b"")


def test_any_text_prints_whatever_the_locale(tmp_path):
    (tmp_path / "zh.txt").write_text("我们在这个地点见面。\n你好\n", encoding="utf-8")
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    result = process("inspect", tmp_path / "zh.txt", env=environment)
    assert result.returncode == 0
    assert "我们在这个地点见面。" in result.stdout.decode()


def test_only_the_first_rank_speaks(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    Screen().note("a note")
    Screen().pairs([("a", "b")], on_stderr=True)
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def standing(**changes):
    values = {"step": 9, "epoch": 123, "progress": 0.5, "tokens_per_second": 123456.7, "eta": 7265}
    return Standing(**values | {"target_rate": 123.4, "active_units": 128} | changes)


REPORT = StepReport(
    distortion=1234.5,
    rate=123.4,
    beta=0.123,
    num_sentences=8,
    num_targets=99,
    grad_norm=1,
    learning_rate=1e-3,
)


@pytest.mark.parametrize("no_color", [False, True])
def test_the_live_line_fits_80_columns_and_honours_no_color(no_color, monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    progress, terminal = Progress(Screen()), Terminal()
    progress.distortion.add(1234.5, 8)
    progress.rate.add(123.4, 8)
    console(terminal).print(picture(progress.line(REPORT, standing()), standing(), "/200"))
    plain = re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue())
    bar, numbers = plain.splitlines()
    assert max(cell_len(bar), cell_len(numbers)) <= 80
    assert "epoch 123/200" in bar
    assert "2:01:05 left" in bar
    assert numbers.split("  ") == [
        "123,457 tok/s",
        "distortion 1234.5",
        "rate 123.4/123.4",
        "beta 0.123",
        "AU 128",
    ]
    coloured = re.search(r"\x1b\[(\d+;)*(3|4|9|10)\d", terminal.getvalue()) is not None
    assert coloured is not no_color


def test_a_plain_line_now_and_then_where_nobody_watches(monkeypatch, capsys):
    progress = Progress(Screen())
    progress.num_epochs = "/1"
    now = iter([0.0, 1.0, 10.5, 11.0, 20.0, 21.0])
    monkeypatch.setattr("textvae.cli.live.time.monotonic", lambda: next(now))
    progress.started = progress.shown = 0.0
    for _ in range(6):
        progress.on_step(REPORT, standing(epoch=1, target_rate=None, active_units=None))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch 1/")]
    assert lines == ["epoch 1/1   50%  123,457 tok/s  distortion 1234.5  rate 123.4  2:01:05 left"] * 2


def test_wide_characters_count_twice(capsys):
    text = "这是一个很长的句子，" * 30
    screen = Screen()
    screen.paragraph(text, mark="·")
    screen.table(("text", "reconstruction"), [(text, "short [bold]")], equal=True)
    screen.pairs([("name", text)])
    shown = capsys.readouterr().out
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert shown.count("句") == 90
    assert "[bold]" in shown


def test_json_is_json_whatever_the_numbers(capsys):
    Screen().json({"a": float("nan"), "b": [np.float32(1.5), float("inf")], "c": "中文"})
    shown = capsys.readouterr().out
    assert json.loads(shown) == {"a": None, "b": [1.5, None], "c": "中文"}
    assert "NaN" not in shown
    assert "中文" in shown


def test_one_line_keeps_a_text_to_its_line():
    assert one_line("a\nb\x1b[31m\tc") == "a␊b␛[31m\tc"
    assert clock(3725) == "1:02:05"


def test_a_run_cannot_both_go_on_and_be_removed(run, tmp_path):
    said = textvae("train", tmp_path / "a.txt", "-o", run, "--resume", "--overwrite")
    assert said.exit_code == 2
    assert "use one of them" in " ".join(said.stderr.replace("│", " ").split())


def test_dropping_a_prior_that_is_not_there_is_told_in_json(run):
    assert json.loads(done("prior", "drop", run, "--json").stdout) == {"run": str(run), "dropped": False}
