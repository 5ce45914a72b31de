"""The diagonal Gaussian and the rate: closed forms against sampling, identities, gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, Normal, kl_divergence

from textvae.distributions import DiagonalGaussian, rate, rate_per_dimension, standard_normal

DIM = 3


def gaussian(seed, batch=2, dim=DIM):
    generator = torch.Generator().manual_seed(seed)
    loc = torch.randn(batch, dim, generator=generator, dtype=torch.float64)
    return DiagonalGaussian(loc, torch.rand(batch, dim, generator=generator, dtype=torch.float64) * 1.5 + 0.1)


def prior_like(posterior):
    return standard_normal(posterior.loc.shape[-1], like=posterior.loc)


@pytest.mark.parametrize("seed", range(4))
def test_closed_form_rate_equals_monte_carlo(seed):
    posterior, num_samples = gaussian(seed), 4000
    for other in (prior_like(posterior), gaussian(seed + 100)):
        noise = torch.randn(
            num_samples, 2, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        z = posterior.at(noise)
        log_ratios = posterior.log_prob(z) - other.log_prob(z)
        standard_error = log_ratios.std(dim=0) / math.sqrt(num_samples)
        assert ((log_ratios.mean(dim=0) - rate(posterior, other)).abs() < 4 * standard_error).all()


@settings(max_examples=50, deadline=None)
@given(
    loc=st.lists(st.floats(-5, 5), min_size=DIM, max_size=DIM),
    log_scale=st.lists(st.floats(-5, 2), min_size=DIM, max_size=DIM),
)
def test_rate_matches_its_equation_and_is_never_negative(loc, log_scale):
    scale = torch.tensor([log_scale], dtype=torch.float64).exp()
    posterior = DiagonalGaussian(torch.tensor([loc], dtype=torch.float64), scale)
    rates = rate_per_dimension(posterior, prior_like(posterior))
    expected = [[(m * m + math.exp(2 * s) - 1) / 2 - s for m, s in zip(loc, log_scale, strict=True)]]
    torch.testing.assert_close(rates, torch.tensor(expected, dtype=torch.float64), atol=1e-12, rtol=1e-12)
    assert (rates > -1e-12).all()


def test_rate_of_equal_distributions_is_zero():
    posterior = gaussian(0)
    assert rate(posterior, posterior).abs().max() < 1e-14
    prior = prior_like(posterior)
    assert rate(prior.expand([5]), prior).tolist() == [0.0] * 5


def test_rate_per_dimension_sums_to_rate():
    posterior, other = gaussian(1), gaussian(2)
    rates = rate_per_dimension(posterior, other)
    assert rates.shape == (2, DIM)
    torch.testing.assert_close(rates.sum(dim=-1), rate(posterior, other), atol=0, rtol=1e-14)


def test_density_is_the_product_over_dimensions():
    posterior, z = gaussian(3), gaussian(4).loc
    by_dimension = Normal(posterior.loc, posterior.scale).log_prob(z)
    torch.testing.assert_close(posterior.log_prob(z), by_dimension.sum(-1))
    assert (posterior.batch_shape, posterior.event_shape) == ((2,), (DIM,))


def test_sample_is_reparameterised():
    loc = torch.randn(2, DIM, dtype=torch.float64, requires_grad=True)
    scale = torch.rand(2, DIM, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(2, DIM, dtype=torch.float64)
    DiagonalGaussian(loc, scale).at(noise).sum().backward()
    assert torch.equal(loc.grad, torch.ones_like(loc))
    assert torch.equal(scale.grad, noise)


def test_gradient_of_the_rate_is_that_of_its_equation():
    loc = torch.randn(2, DIM, dtype=torch.float64, requires_grad=True)
    scale = (torch.rand(2, DIM, dtype=torch.float64) + 0.2).requires_grad_()
    posterior = DiagonalGaussian(loc, scale)
    rate(posterior, standard_normal(DIM, like=loc)).sum().backward()
    torch.testing.assert_close(loc.grad, loc.detach())
    torch.testing.assert_close(scale.grad, (scale - 1 / scale).detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_is_kept(dtype):
    posterior = DiagonalGaussian(torch.zeros(2, DIM, dtype=dtype), torch.ones(2, DIM, dtype=dtype))
    prior = standard_normal(DIM, like=posterior.loc)
    noise = torch.zeros(2, DIM, dtype=dtype)
    results = (posterior.at(noise), posterior.log_prob(noise), rate(posterior, prior), prior.loc, prior.scale)
    assert {result.dtype for result in results} == {dtype}


def test_it_is_a_torch_distribution():
    posterior = gaussian(5)
    plain = Independent(Normal(posterior.loc, posterior.scale), 1)
    torch.testing.assert_close(kl_divergence(posterior, plain), torch.zeros(2, dtype=torch.float64))
    expanded = posterior.expand([4, 2])
    assert isinstance(expanded, DiagonalGaussian)
    assert expanded.rsample().shape == (4, 2, DIM)
    assert torch.equal(expanded.loc[3], posterior.loc)
