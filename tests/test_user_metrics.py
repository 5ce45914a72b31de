"""Measures of the user's own: where they come from, what they are given, and what is said when they fail."""

import pytest
from tiny import ENGLISH
from untrained import untrained

from textvae.errors import ConfigError
from textvae.evaluation.report import evaluate
from textvae.evaluation.user import load_metric, measured

OFFERED = {"samples": ["a", "b"], "texts": ["c"], "training": None}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_function_of_the_current_folder_is_measured(here):
    (here / "lengths_of_mine.py").write_text(
        "def mean(samples):\n    return sum(map(len, samples)) / len(samples)\n\n"
        "def several(texts, samples, training=None):\n"
        "    return {'texts': len(texts), 'seen': -1 if training is None else len(training)}\n"
    )
    metrics = {name: load_metric(name) for name in ("lengths_of_mine:mean", "lengths_of_mine:several")}
    found = evaluate(untrained(), ENGLISH[:9], num_samples=1, num_prior=5, num_pairs=0, metrics=metrics)
    samples = found.parts["diversity"].details["samples"]
    assert found.measures["lengths_of_mine:mean"] == sum(map(len, samples)) / 5
    assert found.measures["lengths_of_mine:several.texts"] == 9
    assert found.measures["lengths_of_mine:several.seen"] == -1
    assert list(found.measures)[-3] == "lengths_of_mine:mean"
    assert found.definition("lengths_of_mine:mean").better == "neither"
    assert found.settings_of("lengths_of_mine:mean") == {"N": 9, "M": 5}


def test_a_metric_is_never_read_from_kept_results(tmp_path):
    values = iter((1, 2))
    for expected in (1, 2):
        found = evaluate(
            untrained(), ENGLISH[:4], num_samples=1, num_prior=0, num_pairs=0, keep=tmp_path,
            metrics={"next": lambda: next(values)},
        )  # fmt: skip
        assert found.measures["next"] == expected


def test_a_function_gets_what_it_names():
    assert measured("m", lambda texts: len(texts), OFFERED) == {"m": 1.0}
    assert measured("m", lambda **given: len(given), OFFERED) == {"m": 3.0}
    assert measured("m", lambda samples, extra=4: extra, OFFERED) == {"m": 4.0}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_colon", "cannot be read; write module:function"),
        (":f", "cannot be read"),
        ("not_there_at_all:f", "cannot be imported from .*ModuleNotFoundError"),
        ("not_there.at_all:f", "cannot be imported from"),
        ("broken_one:f", "RuntimeError: on import"),
        ("math:nothing", "math has no function 'nothing'"),
        ("math:pi", "math has no function 'pi'"),
    ],
)
def test_what_cannot_be_imported(here, name, message):
    (here / "broken_one.py").write_text("raise RuntimeError('on import')\n")
    with pytest.raises(ConfigError, match=message):
        load_metric(name)


def test_nothing_is_executed_from_the_models_folder(here, monkeypatch):
    run = here / "run"
    (run / "packed_in_run").mkdir(parents=True)
    (run / "packed_in_run" / "__init__.py").write_text("raise SystemExit('executed')\n")
    (run / "lies_in_run.py").write_text("raise SystemExit('executed')\n")
    monkeypatch.chdir(run)
    for name in ("lies_in_run:f", "packed_in_run:f", "packed_in_run.part:f"):
        with pytest.raises(ConfigError, match="lies in the model's folder, from which nothing is executed"):
            load_metric(name, never_from=run)


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda corpus: 1, "asks for 'corpus'; it may ask for samples, texts, training"),
        (lambda: 1 / 0, "metric m failed: ZeroDivisionError: division by zero"),
        (lambda: "high", "metric m returned 'high'; a number"),
        (lambda: {"a": None}, r"metric m\.a returned None"),
        (lambda: float("nan"), "metric m returned nan"),
    ],
)
def test_what_a_metric_may_not_do(metric, message):
    with pytest.raises(ConfigError, match=message):
        measured("m", metric, OFFERED)
