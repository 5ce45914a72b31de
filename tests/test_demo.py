import json

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from textvae.cli import demo, story
from textvae.cli.main import app
from textvae.config import RunConfig
from textvae.data.embedded import embedded_texts

TINY = {
    "model": {"embed_dim": 16, "encoder_dim": 16, "decoder_dim": 16, "latent_dim": 4},
    "training": {"epochs": 1, "samples": 0, "threads": 1},
    "data": {"tokenizer": "char", "valid_fraction": 0.3},
}


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """The result of a tiny Chinese demo, and its run."""
    output = tmp_path_factory.mktemp("demo") / "run"
    texts = embedded_texts("chinese")[:150]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.data.embedded.embedded_texts", lambda language: {"chinese": texts}[language])
        patch.setattr(demo, "DEMO_SETTINGS", {"chinese": TINY})
        patch.setattr(story, "NUM_IMPORTANCE", 2)
        patch.setattr(story, "NUM_PRIOR", 5)
        patch.setenv("XDG_CACHE_HOME", str(output.parent))
        result = CliRunner().invoke(
            app, ["demo", "--chinese", "--output", str(output), "--seed", "3", "--device", "cpu"]
        )
        again = ["demo", "--chinese", "--output", str(output), "--resume", "--json", "--device", "cpu"]
        record = CliRunner().invoke(app, again)
        refused = CliRunner().invoke(app, again[:4])
    return result, record, refused, texts, output


def test_the_story_is_whole_and_fits_80_columns(chinese):
    result, _, _, texts, output = chinese
    assert result.exit_code == 0, result.stderr
    shown = result.stdout
    for heading in (
        "texts it never saw",
        "Random texts",
        "what comes back",
        "From one text to another",
        "nearest to",
        "Try next",
    ):
        assert heading in shown
    commands = [line for line in shown.splitlines() if line.startswith("  textvae ")]
    assert [command.split()[1] for command in commands] == ["sample", "interpolate", "train"]
    others = [line for line in shown.splitlines() if line not in commands and str(output) not in line]
    assert max(map(cell_len, others)) <= 80
    assert "\x1b" not in shown + result.stderr
    assert any(text in shown for text in texts)


def test_the_record_is_that_of_the_same_run(chinese):
    _, result, _, texts, output = chinese
    assert result.exit_code == 0, result.stderr
    record = json.loads(result.stdout)
    assert (record["run"], record["seed"]) == (str(output), 3)
    assert len(record["samples"]) == 5
    assert len(record["reconstructions"]) == 5
    held_out = [pair["text"] for pair in record["reconstructions"]]
    assert set(held_out) <= set(texts)
    found = [one["text"] for one in record["neighbors"]["found"]]
    assert set(found) <= set(texts) - set(held_out)  # neighbours are texts it was trained on
    assert record["evaluation"]["settings"]["K"] == 2


def test_a_run_that_is_there_is_not_overwritten(chinese):
    refused = chinese[2]
    assert refused.exit_code == 1
    assert "holds a run already" in refused.stderr


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_the_demo_settings_are_valid(language):
    config = demo.settings(language, 7)
    assert config.training.seed == 7
    assert config != RunConfig()
