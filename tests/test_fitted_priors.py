"""Flows and velocity fields as priors: identities of their densities, what fits them, how they are kept."""

import json

import pytest
import torch
from safetensors.torch import load_file
from test_cli import done, failed
from test_priors import CENTRES, generator, posteriors
from tiny import CHINESE, ENGLISH, tiny_config, train_tiny
from untrained import untrained

from textvae import TextVAE
from textvae.codec.fitted import PRIOR_FILE, SHAPE_FILE, prior_files, read_prior
from textvae.control.priors import KINDS, fit_prior
from textvae.control.priors.aggregate import Aggregate
from textvae.control.priors.descent import Budget
from textvae.distributions import (
    Affine,
    DiagonalGaussian,
    FlowDistribution,
    OdeDistribution,
    standard_normal,
    wide,
)
from textvae.errors import ConfigError, CorruptRunError, MissingExtraError
from textvae.evaluation.digests import model_digest
from textvae.evaluation.likelihood import likelihoods
from textvae.models.fitted import FittedField, FittedFlow, Shape
from textvae.models.velocity import VelocityField
from textvae.training.run import train_run

NETWORKS = {"flow": FittedFlow, "flow-matching": FittedField}


def random_prior(kind, dim=2, seed=0, size=0.5):
    """A prior of a network that nobody trained, far from its start."""
    torch.manual_seed(seed)
    network = NETWORKS[kind](Shape(dim=dim, width=16, layers=3)).requires_grad_(False)
    for weights in network.parameters():
        torch.nn.init.normal_(weights, std=size / weights.shape[-1] ** 0.5)
    base = standard_normal(dim, like=torch.empty(0))
    inner = FlowDistribution(base, network) if kind == "flow" else OdeDistribution(base, network)
    spread = torch.tril(torch.full((dim, dim), 0.3)) + torch.eye(dim)
    return Affine(inner, torch.linspace(-1, 1, dim), spread)


def grid(steps, reach=9.0):
    line = torch.linspace(-reach, reach, steps)
    return torch.cartesian_prod(line, line), (2 * reach / (steps - 1)) ** 2


@pytest.fixture
def short(monkeypatch):
    """Fits that are over at once."""
    for module in ("flow", "matching"):
        budget = Budget(learning_rate=1e-3, min_steps=30, max_steps=30)
        monkeypatch.setattr(f"textvae.control.priors.{module}.BUDGET", budget)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("fitted") / "run")


# The densities


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_density_integrates_to_one(kind):
    points, cell = grid(181)
    assert float(random_prior(kind).log_prob(points).exp().sum() * cell) == pytest.approx(1, abs=0.003)


@pytest.mark.parametrize("kind", NETWORKS)
def test_samples_have_the_density_s_moments(kind):
    prior, (points, cell) = random_prior(kind), grid(181)
    mass = prior.log_prob(points).exp() * cell
    mean = mass @ points
    covariance = (mass[:, None] * (points - mean)).T @ (points - mean)
    z = prior.at(torch.randn(20_000, 2, generator=generator()))
    error = (z.mean(dim=0) - mean).abs() / (covariance.diagonal() / len(z)).sqrt()
    assert float(error.max()) < 4
    torch.testing.assert_close(torch.cov(z.T), covariance, rtol=0.05, atol=0.03)


