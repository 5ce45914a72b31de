import math

import pytest
import torch
from test_cli import done
from tiny import ENGLISH, train_tiny
from untrained import untrained

from textvae import TextVAE
from textvae.codec.fitted import PRIOR_FILE
from textvae.control.priors import fit_prior
from textvae.control.priors.mixture import fit_mixture
from textvae.distributions import DiagonalGaussian, GaussianMixture
from textvae.errors import CorruptRunError, DataError
from textvae.evaluation.likelihood import likelihoods


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def posteriors(num, centres, *, scale=0.3, seed=0):
    """Posteriors of texts that gather at three places of the plane."""
    chosen = torch.randint(len(centres), (num,), generator=generator(seed))
    loc = torch.tensor(centres)[chosen] + 0.2 * torch.randn(num, 2, generator=generator(seed + 1))
    return DiagonalGaussian(loc, torch.full_like(loc, scale))


CENTRES = [[2.0, 0.0], [-2.0, 1.0], [0.0, -2.0]]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("priors") / "run")


# The distribution


def mixture():
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    loc = torch.tensor(CENTRES, dtype=torch.float64)
    return GaussianMixture(weights, loc, torch.full_like(loc, 0.5))


def test_the_density_is_the_weighted_sum():
    z = torch.randn(20, 2, generator=generator(), dtype=torch.float64)
    squares = (z.unsqueeze(1) - mixture().loc).square().sum(-1)
    densities = torch.exp(-squares / 2 / 0.25) / (2 * math.pi * 0.25) @ mixture().weights
    torch.testing.assert_close(mixture().log_prob(z), densities.log())


def test_samples_have_the_mixture_s_moments():
    num = 40_000
    z = mixture().at(torch.randn(num, 3, generator=generator(), dtype=torch.float64))
    deviation = (z.mean(0) - mixture().mean).abs() / (mixture().variance / num).sqrt()
    assert bool((deviation < 4).all())
    assert z.var(dim=0).numpy() == pytest.approx(mixture().variance.numpy(), rel=0.05)


def test_the_quantile_of_the_last_number_chooses_the_component():
    quantiles = torch.tensor([[0.0], [0.19], [0.2001], [0.999]], dtype=torch.float64)
    chosen = mixture().at(torch.cat([torch.zeros(4, 2), torch.special.ndtri(quantiles)], dim=1))
    assert chosen.tolist() == [CENTRES[0], CENTRES[0], CENTRES[1], CENTRES[2]]


# Fitting


def test_the_fit_finds_where_the_texts_are():
    fitted = fit_mixture(posteriors(600, CENTRES), 3)
    nearest = torch.cdist(torch.tensor(CENTRES).double(), fitted.loc).min(dim=1).values
    assert float(nearest.max()) < 0.1
    assert float(fitted.weights.sum()) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(8))
def test_no_group_of_texts_is_left_without_a_component(seed):
    fitted = fit_mixture(posteriors(400, CENTRES), 3, seed=seed)
    assert fitted.weights.tolist() == pytest.approx([1 / 3] * 3, abs=0.05)


def test_more_rounds_raise_the_expected_log_density(monkeypatch):
    posterior = posteriors(400, CENTRES)
    z = posterior.at(torch.randn(50, 400, 2, generator=generator())).double()
    densities = []
    for rounds in (1, 3, 10, 60):
        monkeypatch.setattr("textvae.control.priors.mixture.NUM_ROUNDS", rounds)
        densities.append(float(fit_mixture(posterior, 3).log_prob(z).mean()))
    assert densities == sorted(densities)


def test_the_rate_falls_by_the_gain():
    found = fit_prior(posteriors(1000, CENTRES), kind="mixture", sizes=(1, 3))
    assert found.prior is not None
    assert len(found.prior.weights) == 3
    assert found.gain == pytest.approx(found.log_density - found.own_log_density)
    assert found.gain > 1


def test_where_nothing_is_to_be_won_little_changes():
    loc = 0.8 * torch.randn(2000, 2, generator=generator())
    aggregate_is_normal = DiagonalGaussian(loc, torch.full_like(loc, 0.6))
    assert abs(fit_prior(aggregate_is_normal, kind="mixture").gain) < 0.05


