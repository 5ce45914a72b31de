"""The ELBO against NumPy and against a model whose likelihood is known; free bits; who sets beta."""

import json
import math
import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal

from textvae.config import ModelConfig, ObjectiveConfig
from textvae.config.objective import BETAS, CONTROLLERS
from textvae.data.vocabulary import BOS, EOS, PAD
from textvae.distributions import DiagonalGaussian, rate, standard_normal
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.models.posteriors import MIN_SCALE
from textvae.objectives import build_beta, elbo_terms, rate_term
from textvae.objectives.betas import build_controller
from textvae.objectives.controllers import MIN_BETA, PID, Logarithmic
from textvae.objectives.faithfulness import FIRST_DISTORTION, LEAST_BETA, LESS, MORE

ROWS = [[4, 9, 6, EOS], [7, EOS], [5, 5, 8, 10, 4, EOS]]


@pytest.fixture(scope="module")
def model():
    config = ModelConfig(
        vocab_size=11, latent_dim=3, embed_dim=4, encoder="gru", encoder_dim=5, decoder="gru", decoder_dim=4
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VAEModel(config).double().eval()


@pytest.fixture(scope="module")
def batch():
    lengths = torch.tensor([len(row) for row in ROWS])
    tokens = torch.tensor([row + [PAD] * (6 - len(row)) for row in ROWS])
    noise = torch.randn(3, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return tokens, lengths, noise


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(weights, prefix, inputs, state):
    """Cho et al. 2014 as PyTorch parameterises it, one step a row of `inputs`; all states."""
    w, u, b, c = (weights[f"{prefix}.{name}_l0"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    states = []
    for x in inputs:
        (xr, xz, xn), (hr, hz, hn) = np.split(w @ x + b, 3), np.split(u @ state + c, 3)
        update = sigmoid(xz + hz)
        state = (1 - update) * np.tanh(xn + sigmoid(xr + hr) * hn) + update * state
        states.append(state)
    return np.array(states)


def numpy_terms(weights, row, noise):
    """Distortion and rate of one sentence, by the book."""
    embedded = weights["embedding.weight"][row]
    ahead = gru(weights, "encoder.ahead.0", embedded, np.zeros(5))
    back = gru(weights, "encoder.back.0", embedded[::-1], np.zeros(5))[::-1]
    features = np.concatenate([ahead[-1], back[0], np.concatenate([ahead, back], axis=1).max(axis=0)])
    head = weights["posterior_head.weight"] @ features + weights["posterior_head.bias"]
    loc, scale = head[:3], np.log1p(np.exp(head[3:])) + MIN_SCALE
    z = loc + scale * noise
    start = np.tanh(weights["decoder.initial.weight"] @ z + weights["decoder.initial.bias"])
    inputs = [np.concatenate([weights["decoder.embedding.weight"][i], z]) for i in [BOS, *row[:-1]]]
    states = gru(weights, "decoder.cell", inputs, start)
    logits = states @ weights["decoder.embedding.weight"].T + weights["decoder.output.linear.bias"]
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    distortion = -sum(log_probs[t, token] for t, token in enumerate(row))
    return distortion, 0.5 * (loc**2 + scale**2 - 1 - 2 * np.log(scale)).sum()


def test_elbo_equals_the_numpy_reference(model, batch):
    tokens, lengths, noise = batch
    terms = elbo_terms(model, tokens, lengths, noise)
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    expected = [numpy_terms(weights, row, eps.numpy()) for row, eps in zip(ROWS, noise, strict=True)]
    np.testing.assert_allclose(terms.distortion.detach(), [d for d, _ in expected], rtol=1e-10)
    np.testing.assert_allclose(terms.rate.detach(), [r for _, r in expected], rtol=1e-10)


def test_negative_elbo_is_distortion_plus_rate(model, batch):
    tokens, lengths, noise = batch
    terms = elbo_terms(model, tokens, lengths, noise)
    torch.testing.assert_close(-terms.elbo, terms.distortion + terms.rate, rtol=0, atol=0)
    torch.testing.assert_close(terms.rate, rate(model.posterior(tokens, lengths), model.prior()))
    torch.testing.assert_close(-terms.distortion, model.log_likelihood(tokens, lengths, terms.z))
    assert terms.rates.shape == (3, 3)


def test_decoder_inputs_can_be_replaced(model, batch):
    tokens, lengths, noise = batch
    blanked = torch.full_like(tokens, BOS)
    with_blanks = elbo_terms(model, tokens, lengths, noise, inputs=blanked)
    plain = elbo_terms(model, tokens, lengths, noise)
    assert torch.equal(with_blanks.rate, plain.rate)
    assert not torch.isclose(with_blanks.distortion, plain.distortion).any()


# p(z) = N(0, I), p(x|z) = N(W z, s² I); the columns of W are orthogonal, so the exact posterior is diagonal.
W = torch.tensor([[1.0, 1.0], [1.0, -1.0], [0.5, 0.5], [0.5, -0.5]], dtype=torch.float64)
NOISE_SCALE = 0.7
X = torch.tensor([[0.3, -1.2, 0.8, 0.1], [2.0, 0.5, -0.4, 1.1]], dtype=torch.float64)


def exact_posterior(x):
    precision = 1 + (W**2).sum(dim=0) / NOISE_SCALE**2
    return DiagonalGaussian(x @ W / NOISE_SCALE**2 / precision, precision.rsqrt().expand(len(x), 2))


def linear_gaussian_elbo(posterior):
    """E_q[log N(x; W z, s² I)] in closed form, minus the rate."""
    squares = (X - posterior.loc @ W.T).square().sum(-1) + posterior.scale.square() @ (W**2).sum(dim=0)
    expected = -squares / (2 * NOISE_SCALE**2) - 2 * math.log(2 * math.pi * NOISE_SCALE**2)
    return expected - rate(posterior, standard_normal(2, like=W))


def test_linear_gaussian_elbo_is_tight_at_the_exact_posterior_only():
    covariance = W @ W.T + NOISE_SCALE**2 * torch.eye(4, dtype=torch.float64)
    log_p = MultivariateNormal(torch.zeros(4, dtype=torch.float64), covariance).log_prob(X)
    exact = exact_posterior(X)
    torch.testing.assert_close(linear_gaussian_elbo(exact), log_p, rtol=1e-12, atol=1e-12)
    other = DiagonalGaussian(exact.loc + 0.3, exact.scale * 1.4)
    torch.testing.assert_close(
        log_p - linear_gaussian_elbo(other), rate(other, exact), rtol=1e-10, atol=1e-12
    )


RATES = torch.tensor([[0.1, 2.0, 0.0, 1.0], [0.3, 0.2, 0.1, 0.4]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("kind", "free_nats", "expected"),
    [
        ("none", 0.0, [3.1, 1.0]),
        ("sentence", 2.0, [3.1, 0.0]),
        ("sentence", 4.0, [0.0, 0.0]),
        ("dimension", 2.0, [3.0, 0.0]),  # a floor of .5 in each of four dimensions
        ("batch", 2.0, [3.0, 0.6]),  # means .2, 1.1, .05, .7
    ],
)
def test_free_bits(kind, free_nats, expected):
    term = rate_term(RATES, kind=kind, free_nats=free_nats)
    torch.testing.assert_close(term, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("kind", ["none", "sentence", "dimension", "batch"])
def test_neutral_free_bits_are_the_rate(kind):
    torch.testing.assert_close(rate_term(RATES, kind=kind, free_nats=0.0), RATES.sum(dim=-1))


@pytest.mark.parametrize("kind", ["sentence", "dimension", "batch"])
def test_gradient_is_one_above_the_floor_and_zero_below(kind):
    rates = RATES.clone().requires_grad_()
    term = rate_term(rates, kind=kind, free_nats=2.0)
    term.sum().backward()
    assert set(rates.grad.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close((rates.grad * RATES).sum(dim=-1), term.detach())


def test_an_unknown_form_of_free_bits_is_refused():
    with pytest.raises(ConfigError, match=r"^objective\.free_bits is 'sentences'; did you mean sentence\?$"):
        rate_term(RATES, kind="sentences", free_nats=1.0)


def follow(controller, distortions):
    for distortion in distortions:
        controller.observe(50.0, distortion)
    return controller.beta(0)


def test_faithfulness_comes_first_and_then_as_low_a_rate_as_it_spares():
    controller = build_beta(ObjectiveConfig(faithful=0.9))
    assert follow(controller, [5.0] * 500) == pytest.approx(LEAST_BETA)
    assert follow(controller, [0.5 * FIRST_DISTORTION] * 1000) == pytest.approx(1.0)  # well below: beta_max
    assert follow(controller, [FIRST_DISTORTION] * 500) == pytest.approx(1.0, rel=0.2)  # at the target: rest
    assert follow(controller, [4 * FIRST_DISTORTION] * 1000) == pytest.approx(LEAST_BETA)


def test_the_distortion_wanted_follows_what_comes_back():
    controller = build_beta(ObjectiveConfig(faithful=0.9))
    controller.hear(0.8)
    assert controller.target == pytest.approx(LESS * FIRST_DISTORTION)
    controller.hear(0.91)
    assert controller.target == pytest.approx(LESS * FIRST_DISTORTION)  # near enough
    controller.hear(0.97)
    assert controller.target == pytest.approx(LESS * MORE * FIRST_DISTORTION)
    other = build_beta(ObjectiveConfig(faithful=0.9))
    other.restore(json.loads(json.dumps(controller.state())))
    assert follow(other, [1.0, 0.1, 0.2]) == follow(controller, [1.0, 0.1, 0.2])


def owner(beta, **settings):
    rate_settings = {"target_rate": 8.0} if beta == "target" else {}
    return build_beta(ObjectiveConfig(beta=beta, **rate_settings, **settings))


OWNERS = [(kind, {}) for kind in BETAS] + [("target", {"controller": name}) for name in CONTROLLERS[1:]]


@pytest.mark.parametrize(("kind", "how"), OWNERS)
def test_every_owner_keeps_beta_in_range_and_goes_on_from_its_state(kind, how):
    generator = random.Random(0)
    rates = [generator.uniform(0, 30) for _ in range(60)]
    settings = {"beta_max": 0.7, "warmup_steps": 20, "cycles": 3, "cycle_steps": 30, **how}
    first, second = owner(kind, **settings), owner(kind, **settings)
    betas = []
    for step, value in enumerate(rates):
        if step == 25:
            second.restore(json.loads(json.dumps(first.state())))
        betas.append(first.beta(step))
        first.observe(value)
        if step >= 25:
            assert second.beta(step) == betas[-1]
            second.observe(value)
    assert all(0 <= beta <= 0.7 for beta in betas)


def test_constant():
    assert {owner("constant", beta_max=0.25).beta(step) for step in (0, 1, 10**6)} == {0.25}


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("linear", {0: 0.0, 50: 1.0, 100: 2.0, 1000: 2.0}),
        (
            "logistic",
            {0: 2 / (1 + math.exp(5)), 50: 1.0, 100: 2 / (1 + math.exp(-5)), 10**9: 2.0},
        ),
    ],
)
def test_ramps(kind, points):
    schedule = owner(kind, beta_max=2.0, warmup_steps=100)
    assert {step: schedule.beta(step) for step in points} == pytest.approx(points, rel=1e-12)
    betas = [schedule.beta(step) for step in range(300)]
    assert betas == sorted(betas)


@pytest.mark.parametrize("cycles", [1, 3, 7, 49])
def test_cyclical_rises_rests_and_starts_again(cycles):
    steps = 20  # a cycle
    schedule = owner("cyclical", beta_max=0.8, cycles=cycles, cycle_steps=cycles * steps)
    cycle = [0.8 * min(1.0, 2 * step / steps) for step in range(steps)]
    assert [schedule.beta(step) for step in range(cycles * steps)] == pytest.approx(cycle * cycles)
    assert schedule.beta(cycles * steps) == schedule.beta(10**6) == 0.8


PLANTS = {
    "exponential": (lambda beta: 80 * math.exp(-3 * beta), 10.0),
    "steep": (lambda beta: 60 * math.exp(-40 * beta), 10.0),
    "logarithmic": (lambda beta: 4 * math.log(1 / beta), 10.0),
    "small": (lambda beta: 0.9 * math.log(1 / beta), 2.0),
    "power": (lambda beta: 2 / math.sqrt(beta), 8.0),
    "large": (lambda beta: 25 * math.log(2 / beta), 120.0),
}


def simulate(plant, controller, *, num_steps=3000, seed=0):
    """A rate that follows beta with a lag of 20 steps and is seen through 20 % noise; true rates, betas."""
    generator, present, rates, betas = random.Random(seed), 0.0, [], []
    for step in range(num_steps):
        beta = controller.beta(step)
        present += 0.05 * (plant(beta) - present)
        controller.observe(max(0.0, present * generator.gauss(1, 0.2)))
        rates.append(present)
        betas.append(beta)
    return rates, betas


@pytest.mark.parametrize("name", PLANTS)
def test_controller_reaches_its_target(name):
    plant, target = PLANTS[name]
    controller = Logarithmic(target, beta_max=1.0, gain=0.02)
    rates, betas = simulate(plant, controller)
    assert np.mean(rates[-1000:]) == pytest.approx(target, rel=0.05)
    assert np.std(rates[-1000:]) < 0.15 * target
    assert max(rates) < 6 * target
    assert MIN_BETA <= min(betas) < max(betas) <= 1.0
    assert controller.pinned is None


@pytest.mark.parametrize("kind", ["pid", "lagrangian"])
@pytest.mark.parametrize("name", ["logarithmic", "exponential", "small"])
def test_the_published_controllers_reach_their_target_too(kind, name):
    plant, target = PLANTS[name]
    config = ObjectiveConfig(target_rate=target, controller=kind)
    rates, betas = simulate(lambda beta: plant(max(beta, 1e-3)), build_controller(config), num_steps=20_000)
    assert np.mean(rates[-3000:]) == pytest.approx(target, rel=0.06)
    assert 0 <= min(betas) < max(betas) <= 1.0


def test_pid_is_the_equation_of_its_paper():
    controller = PID(8.0, beta_max=1.0)
    seen = (12.0, 9.0, 30.0, 8.5, 6.0)
    for value in seen:
        controller.observe(value)
    expected = 0.01 / (1 + math.exp(8.0 - seen[-1])) - 0.0001 * sum(8.0 - value for value in seen)
    assert controller.beta(0) == pytest.approx(expected, rel=1e-12)
    for _ in range(10_000):
        controller.observe(0.0)
    assert controller.beta(0) == 0
    assert controller.sum > -0.01  # it has not wound up


@pytest.mark.parametrize("kind", CONTROLLERS)
def test_every_controller_reports_what_is_out_of_reach_and_lets_go(kind):
    controller = build_controller(ObjectiveConfig(target_rate=10.0, controller=kind))
    simulate(lambda beta: 30.0, controller, num_steps=2000)
    assert controller.pinned == "high"
    simulate(lambda beta: 0.5, controller, num_steps=12_000)
    assert controller.pinned == "low"
    simulate(lambda beta: 40.0, controller, num_steps=200)
    assert controller.pinned is None


def test_controller_follows_a_raised_target():
    plant, target = PLANTS["logarithmic"]
    controller = Logarithmic(target, beta_max=1.0, gain=0.02)
    simulate(plant, controller)
    controller.target = 15.0
    rates, _ = simulate(plant, controller, seed=1)
    assert np.mean(rates[-1000:]) == pytest.approx(15.0, rel=0.05)


@settings(max_examples=30, deadline=None)
@given(
    rates=st.lists(st.floats(0, 1e6), max_size=40),
    target=st.floats(0.01, 500),
    beta_max=st.floats(1e-6, 10),
    gain=st.floats(1e-3, 5),
)
def test_controller_stays_within_its_bounds(rates, target, beta_max, gain):
    controller = Logarithmic(target, beta_max=beta_max, gain=gain)
    for step, value in enumerate(rates):
        assert min(1e-4, beta_max) * (1 - 1e-9) <= controller.beta(step) <= beta_max * (1 + 1e-9)
        controller.observe(value)


def test_an_unreachable_target_is_reported():
    controller = Logarithmic(10.0, beta_max=1.0, gain=0.02)
    assert controller.pinned is None
    simulate(lambda beta: 30.0, controller, num_steps=500)
    assert (controller.pinned, controller.beta(0)) == ("high", 1.0)
    simulate(lambda beta: 1.0, controller, num_steps=1500)
    assert controller.pinned == "low"
    assert controller.beta(0) == pytest.approx(1e-4)


def test_a_pinned_controller_lets_go_at_once():
    """No wind-up: after any time at the end of the range, one time constant of the smoothing brings it back."""
    controller = Logarithmic(10.0, beta_max=1.0, gain=0.02)
    simulate(lambda beta: 1.0, controller, num_steps=5000)
    simulate(lambda beta: 100.0, controller, num_steps=60)
    assert controller.pinned is None


def test_a_target_that_is_not_resolved_is_refused():
    with pytest.raises(ConfigError, match=r"objective\.target_rate is null"):
        build_beta(ObjectiveConfig())
