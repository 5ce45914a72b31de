"""Every prior with every posterior it goes with: trained, saved, resumed, measured, exported or refused."""

import math
import os
import signal

import pytest
import torch
from test_resume import bits
from tiny import CHINESE, ENGLISH, tiny_config
from untrained import untrained

from textvae import TextVAE
from textvae.config import ModelConfig, RunConfig
from textvae.config.model import CONDITIONAL, PARTNERS
from textvae.config.presets import language_model
from textvae.control.priors import fit_prior
from textvae.distributions import has_closed_form
from textvae.distributions.sphere import concentration_rate
from textvae.errors import ConfigError, ExportError
from textvae.evaluation.likelihood import likelihoods
from textvae.models.modeling import VAEModel
from textvae.training import step
from textvae.training.heldout import held_out
from textvae.training.preparation import prepare
from textvae.training.records import read_metrics
from textvae.training.run import resumed_config, train_run

FREE = {q: [p for p in priors if p != CONDITIONAL] for q, (priors, _) in PARTNERS.items()}
PAIRS = [(q, p) for q in FREE for p in FREE[q]]
EACH_ONCE = {(q, FREE[q][-1]) for q in FREE} | {("gaussian", "vamp")}
"""Pairs in which every family has its turn; the others are trained by the slow tests."""
SMALL = {"prior_components": 3, "pseudo_length": 4, "prior_layers": 2, "flow_layers": 2, "delta": 1.0}


@pytest.fixture(autouse=True)
def _no_curves(monkeypatch):
    monkeypatch.setattr("textvae.training.trainer.draw_curves", lambda run: None)


def train(folder, texts=ENGLISH[:90], *, resume=False, **sections):
    training = {"epochs": 1, "ema": 0.9, "samples": 1}
    config = resumed_config(folder) if resume else tiny_config(training=training).updated(sections)
    return train_run(texts, folder, config, resume=resume, device="cpu", cache_dir=folder.parent / "cache")


