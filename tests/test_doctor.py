"""The doctor: what z is worth, verdicts, and that it speaks where z is not in use and is silent where it is."""

import json
import math
import re
import shlex
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny import CHINESE, ENGLISH, tiny_config
from typer.testing import CliRunner
from untrained import untrained

from textvae import TextVAE
from textvae.cli.doctor import bars, continued
from textvae.cli.main import app
from textvae.codec import load_codec
from textvae.config import RunConfig, load_settings
from textvae.data.splits import open_splits
from textvae.diagnostics.latents import dimension_rates, mutual_information, prior_gap
from textvae.diagnostics.remedies import Remedies
from textvae.diagnostics.shuffle import BLOCK, partners, z_shuffle_gain
from textvae.diagnostics.verdict import Vitals, find, verdict
from textvae.errors import ConfigError, DataError, LatentError
from textvae.evaluation.diagnosis import History, diagnose
from textvae.evaluation.report import evaluate
from textvae.objectives.controllers import Logarithmic
from textvae.objectives.schedules import Constant
from textvae.progress import Work
from textvae.training.baseline import train_baseline
from textvae.training.concentration import with_fixed_rate
from textvae.training.doctor import Doctor
from textvae.training.folder import ENTRIES
from textvae.training.measures import HeldOut
from textvae.training.preparation import prepare
from textvae.training.records import read_metrics
from textvae.training.run import train_run
from textvae.training.state import TrainState

TEXTS = ENGLISH[:40]


# Partners and gain


@pytest.mark.parametrize("number", [2, 3, BLOCK, 2 * BLOCK - 1, 101])
def test_every_text_gets_the_z_of_another_of_near_equal_length(number):
    lengths = np.random.default_rng(number).integers(1, 30, number)
    found = partners(lengths, seed=1)
    assert sorted(found) == list(range(number))
    assert not np.any(found == np.arange(number))
    apart = np.abs(lengths - lengths[found]).mean()
    assert apart <= np.ptp(lengths) * 4 * BLOCK / max(number, BLOCK)
    assert np.array_equal(found, partners(lengths, seed=1))


def test_equal_lengths_leave_the_choice_to_the_seed():
    lengths = np.full(50, 7)
    assert not np.array_equal(partners(lengths, seed=1), partners(lengths, seed=2))
    with pytest.raises(LatentError, match="at least 2 sentences; got 1"):
        partners(lengths[:1])


def deaf(**settings):
    """A codec whose decoder does not read z, and whose posterior says much."""
    codec = untrained(**settings)
    with torch.no_grad():
        codec.model.decoder.initial.weight.zero_()
        codec.model.decoder.cell.weight_ih_l0[:, -3:] = 0
        codec.model.posterior_head.bias[:3] = 4.0
    return codec


def test_the_gain_of_a_decoder_that_ignores_z_is_0_exactly():
    codec = deaf()
    store = codec.store(TEXTS)
    z = torch.randn(len(store), 3, dtype=torch.float64)
    gain = z_shuffle_gain(codec, store, z, -codec.log_likelihood(store, z))
    assert torch.equal(gain, torch.zeros(len(store), dtype=torch.float64))
    assert evaluate(codec, TEXTS, num_samples=1, num_prior=0).measures["z_shuffle_gain"] == 0


def test_the_gain_is_the_mean_loss_by_the_partners_latents():
    codec = untrained()
    store = codec.store(TEXTS)
    z = torch.randn(len(store), 3, dtype=torch.float64)
    own = -codec.log_likelihood(store, z)
    gain = z_shuffle_gain(codec, store, z, own, seed=4)
    other = partners(store.lengths, 4)
    for row in (0, 7, 39):
        alone = -codec.log_likelihood(codec.store([TEXTS[row]]), z[[other[row]]])
        assert float(gain[row]) == pytest.approx(float(alone) - float(own[row]), abs=1e-9)


