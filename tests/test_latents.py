"""Priors and posteriors as distributions: one suite over all kinds, then what is special to each."""

import math

import numpy as np
import pytest
import torch
from torch.autograd.functional import jacobian

from textvae.config import ModelConfig, RunConfig
from textvae.config.model import CONDITIONAL, PARTNERS, POSTERIORS, PRIORS
from textvae.diagnostics.latents import mutual_information, posterior_information
from textvae.distributions import (
    DiagonalGaussian,
    FlowDistribution,
    GaussianMixture,
    SphereUniform,
    VonMisesFisher,
    has_closed_form,
    joined,
    rate,
    rate_at,
    rate_parts,
    rows,
    standard_normal,
    wide,
)
from textvae.distributions.sphere import (
    concentration,
    concentration_rate,
    log_area,
    log_bessel,
    log_normaliser,
    mean_length,
)
from textvae.errors import ConfigError, MissingExtraError
from textvae.models import flows, posteriors, priors
from textvae.models.posteriors import BatchNormFamily, DeltaFamily, build_posterior
from textvae.models.priors import build_prior
from textvae.training.run import train_run

DIM = 3
ZERO = torch.zeros(DIM, dtype=torch.float64)


def normals(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def config(posterior="gaussian", prior="standard", **more):
    settings = {"latent_dim": DIM, "kappa": 5.0, "prior_components": 4, "embed_dim": 6, "vocab_size": 20}
    return ModelConfig(posterior=posterior, prior=prior, **(settings | more))


def family(name, **more):
    """The family in evaluation mode; a posterior needs no text but numbers."""
    torch.manual_seed(1)
    return build_posterior(config(name, **more)).double().eval()


def posterior_of(name, num=2, seed=0):
    built = family(name)
    return built(normals(num, built.width, seed=seed))


def prior_of(name, posterior="gaussian"):
    torch.manual_seed(2)
    gaussian = family("gaussian")

    def read(embedded):
        return gaussian(embedded.mean(dim=1)[:, : gaussian.width])

    return build_prior(config(posterior, name)).double()(read)


PAIRS = [
    (q, p) for q in POSTERIORS for p in PARTNERS[q][0] if p != CONDITIONAL
]  # that one: test_conditions_*


# All kinds


def test_every_name_of_the_settings_has_its_builder():
    assert tuple(posteriors.BUILDERS) == POSTERIORS
    assert tuple(priors.BUILDERS) == PRIORS
    assert tuple(PARTNERS) == POSTERIORS


@pytest.mark.parametrize(("posterior", "prior"), PAIRS)
def test_the_rate_is_the_mean_of_its_estimates_and_positive(posterior, prior):
    q, p, num = posterior_of(posterior), prior_of(prior, posterior), 4000
    with torch.no_grad():
        z = q.at(normals(num, 2, q.noise_dim, seed=3))
        ratios = q.log_prob(z) - p.log_prob(z)  # (K, B)
        error = ratios.std(dim=0) / math.sqrt(num)
        assert ratios.shape == (num, 2)
        if has_closed_form(q, p):
            assert bool(((ratios.mean(dim=0) - rate(q, p)).abs() < 4 * error).all())
            assert bool((rate(q, p) >= 0).all())
        else:
            torch.testing.assert_close(rate_at(q, p, z[0]), ratios[0])
        assert bool((ratios.mean(dim=0) > -4 * error).all())
        torch.testing.assert_close(rate_parts(q, p, z[0]).sum(dim=-1), rate_at(q, p, z[0]))


@pytest.mark.parametrize("name", POSTERIORS)
def test_posteriors_are_normalised(name):
    """E over the prior, uniform or wide, of q / p is 1."""
    q = rows(posterior_of(name), slice(1))
    if name == "von-mises-fisher":
        p = SphereUniform(ZERO)
        z = p.at(normals(40_000, DIM, seed=4))
    else:
        p = DiagonalGaussian(q.loc[0].detach(), torch.full_like(ZERO, 2.0))
        z = p.at(normals(40_000, DIM, seed=4))
    with torch.no_grad():
        ratios = (q.log_prob(z) - p.log_prob(z)).exp()
    assert abs(float(ratios.mean()) - 1) < 4 * float(ratios.std()) / 200


@pytest.mark.parametrize(
    ("prior", "posterior"),
    [(p, "gaussian") for p in PRIORS if p != CONDITIONAL] + [("standard", "von-mises-fisher")],
)
def test_priors_are_normalised_and_drawn_from_noise(prior, posterior):
    p = prior_of(prior, posterior)
    with torch.no_grad():
        z = p.at(normals(20_000, p.noise_dim, seed=5))
        if posterior == "von-mises-fisher":
            assert z.norm(dim=-1).numpy() == pytest.approx(np.ones(20_000))
            other = VonMisesFisher(torch.tensor([0.6, 0.8, 0.0], dtype=torch.float64), 1.0)
        else:
            other = DiagonalGaussian(z.mean(dim=0), z.std(dim=0) * 0.9)
        ratios = (other.log_prob(z) - p.log_prob(z)).exp()  # the mean is 1 if z ~ p and both are normalised
    assert abs(float(ratios.mean()) - 1) < 4 * float(ratios.std()) / math.sqrt(len(ratios))
    noise = normals(9, p.noise_dim, seed=6)
    torch.testing.assert_close(p.at(noise[3:5]), p.at(noise)[3:5])


@pytest.mark.parametrize("name", POSTERIORS)
def test_rows_and_joined_undo_each_other(name):
    q = posterior_of(name, num=5)
    order = [4, 0, 2, 1, 3]
    again = rows(joined([rows(q, [0, 2]), rows(q, [1, 3, 4])]), np.argsort([0, 2, 1, 3, 4]))
    z = normals(5, DIM, seed=6)
    for one, other in ((q.loc, again.loc), (q.at(z), again.at(z)), (q.log_prob(z), again.log_prob(z))):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(rows(q, order).at(z[order]), q.at(z)[order])


@pytest.mark.parametrize("name", POSTERIORS)
def test_draws_are_reparameterised(name):
    built = family(name)
    numbers = normals(2, built.width).requires_grad_()
    built(numbers).at(normals(2, DIM)).square()[:, 0].sum().backward()
    assert bool(numbers.grad.isfinite().all())
    assert float(numbers.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", POSTERIORS)
def test_float32_numbers_give_float32_draws_and_wide_densities(name):
    built = family(name).float()
    q = built(normals(2, built.width).float())
    z = q.at(normals(2, DIM).float())
    assert z.dtype == q.loc.dtype == q.log_prob(z).dtype == torch.float32
    assert wide(q).log_prob(z.double()).dtype == torch.float64
    torch.testing.assert_close(wide(q).log_prob(z.double()).float(), q.log_prob(z), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", POSTERIORS)
def test_the_rate_is_information_and_what_the_aggregate_lacks(name):
    """E[rate] = MI + KL(q(z) || p), the second by the same samples."""
    num = 40
    q = posterior_of(name, num=num, seed=7)
    p = prior_of("standard", name)
    with torch.no_grad():
        z = q.at(normals(60, num, DIM, seed=8)).flatten(0, 1)
        log_aggregate = q.log_prob(z.unsqueeze(1)).logsumexp(dim=1) - math.log(num)
        own = torch.cat([q.log_prob(part) for part in z.split(num)])
        lacking = log_aggregate - p.log_prob(z)
        information = own - log_aggregate
        total = rate(q, p).mean() if has_closed_form(q, p) else (own - p.log_prob(z)).mean()
        error = float((own - p.log_prob(z)).std()) / math.sqrt(len(z))
        assert float(information.mean() + lacking.mean()) == pytest.approx(float(total), abs=4 * error)
        assert float(lacking.mean()) > -4 * float(lacking.std()) / math.sqrt(len(z))
        estimates = [posterior_information(q, generator=torch.Generator().manual_seed(s)) for s in range(12)]
    spread = float(np.std(estimates)) / math.sqrt(12)
    bias = 0.05 if name != "von-mises-fisher" and not isinstance(q, FlowDistribution) else 0.0
    assert float(np.mean(estimates)) == pytest.approx(
        float(information.mean()), abs=4 * spread + 4 * error + bias
    )
    assert max(estimates) <= math.log(num)


def test_information_of_equal_posteriors_is_none_and_gaussians_keep_theirs():
    q = posterior_of("flow", num=1)
    assert posterior_information(rows(q, [0] * 9)) == pytest.approx(0, abs=1e-9)
    gaussian = posterior_of("gaussian", num=9)
    assert posterior_information(gaussian) == mutual_information(gaussian.loc, gaussian.scale)


def test_rate_under_itself_is_none():
    z = normals(4, DIM)
    for q in (prior_of("mixture"), prior_of("flow"), prior_of("vamp")):
        assert rate_at(q, q, z).abs().max() == 0


# Flows


@pytest.mark.parametrize(
    "flow", [flows.coupling_flow(DIM, 3, context_dim=2), flows.autoregressive_flow(DIM, 2)]
)
def test_flows_invert_and_their_log_determinant_is_autograd_s(flow):
    flow = flow.double()
    context = normals(1, 2)[0] if "Coupling" in repr(flow) else None
    transform, z = flow(context), normals(DIM, seed=1)
    y, log_determinant = transform.call_and_ladj(z)
    torch.testing.assert_close(transform.inv(y), z)
    torch.testing.assert_close(jacobian(transform, z).det().abs().log(), log_determinant)


def test_a_flow_posterior_knows_the_density_of_its_own_draws():
    q = posterior_of("flow", num=4)
    noise = normals(4, DIM, seed=2)
    z = q.at(noise)
    jacobians = torch.stack(
        [jacobian(lambda n, i=i: rows(q, [i]).at(n[None])[0], noise[i]) for i in range(4)]
    )
    expected = standard_normal(DIM, like=noise).log_prob(noise) - jacobians.det().abs().log()
    torch.testing.assert_close(q.log_prob(z), expected)


def test_a_missing_extra_is_named_before_anything_is_read(monkeypatch, tmp_path):
    monkeypatch.setattr(flows, "find_spec", lambda name: None)
    message = r"needs zuko, which is not installed: pip install 'textvae\[control\]'"
    with pytest.raises(MissingExtraError, match=message):
        flows.autoregressive_flow(4, 1)
    with pytest.raises(MissingExtraError, match=message):
        train_run(
            tmp_path / "no such file", tmp_path / "run", RunConfig().updated({"model": {"prior": "flow"}})
        )


# The sphere


@pytest.mark.parametrize("kappa", [0.01, 1.0, 30.0, 800.0])
def test_bessel_functions_of_half_order_are_elementary(kappa):
    log_sinh = kappa + math.log1p(-math.exp(-2 * kappa)) - math.log(2)
    assert log_bessel(0.5, kappa) == pytest.approx(
        log_sinh + 0.5 * math.log(2 / math.pi / kappa), rel=1e-10, abs=1e-10
    )
    assert mean_length(kappa, 3) == pytest.approx(1 / math.tanh(kappa) - 1 / kappa, rel=1e-7)


@pytest.mark.parametrize("dim", [2, 3, 5, 32])
@pytest.mark.parametrize("kappa", [0.1, 5.0, 200.0])
def test_normaliser_and_rate_match_the_integral_over_the_angle(dim, kappa):
    angles = torch.linspace(0, math.pi, 200_001, dtype=torch.float64)
    ring = log_area(dim - 1) if dim > 2 else math.log(2)
    density = torch.exp(log_normaliser(kappa, dim) + kappa * angles.cos() + ring) * angles.sin() ** (dim - 2)
    assert float(torch.trapezoid(density, angles)) == pytest.approx(1, abs=1e-7)
    expected = torch.trapezoid(
        density * (log_normaliser(kappa, dim) + kappa * angles.cos() + log_area(dim)), angles
    )
    assert concentration_rate(kappa, dim) == pytest.approx(float(expected), rel=1e-6, abs=1e-9)
    assert concentration(concentration_rate(kappa, dim), dim) == pytest.approx(kappa, rel=1e-6)


def test_a_sphere_holds_so_much():
    with pytest.raises(
        ConfigError, match=r"a sphere in 2 dimensions holds at most 7.3; raise model.latent_dim"
    ):
        concentration(20.0, 2)


@pytest.mark.parametrize("dim", [2, 3, 16])
@pytest.mark.parametrize("kappa", [0.5, 20.0, 500.0])
def test_draws_on_the_sphere_have_its_moments(dim, kappa):
    num, loc = 20_000, torch.nn.functional.normalize(normals(dim, seed=dim), dim=0)
    q = VonMisesFisher(loc.expand(num, dim), kappa)
    z = q.at(normals(num, dim, seed=1))
    assert z.norm(dim=-1).numpy() == pytest.approx(np.ones(num))
    along = z @ loc
    assert abs(float(along.mean()) - mean_length(kappa, dim)) < 4 * float(along.std()) / math.sqrt(num)
    expected = 1 - mean_length(kappa, dim) * (dim - 1) / kappa  # E[(loc·z)²], from Bessel's equation
    squares = along.square()
    assert abs(float(squares.mean()) - expected) < 4 * float(squares.std()) / math.sqrt(num)
    across = z - along.unsqueeze(1) * loc
    assert bool((across.mean(dim=0).abs() < 4.5 * across.std(dim=0) / math.sqrt(num)).all())


def test_the_angle_is_a_quantile_exact_to_a_millionth():
    """In three dimensions the height along loc has the quantile 1 + ln(u + (1 - u) exp(-2 kappa)) / kappa."""
    kappa, noise = 7.0, torch.linspace(-4, 4, 101, dtype=torch.float64)
    loc = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64).expand(101, 3)
    z = VonMisesFisher(loc, kappa).at(torch.stack([noise, noise, noise + 1], dim=1))
    below = torch.special.ndtr(-noise)  # a large number is a large angle: far from loc
    expected = 1 + torch.log(below + (1 - below) * math.exp(-2 * kappa)) / kappa
    assert float((z[:, 0] - expected).abs().max()) < 2e-6


# The floors under the rate


@pytest.mark.parametrize("delta", [0.01, 1.0, 20.0])
@pytest.mark.parametrize(("dtype", "slack"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_a_delta_posterior_keeps_its_rate_whatever_the_encoder_says(delta, dtype, slack):
    built = DeltaFamily(DIM, delta).to(dtype)
    wild = torch.cat([normals(200, built.width, seed=s) * size for s, size in enumerate((0.01, 1, 10, 1e4))])
    q = built(wild.to(dtype))
    rates = rate(q, standard_normal(DIM, like=q.loc))
    assert bool(rates.isfinite().all())
    assert float(rates.min()) >= delta - slack * (1 + delta)
    idle = built(torch.full((1, built.width), -0.1, dtype=dtype))  # no mean asked for: the floor itself
    assert float(rate(idle, standard_normal(DIM, like=q.loc))) == pytest.approx(delta, rel=1e-4)


def test_batch_norm_fixes_the_mean_square_of_the_means():
    built = BatchNormFamily(DIM, 0.7).double().train()
    with torch.no_grad():
        built.shift.copy_(torch.tensor([0.0, 0.5, -1.0]))
    q = built(100 * normals(400, built.width) + 30)
    torch.testing.assert_close(
        q.loc.square().mean(dim=0), 0.49 + built.shift.detach().square(), rtol=1e-6, atol=1e-6
    )
    assert float(rate(q, standard_normal(DIM, like=q.loc)).mean().detach()) >= DIM * 0.49 / 2


def test_batch_norm_in_evaluation_looks_at_one_text_at_a_time():
    built = BatchNormFamily(DIM, 0.5).double().train()
    for seed in range(200):
        built(3 * normals(64, built.width, seed=seed) + 2)
    built.eval()
    numbers = 3 * normals(5000, built.width, seed=999) + 2
    torch.testing.assert_close(built(numbers[:1]).loc, built(numbers).loc[:1])
    assert float(built(numbers).loc.detach().std()) == pytest.approx(0.5, rel=0.1)
    before = built.running_mean.clone()
    built.train()(numbers[:1])  # a batch of one has no variance
    assert torch.equal(built.running_mean, before)


def test_a_vamp_prior_is_the_mean_of_its_posteriors():
    posterior = posterior_of("gaussian", num=4)
    prior = build_prior(config(prior="vamp")).double()(lambda embedded: posterior)
    assert isinstance(prior, GaussianMixture)
    z = normals(9, DIM)
    torch.testing.assert_close(prior.log_prob(z), posterior.log_prob(z.unsqueeze(1)).exp().mean(dim=1).log())