def interrupted_at(number, folder, monkeypatch, **sections):
    take, calls = step.Stepper.take, []

    def counted(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGINT)
        return take(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(step.Stepper, "take", counted)
        with pytest.raises(KeyboardInterrupt):
            train(folder, **sections)


@pytest.mark.parametrize(
    ("posterior", "prior"),
    [pytest.param(*pair, marks=() if pair in EACH_ONCE else pytest.mark.slow) for pair in PAIRS],
)
def test_it_trains_resumes_and_comes_back_from_disk(posterior, prior, tmp_path, monkeypatch):
    model = {"posterior": posterior, "prior": prior, **SMALL}
    whole = train(tmp_path / "whole", model=model)
    interrupted_at(3, tmp_path / "cut", monkeypatch, model=model)
    assert bits(train(tmp_path / "cut", resume=True)) == bits(whole)
    records = read_metrics(whole)
    assert all(
        math.isfinite(value) for record in records for value in record.values() if isinstance(value, float)
    )
    assert records == read_metrics(tmp_path / "cut")

    vae = TextVAE.from_pretrained(whole, device="cpu")
    vae.save(tmp_path / "saved")
    again = TextVAE.from_pretrained(tmp_path / "saved", device="cpu")
    store = vae.codec.store(ENGLISH[:6])
    before, after = (likelihoods(v.codec, store, num_samples=3) for v in (vae, again))
    for name in ("distortion", "rate", "iw_nll"):
        assert torch.equal(getattr(before, name), getattr(after, name))
        assert bool(getattr(before, name).isfinite().all())
    assert torch.equal(vae.codec.prior_sample(4, seed=1), again.codec.prior_sample(4, seed=1))


@pytest.mark.parametrize(("posterior", "prior"), PAIRS)
def test_batch_mates_change_nothing(posterior, prior):
    codec = untrained(posterior=posterior, prior=prior, kappa=5.0, **SMALL)
    texts = [ENGLISH[0], ENGLISH[70] + ENGLISH[3], ENGLISH[5], "the"]
    store = codec.store(texts)
    together = likelihoods(codec, store, num_samples=2, seed=4)
    z = codec.encode(texts, sample=True, seed=3)
    codec.batch_size = 1
    for name, found in vars(likelihoods(codec, store, num_samples=2, seed=4)).items():
        if name != "posterior":
            torch.testing.assert_close(found, getattr(together, name))
    torch.testing.assert_close(codec.encode(texts, sample=True, seed=3), z)
    torch.testing.assert_close(codec.encode(texts[:2], sample=True, seed=3), z[:2])
    assert codec.posterior([]).loc.shape == (0, 3)
    if has_closed_form(codec.posterior(store), codec.prior()):
        assert held_out(codec, store).rate == pytest.approx(float(together.rate.mean()))


@pytest.mark.parametrize(
    ("posterior", "prior"), [("gaussian", "vamp"), ("flow", "flow"), ("von-mises-fisher", "standard")]
)
def test_in_chinese(posterior, prior, tmp_path):
    run = train(tmp_path / "run", CHINESE, model={"posterior": posterior, "prior": prior, **SMALL})
    vae = TextVAE.from_pretrained(run, device="cpu")
    found = vae.evaluate(CHINESE[:20], num_samples=2, num_prior=3)
    assert all(map(math.isfinite, found.measures.values()))
    assert found.measures["mutual_information"] <= math.log(20)
    assert len(vae.interpolate(*CHINESE[:2], steps=3)) == 3


def test_the_default_is_the_model_it_was():
    names = set(untrained().model.state_dict())
    assert not [name for name in names if "family" in name]
    assert untrained().model.state_dict()["posterior_head.weight"].shape == (6, 32)


def test_masks_are_not_saved_as_weights(tmp_path):
    vae = TextVAE(untrained(prior="flow", **SMALL))
    vae.save(tmp_path / "model")
    from safetensors.torch import load_file

    names = load_file(tmp_path / "model" / "model.safetensors")
    assert any(name.startswith("prior_family.flow") for name in names)
    assert not [name for name in names if name.endswith(("mask", "order"))]


# A fitted prior


def test_a_prior_is_fitted_to_the_draws_of_a_flow_and_beats_a_poor_one():
    vae = TextVAE(untrained(posterior="flow", **SMALL))
    own = vae.codec.prior_sample(3, seed=1)
    found = vae.fit_prior(ENGLISH, kind="mixture", seed=1)
    assert found.prior is not None
    assert found.gain > 0
    assert not torch.allclose(vae.codec.prior_sample(3, seed=1), own)


def test_a_learned_prior_is_the_one_to_beat():
    posterior, own = (
        untrained(prior="vamp", **SMALL).posterior(ENGLISH),
        untrained(prior="vamp", **SMALL).prior(),
    )
    densities = [fit_prior(posterior, prior, kind="mixture").own_log_density for prior in (own, None)]
    assert densities[0] > densities[1] + 0.1  # a VampPrior's components are posteriors of the same encoder
    fits = [fit_prior(posterior, prior, kind="mixture") for prior in (own, None)]
    assert fits[0].log_density == fits[1].log_density


def test_no_prior_fits_a_sphere():
    vae = TextVAE(untrained(posterior="von-mises-fisher", kappa=3.0))
    with pytest.raises(ConfigError, match="lie on a sphere; no prior can be fitted to them"):
        vae.fit_prior(ENGLISH)


# The concentration and the rate


def test_the_target_rate_chooses_the_concentration(tmp_path):
    run = train(tmp_path / "run", model={"posterior": "von-mises-fisher"})
    saved = resumed_config(run)
    assert concentration_rate(saved.model.kappa, 4) == pytest.approx(3.0)
    held = [record for record in read_metrics(run) if record["kind"] == "held_out"]
    assert held[0]["rate"] == pytest.approx(3.0)


def test_the_concentration_chooses_the_target_rate(tmp_path):
    model, objective = {"posterior": "von-mises-fisher", "kappa": 20.0}, {"target_rate": None}
    run = train(tmp_path / "run", model=model, objective=objective)
    saved = resumed_config(run)
    assert saved.model.kappa == 20.0
    assert saved.objective.target_rate == pytest.approx(concentration_rate(20.0, 4))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"model": {"prior": "vmap"}}, "model.prior is 'vmap'; did you mean vamp?"),
        (
            {"model": {"posterior": "delta", "prior": "flow"}},
            r"against N\(0, I\) only; it goes with prior standard",
        ),
        ({"model": {"posterior": "von-mises-fisher", "prior": "mixture"}}, "lie on a sphere"),
        ({"model": {"posterior": "batch_norm", "prior": "vamp"}}, "standard or mixture or flow"),
        ({"model": {"prior": "flow", "latent_dim": 1}}, "need at least 2"),
        ({"model": {"posterior": "delta", "delta": 0}}, "model.delta is 0.0; it must be greater than 0"),
        (
            {"model": {"prior": "vamp", "encoder": "none", "injection": "none"}},
            "so there is no z for the vamp prior",
        ),
        (
            {"model": {"prior": "flow"}, "objective": {"free_bits": "dimension", "free_nats": 2}},
            "no sum over dimensions; use free_bits sentence or none",
        ),
        (
            {"model": {"posterior": "delta", "delta": 6}, "objective": {"target_rate": 5}},
            "target_rate is 5 nats, and the delta posterior keeps the rate above 6; raise the target",
        ),
        ({"model": {"posterior": "batch_norm", "gamma": 1}, "objective": {"target_rate": 5}}, "above 16"),
        (
            {"model": {"posterior": "von-mises-fisher"}, "objective": {"faithful": 0.9}},
            "set faithful to null",
        ),
        (
            {"model": {"posterior": "von-mises-fisher"}, "objective": {"beta": "constant"}},
            "model.kappa is not set",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(sections, message):
    with pytest.raises(ConfigError, match=message):
        RunConfig().updated(sections)


def test_a_concentration_and_another_target_rate_are_refused():
    sections = {"model": {"posterior": "von-mises-fisher", "kappa": 9}, "objective": {"target_rate": 5}}
    with pytest.raises(ConfigError, match="the rate has one owner: set one of them to null"):
        prepare(ENGLISH, RunConfig().updated(sections))


def test_a_model_without_its_concentration_is_refused():
    with pytest.raises(ConfigError, match=r"model.kappa is not set; it comes from objective.target_rate"):
        VAEModel(ModelConfig(vocab_size=20, posterior="von-mises-fisher"))


def test_a_language_model_has_no_learned_prior():
    config = RunConfig().updated({"model": {"posterior": "flow", "prior": "flow"}})
    assert language_model(config).model.prior == "standard"


# Exports


@pytest.mark.parametrize(
    ("posterior", "prior"), [("batch_norm", "standard"), ("delta", "standard"), ("gaussian", "vamp")]
)
def test_gaussian_posteriors_and_mixtures_export(posterior, prior, tmp_path):
    pytest.importorskip("onnxruntime")
    vae = TextVAE(untrained(posterior=posterior, prior=prior, dtype=torch.float32, **SMALL))
    vae.export(tmp_path / "export")
    exported = TextVAE.from_pretrained(tmp_path / "export")
    store = vae.codec.store(ENGLISH[:5])
    own, other = (likelihoods(v.codec, store, num_samples=2) for v in (vae, exported))
    torch.testing.assert_close(own.rate, other.rate, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(
        exported.codec.prior_sample(3), vae.codec.prior_sample(3), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("posterior", "prior"), [("flow", "standard"), ("gaussian", "flow"), ("von-mises-fisher", "standard")]
)
def test_others_are_refused_in_a_line(posterior, prior, tmp_path):
    pytest.importorskip("onnxruntime")
    vae = TextVAE(untrained(posterior=posterior, prior=prior, kappa=3.0, **SMALL))
    with pytest.raises(ExportError, match=f"a {posterior} posterior with a {prior} prior cannot be exported"):
        vae.export(tmp_path / "export")