class LinearGaussian:
    """x = z + noise of variance s², z ~ N(0, 1), in place of a codec: log p(x|z) and the posterior are known."""

    def __init__(self, num, variance):
        generator = torch.Generator().manual_seed(0)
        draw = torch.randn(3, num, 1, generator=generator, dtype=torch.float64)
        self.work, self.variance = Work(), variance
        self.x = draw[0] + math.sqrt(variance) * draw[1]
        self.z = self.x / (1 + variance) + math.sqrt(variance / (1 + variance)) * draw[2]
        self.lengths, self.conditions = np.ones(num), None

    def __len__(self):
        return len(self.x)

    def log_likelihood(self, store, z):
        return torch.distributions.Normal(z, math.sqrt(self.variance)).log_prob(self.x).sum(1)


@pytest.mark.parametrize("variance", [0.25, 1.0, 4.0])
def test_the_gain_of_an_exact_posterior_has_the_known_value(variance):
    """E[(x - z')² - (x - z)²] / 2s² = (Var x + 1 - s²) / 2s² = 1 / s², above the information ln(1 + 1 / s²) / 2."""
    model = LinearGaussian(40_000, variance)
    gain = z_shuffle_gain(model, model, model.z, -model.log_likelihood(model, model.z))
    error = float(gain.std()) / math.sqrt(len(gain))
    assert float(gain.mean()) == pytest.approx(1 / variance, abs=4 * error)
    assert float(gain.mean()) > 0.5 * math.log1p(1 / variance)


def test_the_prior_gap_is_a_lower_bound_that_moments_reach():
    generator = torch.Generator().manual_seed(8)
    loc = torch.randn(2000, 2, generator=generator, dtype=torch.float64) * 1.5 + 1
    scale = torch.full_like(loc, 0.5)
    variance = loc.var(dim=0, correction=0) + 0.25
    exact = float(0.5 * (loc.mean(0) ** 2 + variance - 1 - variance.log()).sum())
    assert prior_gap(loc, scale) == pytest.approx(exact)
    difference = float(dimension_rates(loc, scale).sum()) - mutual_information(loc, scale)
    assert prior_gap(loc, scale) == pytest.approx(difference, rel=0.03)  # the aggregate is Gaussian
    two = torch.tensor([[-3.0, 0.0], [3.0, 0.0]], dtype=torch.float64).repeat(100, 1)
    difference = float(dimension_rates(two, 0.5 + 0 * two).sum()) - mutual_information(two, 0.5 + 0 * two)
    assert prior_gap(two, 0.5 + 0 * two) < difference - 0.3  # two heaps are not


# Verdicts

HEALTHY = {
    "num_texts": 400, "num_targets": 400 * 12, "latent_dim": 32, "distortion": 60.0, "rate": 8.1, "active_units": 30,
    "gain": 9.4, "mutual_information": 4.9, "prior_gap": 0.2, "target_rate": 8.0,
}  # fmt: skip
CURES = Remedies(run="runs/a", data="a b.txt", settings=RunConfig())


def codes(remedies=CURES, **changes):
    return [finding.code for finding in find(Vitals(**HEALTHY | changes), remedies)]


def test_a_healthy_run_gets_one_sentence():
    vitals = Vitals(**HEALTHY)
    findings = find(vitals, CURES)
    assert verdict(vitals, findings) == "healthy: rate 8.1 nats, 30 of 32 units, z buys 9.4 nats"
    assert [finding.code for finding in findings] == ["too_lossy"]
    assert findings[0].severity == "note"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"rate": 0.02, "gain": 0.0, "active_units": 0, "mutual_information": 0.0, "target_rate": None}, "ignores_z"),
        ({"rate": 40.0, "gain": 0.1, "target_rate": None}, "ignores_z"),
        ({"rate": 40.0, "gain": 9.0, "target_rate": None}, "empty_rate"),
        ({"mutual_information": 1.0}, "empty_rate"),
        ({"rate": 6.0}, "off_target"),
        ({"active_units": 5}, "few_units"),
        ({"iw_nll": 70.0, "baseline_nll": 66.0}, "worse_than_baseline"),
        ({"prior_gap": 3.0}, "holes"),
        ({"mutual_information": 4.1, "rate": 9.0, "gain": 20.0, "target_rate": None}, "holes"),
        ({"mutual_information": 5.9}, "at_ceiling"),
        ({"rate": 23.0, "gain": 30.0, "num_targets": 400 * 12, "target_rate": None}, "too_lossy"),
    ],
)  # fmt: skip
def test_each_trouble_is_found_and_told_with_a_command(changes, code):
    findings = {finding.code: finding for finding in find(Vitals(**HEALTHY | changes), CURES)}
    assert code in findings
    if findings[code].severity != "note":
        assert (
            verdict(Vitals(**HEALTHY | changes), tuple(findings.values()))
            == next(iter(findings.values())).text
        )
    if code != "at_ceiling":
        words = shlex.split(findings[code].remedy)
        assert words[0] == "textvae"
        assert "a b.txt" in words