def test_a_few_texts_are_too_few():
    with pytest.raises(DataError, match="fitted to 99 texts; give at least 100"):
        fit_prior(posteriors(99, CENTRES))


# In use


@pytest.mark.slow
def test_a_mixture_that_is_the_standard_normal_changes_no_bound():
    codec = untrained(latent_dim=2)
    store = codec.store(ENGLISH[:8])
    before = likelihoods(codec, store, num_samples=4)
    zeros = torch.zeros(2, 2, dtype=torch.float64)
    codec.fitted_prior = GaussianMixture(torch.tensor([0.3, 0.7]).double(), zeros, zeros + 1)
    after = likelihoods(codec, store, num_samples=4)
    torch.testing.assert_close(after.iw_nll, before.iw_nll)
    many = torch.stack([likelihoods(codec, store, num_samples=1, seed=s).rate for s in range(200)])
    error = (many.mean(0) - before.rate).abs() / (many.std(0) / 200**0.5)
    assert float(error.max()) < 4  # the estimate is unbiased


def test_samples_come_from_the_fitted_prior():
    codec = untrained(latent_dim=2)
    codec.fitted_prior = mixture()
    z = codec.prior_sample(3000, seed=1)
    torch.testing.assert_close(codec.prior_sample(10, seed=1), z[:10])  # a row's z is its own
    nearest = torch.cdist(z, mixture().loc).argmin(dim=1).bincount() / 3000
    assert nearest.tolist() == pytest.approx([0.2, 0.5, 0.3], abs=0.04)


def test_it_is_kept_with_the_model_and_dropped_again(run, tmp_path):
    vae = TextVAE.from_pretrained(run, device="cpu")
    plain = vae.codec.prior_sample(20, seed=3)
    fit = vae.fit_prior(ENGLISH * 2, kind="mixture")
    assert fit.prior is not None
    vae.save(tmp_path / "model")
    again = TextVAE.from_pretrained(tmp_path / "model", device="cpu")
    assert again.sample(20, seed=3) == vae.sample(20, seed=3)
    assert not torch.allclose(again.codec.prior_sample(20, seed=3), plain)
    again.drop_prior()
    assert torch.equal(again.codec.prior_sample(20, seed=3), plain)


def test_an_export_keeps_it(run, tmp_path):
    pytest.importorskip("onnxruntime")
    vae = TextVAE.from_pretrained(run, device="cpu")
    vae.fit_prior(ENGLISH, kind="mixture")
    vae.export(tmp_path / "export")
    exported = TextVAE.from_pretrained(tmp_path / "export")
    torch.testing.assert_close(exported.codec.prior_sample(5, seed=2), vae.codec.prior_sample(5, seed=2))


def test_a_prior_of_another_model_is_refused(run, tmp_path):
    vae = TextVAE.from_pretrained(run, device="cpu")
    vae.codec.fitted_prior = mixture()  # of 2 dimensions; the model has 4
    vae.save(tmp_path / "model")
    with pytest.raises(CorruptRunError, match=rf"{PRIOR_FILE} holds no mixture over 4 dimensions"):
        TextVAE.from_pretrained(tmp_path / "model", device="cpu")


def test_on_the_command_line(run, tmp_path):
    (tmp_path / "texts.txt").write_text("\n".join(ENGLISH), encoding="utf-8")
    drawn = ("sample", run, "--seed", 1, "-n", 30, "--temperature", 1, "--any-words", "--candidates", 1)
    before = done(*drawn).stdout
    said = done("prior", "fit", run, tmp_path / "texts.txt", "--kind", "mixture").stdout
    assert "a mixture of 16 Gaussians, fitted to 162 texts" in said
    assert done(*drawn).stdout != before
    assert "mixture of 16 Gaussians" in done("info", run).stdout
    assert "z from the fitted prior" in done("sample", run).stderr
    done("prior", "drop", run)
    assert done(*drawn).stdout == before
    assert "mixture" not in done("info", run).stdout