@pytest.mark.parametrize("kind", NETWORKS)
def test_draws_of_any_shape_are_the_rows_they_are_made_of(kind):
    prior, noise = random_prior(kind, dim=3), torch.randn(2, 5, 3, generator=generator())
    z = prior.at(noise)
    assert z.shape == (2, 5, 3)
    torch.testing.assert_close(prior.at(noise[1, 2:4]), z[1, 2:4], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(prior.log_prob(z)[1, 2:4], prior.log_prob(z[1, 2:4]), rtol=1e-5, atol=1e-5)
    assert wide(prior).log_prob(z.double()).dtype == torch.float64


def test_the_trace_of_the_field_is_autograd_s():
    torch.manual_seed(0)
    field = VelocityField(5, 12).double()
    for weights in field.parameters():
        torch.nn.init.normal_(weights, std=0.4)
    x, t = torch.randn(4, 5, dtype=torch.float64), torch.full((1, 1), 0.3, dtype=torch.float64)
    velocity, divergence = field.velocity_and_divergence(x, t)
    jacobian = torch.func.vmap(torch.func.jacrev(lambda y: field.velocity(y[None], t)[0]))(x)
    torch.testing.assert_close(divergence, jacobian.diagonal(dim1=1, dim2=2).sum(dim=1))
    torch.testing.assert_close(velocity, field.velocity(x, t))


def test_an_untrained_field_carries_the_normal_distribution_to_itself():
    prior = OdeDistribution(standard_normal(4, like=torch.empty(0)), VelocityField(4, 8))
    z = torch.randn(50, 4, generator=generator())
    torch.testing.assert_close(prior.log_prob(z), prior.base.log_prob(z), rtol=1e-4, atol=1e-4)


class Towards(VelocityField):
    """The velocity of straight paths from N(0, I) to N(m, s²), known in closed form."""

    def __init__(self, m, s):
        super().__init__(len(m), 1)
        self.m, self.s = torch.tensor(m), torch.tensor(s)

    def velocity(self, x, t):
        slope = (t * self.s**2 - (1 - t)) / (t**2 * self.s**2 + (1 - t) ** 2)
        return self.m + slope * (x - t * self.m)

    def velocity_and_divergence(self, x, t):
        slope = (t * self.s**2 - (1 - t)) / (t**2 * self.s**2 + (1 - t) ** 2)
        return self.velocity(x, t), slope.expand_as(x).sum(dim=1)


def test_the_density_of_a_gaussian_target_is_the_gaussian_s():
    loc, scale = [1.0, -2.0, 0.5], [0.5, 1.5, 1.0]
    prior = OdeDistribution(standard_normal(3, like=torch.empty(0)), Towards(loc, scale))
    target = DiagonalGaussian(torch.tensor(loc), torch.tensor(scale))
    noise = torch.randn(200, 3, generator=generator())
    z = target.at(noise)
    torch.testing.assert_close(prior.at(noise), z, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(prior.log_prob(z), target.log_prob(z), rtol=1e-3, atol=1e-3)


def test_what_is_drawn_is_standardised_and_restored():
    posterior = posteriors(2000, CENTRES)
    aggregate = Aggregate(posterior)
    x = aggregate.draw(torch.arange(2000), generator())
    torch.testing.assert_close(x.mean(dim=0), torch.zeros(2), rtol=0, atol=0.05)
    torch.testing.assert_close(torch.cov(x.T), torch.eye(2), rtol=0, atol=0.06)
    restored = aggregate.restored(standard_normal(2, like=x))
    z = posterior.at(torch.randn(2000, 2, generator=generator()))
    torch.testing.assert_close(restored.at(x), z, rtol=1e-4, atol=1e-4)
    whole = torch.distributions.MultivariateNormal(aggregate.loc.float(), scale_tril=aggregate.spread.float())
    torch.testing.assert_close(restored.log_prob(z), whole.log_prob(z), rtol=1e-4, atol=1e-4)


# Fits


TWO = [[2.0, 0.0], [-2.0, 0.5]]


def in_the_hole(z):
    return float((z[:, 0].abs() < 0.8).float().mean())


@pytest.fixture(scope="module")
def fits():
    """Of every kind, to texts that gather at two places with nothing in between."""
    posterior = posteriors(1500, TWO)
    return {kind: fit_prior(posterior, kind=kind, sizes=(2,), steps=500, seed=1) for kind in KINDS[1:]}


@pytest.mark.parametrize("kind", KINDS[1:])
def test_fitted_priors_avoid_the_hole_between_two_groups_of_texts(kind, fits):
    prior = fits[kind].prior
    noise = torch.randn(2000, prior.noise_dim, generator=generator())
    z = prior.at(noise.to(prior.tensors[0]))
    assert in_the_hole(torch.randn(2000, 2, generator=generator())) > 0.5
    assert in_the_hole(z) < 0.1
    assert float((z[:, 0] > 0).float().mean()) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("kind", ["flow", "flow-matching"])
def test_they_come_near_to_the_mixture_that_the_texts_are(kind, fits):
    assert fits["mixture"].gain > 0.5
    assert fits[kind].log_density > fits["mixture"].log_density - 0.25


def test_the_kind_that_makes_held_out_latents_likeliest_is_chosen(short):
    found = fit_prior(posteriors(400, CENTRES), sizes=(1, 3))
    assert [one.kind for one in found.candidates] == ["mixture", "mixture", "flow", "flow-matching"]
    assert found.chosen is max(found.candidates, key=lambda one: one.log_density)
    assert found.record["components"] == 3  # the texts are three groups, and the others had 30 steps


def test_the_same_seed_gives_the_same_prior(short):
    found = [fit_prior(posteriors(200, CENTRES), kind="flow-matching", seed=seed) for seed in (3, 3, 4)]
    densities = [fit.candidates[0].log_density for fit in found]
    assert densities[0] == densities[1] != densities[2]


def test_more_steps_come_nearer():
    few, more = (fit_prior(posteriors(300, TWO), kind="flow-matching", steps=steps) for steps in (5, 200))
    assert few.candidates[0].log_density + 0.1 < more.candidates[0].log_density
    with pytest.raises(ConfigError, match="steps is 0"):
        fit_prior(posteriors(300, TWO), steps=0)


def test_fits_leave_torch_s_own_generator_alone(short):
    torch.manual_seed(5)
    fit_prior(posteriors(200, CENTRES), kind="flow-matching", seed=3)
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_one_dimension_has_no_flow_but_a_field(short):
    line = DiagonalGaussian(torch.randn(200, 1, generator=generator()), torch.full((200, 1), 0.3))
    assert [one.kind for one in fit_prior(line, sizes=(1,)).candidates] == ["mixture", "flow-matching"]
    with pytest.raises(ConfigError, match="z has 1 dimension"):
        fit_prior(line, kind="flow")


def test_an_unknown_kind_is_named():
    with pytest.raises(ConfigError, match="kind is 'flows'; did you mean flow"):
        fit_prior(posteriors(200, CENTRES), kind="flows")


def test_without_zuko_auto_leaves_the_flow_out_and_flow_says_what_to_install(short, monkeypatch):
    for module in ("control.priors.choice", "models.flows"):
        monkeypatch.setattr(f"textvae.{module}.find_spec", lambda name: None)
    found = fit_prior(posteriors(200, CENTRES), sizes=(1,))
    assert [one.kind for one in found.candidates] == ["mixture", "flow-matching"]
    with pytest.raises(MissingExtraError, match="control"):
        fit_prior(posteriors(200, CENTRES), kind="flow")


# In use


@pytest.mark.parametrize("kind", NETWORKS)
def test_it_comes_back_from_disk_to_the_bit(kind, run, tmp_path):
    vae = TextVAE.from_pretrained(run, device="cpu")
    plain = model_digest(vae.codec)
    vae.codec.fitted_prior = random_prior(kind, dim=4)
    vae.save(tmp_path / "model")
    again = TextVAE.from_pretrained(tmp_path / "model", device="cpu")
    assert torch.equal(again.codec.prior_sample(20, seed=3), vae.codec.prior_sample(20, seed=3))
    store = vae.codec.store(ENGLISH[:5])
    before, after = (likelihoods(v.codec, store, num_samples=3) for v in (vae, again))
    assert torch.equal(before.iw_nll, after.iw_nll)
    assert model_digest(again.codec) == model_digest(vae.codec) != plain
    vae.codec.fitted_prior = random_prior(kind, dim=4, seed=1)
    assert model_digest(again.codec) != model_digest(vae.codec)


def test_a_field_that_is_the_standard_normal_changes_no_bound():
    codec = untrained(latent_dim=2)
    store = codec.store(ENGLISH[:8])
    before = likelihoods(codec, store, num_samples=4)
    field = OdeDistribution(standard_normal(2, like=torch.empty(0)), VelocityField(2, 8))
    codec.fitted_prior = Affine(field, torch.zeros(2), torch.eye(2))  # N(0, I), another way
    after = likelihoods(codec, store, num_samples=4)
    torch.testing.assert_close(after.iw_nll, before.iw_nll, rtol=1e-4, atol=1e-3)


@pytest.fixture
def kept(tmp_path):
    """A folder of a velocity field over 4 dimensions."""
    for name, content in prior_files(random_prior("flow-matching", dim=4)).items():
        content(tmp_path / name) if callable(content) else (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "diffusion"}, "names a 'diffusion' prior, which this textvae does not know: upgrade"),
        ({"dim": 3}, "a prior over 3 dimensions, and z has 4"),
        ({"width": 17}, f"no flow-matching prior over 4 dimensions as {SHAPE_FILE} describes it"),
        ({"kind": "flow"}, "holds no flow prior"),
        ({"width": 10**9}, "describes no prior: .*prior.width is 1000000000"),
        ({"width": "wide"}, "describes no prior: .*prior.width"),
        ({"depth": 2}, "describes no prior: .*depth"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(kept, changes, message):
    shape = json.loads((kept / SHAPE_FILE).read_text())
    assert isinstance(read_prior(kept, 4, has_shape=True), Affine)
    (kept / SHAPE_FILE).write_text(json.dumps(shape | changes))
    with pytest.raises(CorruptRunError, match=message):
        read_prior(kept, 4, has_shape=True)


def test_a_mixture_is_kept_as_it_always_was(tmp_path):
    mixture = fit_prior(posteriors(200, CENTRES), kind="mixture", sizes=(3,)).prior
    [(name, write)] = prior_files(mixture).items()
    write(tmp_path / name)
    assert set(load_file(tmp_path / PRIOR_FILE)) == {"weights", "loc", "scale"}
    again = read_prior(tmp_path, 2, has_shape=False)
    assert all(torch.equal(a, b) for a, b in zip(again.tensors, mixture.tensors, strict=True))


def test_another_prior_takes_the_place_of_the_last_one(run, tmp_path, short):
    vae = TextVAE.from_pretrained(run, device="cpu")
    vae.codec.fitted_prior = random_prior("flow", dim=4)
    vae.save(tmp_path / "model")
    assert (tmp_path / "model" / SHAPE_FILE).exists()
    vae.fit_prior(ENGLISH, kind="mixture")
    vae.save(tmp_path / "model")
    assert not (tmp_path / "model" / SHAPE_FILE).exists()
    vae.drop_prior()
    vae.save(tmp_path / "model")
    assert not (tmp_path / "model" / PRIOR_FILE).exists()


def test_an_export_draws_from_a_field_too(run, tmp_path):
    pytest.importorskip("onnxruntime")
    vae = TextVAE.from_pretrained(run, device="cpu")
    vae.codec.fitted_prior = random_prior("flow-matching", dim=4)
    vae.export(tmp_path / "export")
    exported = TextVAE.from_pretrained(tmp_path / "export")
    torch.testing.assert_close(exported.codec.prior_sample(5, seed=2), vae.codec.prior_sample(5, seed=2))


def test_on_the_command_line_in_chinese(tmp_path, short):
    run = train_run(CHINESE * 3, tmp_path / "run", tiny_config(), device="cpu", cache_dir=tmp_path / "cache")
    (tmp_path / "texts.txt").write_text("\n".join(CHINESE * 3), encoding="utf-8")
    told = done("prior", "fit", run, tmp_path / "texts.txt")
    for words in ("the model's own", "a mixture of 16 Gaussians", "a flow  ", "a flow by flow matching"):
        assert words in told.stdout
    done("prior", "fit", run, tmp_path / "texts.txt", "--kind", "mixture")
    drawn = ("sample", run, "--seed", 1, "-n", 3)
    said = json.loads(
        done("prior", "fit", run, tmp_path / "texts.txt", "--kind", "flow-matching", "--json").stdout
    )
    if said["kind"] is not None:
        assert "z from the fitted prior, a flow by flow matching" in done(*drawn).stderr
        assert "a flow by flow matching, fitted to 162 texts" in done("info", run).stdout
    done("prior", "drop", run)
    assert "fitted" not in done(*drawn).stderr
    assert "kind is 'gan'" in failed("prior", "fit", run, tmp_path / "texts.txt", "--kind", "gan")