@pytest.mark.parametrize(
    "changes",
    [
        {"iw_nll": 67.5, "baseline_nll": 66.0},
        {"prior_gap": 3.0, "prior_fitted": True},
        {"rate": 7.0},
        {"rate": 8.1, "gain": 30.0},
    ],
)
def test_what_is_near_enough_is_no_trouble(changes):
    assert codes(**changes) == ["too_lossy"]


def test_on_the_way_to_the_target_rate_the_remedies_do_not_contradict_each_other():
    young = HEALTHY | {"rate": 5.0, "gain": 7.0, "active_units": 5, "iw_nll": 70.0, "baseline_nll": 66.0}
    found = {one.code: one.remedy for one in find(Vitals(**young), CURES) if one.severity == "warning"}
    assert set(found) == {"off_target", "few_units", "worse_than_baseline"}
    assert [code for code, remedy in found.items() if remedy] == ["off_target"]
    settled = find(Vitals(**young | {"pinned": "low"}), CURES)
    assert all(one.remedy for one in settled if one.severity == "warning")


@pytest.mark.parametrize("settings", [None, RunConfig()])
def test_where_neither_z_nor_the_condition_is_read_no_lower_rate_is_advised(settings):
    idle = {"rate": 0.05, "gain": 0.01, "mutual_information": 0.0, "target_rate": None, "active_units": 0}
    remedies = Remedies(run="runs/a", data="d.tsv", settings=settings)
    found = {one.code: one for one in find(Vitals(**HEALTHY | idle | {"condition_gain": 0.02}), remedies)}
    assert found["ignores_condition"].remedy is None
    assert "z says it all" not in found["ignores_condition"].text
    read = find(Vitals(**HEALTHY | {"condition_gain": 0.02}), remedies)
    assert "rate" in ({one.code: one for one in read}["ignores_condition"].remedy or "")


@pytest.mark.parametrize(
    "model", [{"posterior": "von-mises-fisher", "kappa": 50.0}, {"prior": "conditional"}]
)
def test_no_prior_is_fitted_where_that_is_refused(model):
    sections = {"model": model, "data": {"source": "question"} if "prior" in model else {}}
    settings = with_fixed_rate(RunConfig().updated(sections))
    found = find(Vitals(**HEALTHY | {"prior_gap": 3.0}), Remedies(run="runs/a", settings=settings))
    assert {one.code: one for one in found}["holes"].remedy is None


def test_high_rate_alone_is_not_health():
    loc = torch.full((100, 4), 5.0)
    told = mutual_information(loc, torch.full_like(loc, 0.1))
    rate = float(dimension_rates(loc, torch.full_like(loc, 0.1)).sum())
    assert rate > 50
    assert codes(rate=rate, mutual_information=told, gain=0.0, target_rate=None)[0] == "ignores_z"


def test_remedies_change_what_ails_and_parse(tmp_path):
    constant = RunConfig().updated({"objective": {"beta": "constant", "beta_max": 50.0}})
    held = Remedies(run="runs/a-2", settings=constant).hold_rate(8.8)
    assert held == (
        "textvae train DATA --output runs/a-3 --config runs/a-2/config.yaml --set objective.beta=target "
        "--set objective.target_rate=8.8 --set objective.beta_max=1"
    )
    assignments = [word for word in shlex.split(held) if "=" in word]
    cured = constant.with_assignments(assignments).objective
    assert (cured.beta, cured.target_rate, cured.beta_max) == ("target", 8.8, 1)
    assert "--target-rate 8.8" in Remedies(run="a").hold_rate(8.8)
    [deafened] = find(Vitals(**HEALTHY | {"gain": 0.1}), CURES)[:1]
    assert "--set training.word_dropout=0.4" in deafened.remedy  # a rate is held already
    texts = RunConfig().updated({"data": {"text": "body", "valid": "v.txt"}})
    assert (
        Remedies(run="a", settings=texts)
        .train_for_editing()
        .endswith("--for editing --text body --valid v.txt")
    )


@pytest.mark.parametrize(
    "sections",
    [
        {"objective": {"beta": "constant", "beta_max": 10.0, "capacity": 8.0}},
        {"objective": {"faithful": 0.9}},
        {"model": {"prior": "mixture"}},
        {"model": {"posterior": "flow"}, "objective": {"free_bits": "sentence", "free_nats": 2.0}},
        {"model": {"posterior": "von-mises-fisher", "kappa": 30.0}},
        {"model": {"posterior": "delta", "delta": 8.0}},
        {"model": {"posterior": "batch_norm", "gamma": 0.7}},
    ],
)
def test_remedies_go_with_every_objective_and_posterior(sections):
    settings = with_fixed_rate(RunConfig().updated(sections))
    remedies = Remedies(run="runs/a", settings=settings)
    for gain, nll in ((0.0, 70.0), (9.4, 70.0)):
        vitals = Vitals(
            **HEALTHY
            | {"gain": gain, "iw_nll": nll, "baseline_nll": 60.0, "active_units": 1, "target_rate": None}
        )
        found = find(vitals, remedies)
        expected = {"worse_than_baseline"} if remedies.on_sphere else {"few_units", "worse_than_baseline"}
        assert expected <= {finding.code for finding in found}
        for finding in found:
            options = [word for word in shlex.split(finding.remedy or "") if "=" in word]
            cured = with_fixed_rate(settings.with_assignments(options))  # refuses what cannot be
            if any("target_rate" in option for option in options):
                assert cured.objective.target_rate > cured.model.rate_floor
                assert (cured.objective.faithful, cured.objective.capacity) == (None, None)


def test_more_training_is_more_of_what_limits_it():
    limited = RunConfig().updated({"training": {"max_time": 60.0, "epochs": 10_000}})
    assert Remedies(run="a", settings=limited).train_longer().endswith("--set training.max_time=120")
    assert Remedies(run="a", settings=RunConfig()).train_longer().endswith("--set training.epochs=20")


def test_editing_reads_the_texts_as_the_run_did():
    texts = RunConfig().updated({"data": {"encoding": "gb18030", "blank_line": True}})
    command = Remedies(run="a", settings=texts).train_for_editing()
    assert command.endswith("--for editing --encoding gb18030 --blank-line")


def test_a_prior_is_not_fitted_to_latents_that_nobody_reads():
    assert "holes" in codes(prior_gap=3.0)
    assert "holes" not in codes(prior_gap=3.0, gain=0.1)


# In training


class Heard:
    def __init__(self):
        self.messages, self.held = [], []

    def on_start(self, start):
        pass

    def on_step(self, report, standing):
        pass

    def on_epoch(self, held, standing, *, best):
        self.held.append((held, len(self.messages)))

    def on_message(self, text):
        if "updates" in text:
            self.messages.append(text)


QUIET = {"samples": 0, "patience": 0, "checkpoint_every": 10**6}
LEARNING = {
    "model": {"decoder_dim": 48, "encoder_dim": 32, "embed_dim": 32, "dropout": 0.0, "embed_dropout": 0.0},
    "training": QUIET | {"epochs": 6, "batch_tokens": 60, "learning_rate": 0.015, "word_dropout": 0.3},
    "objective": {"target_rate": 5.0, "controller_gain": 0.05},
}
COLLAPSES = {
    "constant beta": {"objective": {"beta": "constant", "target_rate": None}, "training": {"word_dropout": 0.0}},
    "beta of 50": {"objective": {"beta": "constant", "target_rate": None, "beta_max": 50.0}},
}  # fmt: skip


def train(folder, texts, *layers):
    heard = Heard()
    config = tiny_config().updated(LEARNING, *layers)
    train_run(texts, folder, config, device="cpu", observer=heard, cache_dir=folder.parent / "cache")
    return heard


@pytest.mark.parametrize(
    ("texts", "how"),
    [
        (ENGLISH, "constant beta"),
        (CHINESE, "beta of 50"),
        pytest.param(ENGLISH, "beta of 50", marks=pytest.mark.slow),
        pytest.param(CHINESE, "constant beta", marks=pytest.mark.slow),
    ],
    ids=["english", "chinese", "english of 50", "chinese of 1"],
)
def test_it_speaks_once_within_the_first_epoch_of_a_run_made_to_collapse(tmp_path, texts, how, monkeypatch):
    monkeypatch.setattr("textvae.training.doctor.FIRST_LOOK", 10)  # the corpora are tiny
    heard = train(tmp_path / "run", texts, COLLAPSES[how], {"training": {"epochs": 1, "batch_tokens": 20}})
    [message] = heard.messages
    assert "your decoder ignores z" in message
    assert "--set objective.beta=target" in message.splitlines()[-1]
    assert f"--config {tmp_path / 'run'}/config.yaml" in message
    records = read_metrics(tmp_path / "run")
    first = next(record for record in records if record["kind"] == "held_out")
    looks = [record["step"] for record in records if record["kind"] == "look"]
    assert looks == [
        step for step in (math.ceil(first["step"] * share) for share in (0.25, 0.5, 0.75)) if step >= 10
    ]
    assert int(message.split()[1]) in looks
    assert first["z_shuffle_gain"] < 0.5


@pytest.mark.slow
def test_it_is_silent_on_a_healthy_run(tmp_path):
    heard = train(tmp_path / "run", ENGLISH)
    assert heard.messages == []
    assert heard.held[-1][0].z_shuffle_gain > 2


@pytest.mark.slow
def test_it_is_silent_on_a_healthy_chinese_run(tmp_path):
    heard = train(tmp_path / "run", CHINESE * 2, {"training": {"batch_tokens": 40}})
    assert heard.messages == []
    assert heard.held[-1][0].z_shuffle_gain > 1


def test_a_language_model_has_no_doctor(tmp_path):
    none = {"model": {"encoder": "none", "injection": "none"}, **COLLAPSES["constant beta"]}
    heard = train(tmp_path / "run", ENGLISH, none, {"training": {"epochs": 1}})
    assert heard.messages == []
    assert heard.held[0][0].z_shuffle_gain is None
    codec = load_codec(tmp_path / "run" / "model")
    assert "z_shuffle_gain" not in evaluate(codec, TEXTS, num_samples=1, num_prior=0).measures
    with pytest.raises(ConfigError, match="language model without z"):
        diagnose(codec, TEXTS)


def test_it_says_so_when_z_comes_into_use_and_when_a_target_is_out_of_reach(tmp_path):
    """Its words, for rates and gains that are made up."""
    prepared = prepare(
        ENGLISH, tiny_config(objective={"target_rate": None, "beta": "constant"}), cache_dir=tmp_path
    )
    heard, state = Heard(), TrainState(step=1234, epoch=1)
    doctor = Doctor(prepared, tmp_path / "run", heard)

    def judged(beta, **measures):
        values = {"distortion": 30.0, "active_units": 4, "num_targets": 80, "num_texts": 9}
        updates = SimpleNamespace(beta=beta, present_beta=beta.beta(state.step), state=state)
        doctor.judge(HeldOut(**values | measures), updates)
        return heard.messages[-1] if heard.messages else ""

    assert judged(Constant(0.01), rate=0.0, z_shuffle_gain=0.0) == ""  # nothing weighs on z yet
    assert "rate 0.10 nats" in judged(Constant(1.0), rate=0.1, z_shuffle_gain=0.0)
    judged(Constant(1.0), rate=0.2, z_shuffle_gain=0.1)
    assert len(heard.messages) == 1
    state.step = 499
    assert judged(Constant(1.0), rate=9.0, z_shuffle_gain=1.0) == heard.messages[0]  # it may learn to read it
    state.step = 1234
    assert judged(Constant(1.0), rate=9.0, z_shuffle_gain=1.0).startswith("after 1,234 updates: rate without")
    used = judged(Constant(1.0), rate=5.0, z_shuffle_gain=7.0)
    assert used == "after 1,234 updates z is in use: rate 5.0 nats, 4 of 4 units, z buys 7.0 nats"
    held = Logarithmic(20.0, beta_max=1.0, gain=0.02)
    held.integral = held.low
    assert "even a weight of nearly 0" in judged(held, rate=5.0, z_shuffle_gain=7.0)


# The verb


def textvae(*arguments, code=0):
    result = CliRunner().invoke(app, ["doctor", *map(str, arguments)])
    assert result.exit_code == code, (result.stdout, result.stderr)
    return result


@pytest.fixture(scope="module")
def ill(tmp_path_factory):
    home = tmp_path_factory.mktemp("doctor")
    (home / "my facts.txt").write_text("\n".join(ENGLISH))
    collapse = {
        "objective": {"beta": "constant", "target_rate": None},
        "training": {"epochs": 1, "samples": 0},
    }
    train_run(
        home / "my facts.txt", home / "run", tiny_config(**collapse), device="cpu", cache_dir=home / "cache"
    )
    return home / "run"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTVAE_CACHE", str(tmp_path / "cache"))


def test_the_verb_tells_numbers_verdict_and_remedy_in_80_columns(ill, monkeypatch):
    monkeypatch.chdir(ill.parent)
    shown = textvae("run")  # finds the data by their name
    assert "what training held out of my facts.txt" in shown.stderr
    assert "--baseline compares" in shown.stderr
    assert "your decoder ignores z" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    [command, *_] = re.findall(r"^  textvae train(?:.*\\\n)*.*", shown.stdout, re.MULTILINE)
    words = shlex.split(command.replace("\\\n", ""))  # as a shell reads it
    assert words[:5] == ["textvae", "train", "my facts.txt", "--output", "run-2"]
    assert "objective.beta=target" in words
    trained = CliRunner().invoke(app, [*words[1:], "--quiet", "--json"])  # the remedy is a command that runs
    assert trained.exit_code == 0, trained.stderr
    assert load_settings(ill.parent / "run-2" / "config.yaml").objective.target_rate >= 5


def test_the_verb_in_json_and_strictly(ill):
    record = json.loads(
        textvae(ill, ill.parent / "my facts.txt", "--json", "--strict", "--limit", 5, code=1).stdout
    )
    assert record["is_ill"]
    assert record["vitals"]["num_texts"] == 5
    assert record["findings"][0]["code"] == "ignores_z"
    assert sum(record["dimension_rates"]) == pytest.approx(record["vitals"]["rate"])
    assert textvae(ill, ill.parent / "my facts.txt", "--quiet").stderr == ""


def test_the_baseline_is_trained_once_and_goes_with_the_run(ill):
    data = ill.parent / "my facts.txt"
    record = json.loads(textvae(ill, data, "--baseline", "--k", 2, "--json").stdout)
    saved = (ill / "baseline" / "metrics.jsonl").read_bytes()
    shown = textvae(ill, data, "--k", 2)
    assert "without z" in shown.stdout
    assert "training" not in shown.stderr.replace("what training held out", "")
    assert (ill / "baseline" / "metrics.jsonl").read_bytes() == saved
    vae = TextVAE.from_pretrained(ill)
    texts = list(open_splits(data, RunConfig().data).valid)
    found = vae.diagnose(texts, run=ill, baseline=TextVAE.from_pretrained(ill / "baseline"), num_samples=2)
    assert found.vitals.baseline_nll == pytest.approx(record["vitals"]["baseline_nll"])
    assert found.to_json()["verdict"] == record["verdict"]
    assert "without z" not in textvae(ill, data, "--no-baseline").stdout
    assert "baseline" in ENTRIES  # so that --overwrite removes it


def test_wrong_data_and_wrong_baselines_are_told_in_one_line(ill, tmp_path):
    assert "not found (my facts.txt)" in textvae(ill, code=1).stderr
    other = tmp_path / "other.txt"
    other.write_text("the cat sees the sea.\na dog likes music.\n")
    assert "2 texts" in textvae(ill, other).stdout
    error = textvae(ill / "model", other, "--baseline", code=1).stderr
    assert "--baseline needs the run's settings" in error
    with pytest.raises(DataError, match="are others"):
        train_baseline(other, ill)
    codec = untrained()
    with pytest.raises(ConfigError, match="a z of its own"):
        diagnose(codec, TEXTS, baseline=codec)
    with pytest.raises(DataError, match="at least 2 are needed, got 1"):
        diagnose(codec, [TEXTS[0], " "])


def test_bars_and_commands_fit():
    assert bars([0.0] * 3) == "▁▁▁"
    assert len(bars([0.1] * 500)) <= 64
    command = Remedies(run="runs/with a long name", data="x" * 40, settings=RunConfig()).hold_rate(8.8)
    lines = continued(command)
    assert max(map(len, lines)) <= 80
    assert shlex.split(" ".join(line.removesuffix("\\") for line in lines)) == shlex.split(command)


@pytest.mark.slow
def test_every_kind_of_latents_can_be_judged(tmp_path):
    """No dimensions, an estimated rate: the numbers still add up."""
    for model in (
        {"prior": "mixture"},
        {"posterior": "von-mises-fisher"},
        {"posterior": "flow", "prior": "flow"},
    ):
        config = tiny_config(model=model, training={"epochs": 1})
        run = train_run(
            ENGLISH, tmp_path / "run", config, overwrite=True, device="cpu", cache_dir=tmp_path / "cache"
        )
        found = diagnose(load_codec(run / "model"), TEXTS, run=str(run))
        assert len(found.dimension_rates) == 1
        assert found.vitals.rate == pytest.approx(sum(found.dimension_rates))
        assert found.vitals.prior_gap is None


def test_the_history_of_a_faithful_run_has_no_target_rate(tmp_path):
    settings = {"objective": {"target_rate": None, "faithful": 0.9}}
    run = train_run(ENGLISH, tmp_path / "run", tiny_config(**settings), device="cpu", cache_dir=tmp_path)
    assert "target_distortion" in [line for line in read_metrics(run) if line["kind"] == "held_out"][-1]
    history = History.read(str(run))
    assert (history.target_rate, history.pinned) == (None, None)
    assert history.settings.objective.faithful == 0.9


def test_of_a_prior_that_depends_on_the_condition_no_gap_is_told():
    apart = HEALTHY | {"prior_gap": 3.0}
    codes = [
        [one.code for one in find(Vitals(**apart, prior_conditional=is_so), CURES)] for is_so in (False, True)
    ]
    assert "holes" in codes[0]
    assert "holes" not in codes[1]


def test_a_run_that_began_from_another_is_not_told_to_change_its_shape():
    pinned = HEALTHY | {"rate": 2.0, "target_rate": 8.0, "pinned": "low"}
    for origin in (None, "runs/old"):
        remedies = Remedies(run="runs/a", settings=CURES.settings, origin=origin)
        [found] = [one for one in find(Vitals(**pinned), remedies) if one.code == "off_target"]
        assert (found.remedy is None) == (origin is not None)
        if found.remedy:
            assert f"model.latent_dim={2 * HEALTHY['latent_dim']}" in found.remedy
