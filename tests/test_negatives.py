"""The sampled softmax: what its negatives stand for, exactly and on average."""

import pytest
import torch
from tiny import ENGLISH, tiny_config
from torch.nn.functional import linear, log_softmax

from textvae.config import ModelConfig
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.models.negatives import Negatives, NegativeSampler, inclusion_probabilities, sampled_log_probs
from textvae.objectives.objective import Moment
from textvae.training.distributed import Ranks
from textvae.training.preparation import prepare
from textvae.training.step import Stepper

VOCAB, WIDTH, NUM = 40, 4, 6
COUNTS = torch.arange(VOCAB, 0, -1.0)[torch.randperm(VOCAB, generator=torch.Generator().manual_seed(5))]


def sampler(num):
    return NegativeSampler((COUNTS / COUNTS.sum()).log(), num)


def parts():
    generator = torch.Generator().manual_seed(0)
    shapes = (NUM, WIDTH), (VOCAB, WIDTH), (VOCAB,)
    leaves = [torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes]
    return leaves, torch.tensor([0, 3, 3, 17, 39, 5])


def drawn(num, seed=0):
    torch.manual_seed(seed)
    return sampler(num).draw()


def exact(leaves, targets):
    return log_softmax(linear(*leaves), dim=-1)[torch.arange(len(targets)), targets]


@pytest.mark.parametrize("num", [1, 10, VOCAB - 1])
def test_draws_are_of_one_size_distinct_and_have_the_stated_probabilities(num):
    draw, counts, num_draws = sampler(num), torch.zeros(VOCAB), 500
    torch.manual_seed(0)
    for _ in range(num_draws):
        negatives = draw.draw()
        assert len(negatives.tokens) == num == len(negatives.tokens.unique())
        counts[negatives.tokens] += 1
    torch.testing.assert_close(negatives.log_expected, draw.inclusion[negatives.tokens].log())
    error = (draw.inclusion * (1 - draw.inclusion) / num_draws).sqrt()
    assert ((counts / num_draws - draw.inclusion).abs() <= 4.5 * error + 1e-9).all()


def test_inclusion_is_log_uniform_over_ranks_below_certainty():
    sizes = (1 / torch.arange(1, VOCAB + 1, dtype=torch.float64)).log1p()
    inclusion = inclusion_probabilities(sizes, 12)
    assert inclusion.sum() == pytest.approx(12)
    certain = inclusion == 1
    assert 0 < certain.sum() < 12
    assert (inclusion.diff() <= 0).all()
    ratios = inclusion[~certain] / sizes[~certain]
    torch.testing.assert_close(ratios, ratios[:1].expand_as(ratios))
    assert (ratios[0] * sizes[certain] >= 1).all()
    assert (inclusion_probabilities(sizes, VOCAB) == 1).all()
    frequent = sampler(12).inclusion[COUNTS.argsort(descending=True)]
    torch.testing.assert_close(frequent, inclusion)


@pytest.mark.parametrize("num", [VOCAB, VOCAB + 100])
def test_all_tokens_as_negatives_are_the_exact_softmax(num):
    (leaves, targets), negatives = parts(), drawn(num)
    actual, expected = sampled_log_probs(*leaves, targets, negatives), exact(leaves, targets)
    torch.testing.assert_close(actual, expected)
    upstream = torch.linspace(-1, 2, NUM, dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad(actual, leaves, upstream), torch.autograd.grad(expected, leaves, upstream)
    )


@torch.no_grad()
def test_the_normaliser_is_right_on_average():
    """E[exp s_t / p~(t)] = sum_j exp s_j, within 4 standard errors; p~ itself is too high, so log p~ is."""
    leaves, targets = parts()
    own = linear(*leaves)[torch.arange(NUM), targets]
    torch.manual_seed(0)
    draw = sampler(8)
    log_probs = torch.stack([sampled_log_probs(*leaves, targets, draw.draw()) for _ in range(600)])
    normalisers = (own - log_probs).exp()
    error = normalisers.std(dim=0) / len(normalisers) ** 0.5
    assert ((normalisers.mean(dim=0) - linear(*leaves).exp().sum(dim=1)).abs() < 4 * error).all()
    assert (log_probs.mean(dim=0) > exact(leaves, targets)).all()


def test_the_gradient_approaches_the_exact_one():
    """The mean over draws: its bias vanishes as the negatives become all tokens."""
    leaves, targets = parts()
    wanted = torch.autograd.grad(exact(leaves, targets).sum(), leaves[1])[0]

    def error(num, num_draws=200):
        torch.manual_seed(0)
        draw = sampler(num)
        estimates = [sampled_log_probs(*leaves, targets, draw.draw()).sum() for _ in range(num_draws)]
        mean = torch.autograd.grad(torch.stack(estimates).mean(), leaves[1])[0]
        return float((mean - wanted).norm() / wanted.norm())

    errors = [error(num) for num in (3, 10, 25, 39)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.05 < 0.3 < errors[0]


def test_a_negative_that_is_the_target_does_not_count():
    (leaves, targets), tokens = parts(), torch.tensor([3, 8, 20])
    negatives = Negatives(tokens, torch.tensor([0.9, 0.5, 0.1], dtype=torch.float64).log())
    actual = sampled_log_probs(*leaves, targets, negatives)
    scores = linear(*leaves)
    for row, target in enumerate(targets):
        kept = tokens != target
        others = (scores[row, tokens] - negatives.log_expected)[kept].exp().sum()
        expected = scores[row, target] - (scores[row, target].exp() + others).log()
        torch.testing.assert_close(actual[row], expected)
    only = Negatives(tokens[:1], negatives.log_expected[:1])
    log_p = sampled_log_probs(*leaves, targets, only)
    log_p.sum().backward()
    assert log_p[1] == log_p[2] == 0
    assert all(leaf.grad.isfinite().all() for leaf in leaves)


def test_draws_are_a_function_of_the_seed():
    assert torch.equal(drawn(10, seed=1).tokens, drawn(10, seed=1).tokens)
    assert not torch.equal(drawn(10, seed=1).tokens.sort()[0], drawn(10, seed=2).tokens.sort()[0])


@pytest.fixture(scope="module")
def steppers(tmp_path_factory):
    """Exact and sampled output on equal models."""
    quiet = {"dropout": 0.0, "embed_dropout": 0.0, "encoder_dropout": 0.0}
    config = tiny_config(model=quiet, training={"word_dropout": 0.0})
    config = prepare(ENGLISH, config, cache_dir=tmp_path_factory.mktemp("cache")).config

    def build(**training):
        torch.manual_seed(0)
        changed = config.updated({"training": training})
        return Stepper(VAEModel(changed.model), changed, "fp32", Ranks())

    return build


def batch_of(stepper):
    import numpy as np

    from textvae.data.batching import Batch

    tokens = np.random.default_rng(0).integers(4, stepper.model.config.vocab_size, (5, 6))
    return Batch(tokens, np.full(5, 6))


def test_training_is_told_an_estimate_and_evaluation_is_exact(steppers):
    exactly, sampled = steppers(), steppers(output="sampled", negatives=20)
    batch = batch_of(exactly)
    reports = [s.take(batch, Moment(beta=0.0, step=0, progress=0.5)) for s in (exactly, sampled)]
    assert reports[1].rate == reports[0].rate
    assert reports[1].distortion != reports[0].distortion
    assert reports[1].distortion == pytest.approx(reports[0].distortion, rel=0.2)
    sampled.model.load_state_dict(exactly.model.state_dict())
    tokens, lengths = torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths)
    z = torch.zeros(5, exactly.model.config.latent_dim)
    with torch.no_grad():
        likelihoods = [s.model.eval().log_likelihood(tokens, lengths, z) for s in (exactly, sampled)]
    assert torch.equal(*likelihoods)


def test_negatives_belong_to_the_step(steppers):
    first, second = (steppers(output="sampled", negatives=20) for _ in range(2))
    batch = batch_of(first)
    torch.manual_seed(9)
    assert first.take(batch, Moment(beta=0.5, step=3, progress=0.5)) == second.take(
        batch, Moment(beta=0.5, step=3, progress=0.5)
    )
    again = steppers(output="sampled", negatives=20).take(batch, Moment(beta=0.5, step=4, progress=0.5))
    assert again.distortion != second.take(batch, Moment(beta=0.5, step=4, progress=0.5)).distortion


def test_another_output_layer_cannot_be_sampled():
    config = tiny_config(training={"output": "sampled"}).updated({"model": {"vocab_size": 30}})
    model = VAEModel(ModelConfig(**vars(config.model)))
    model.decoder.output = torch.nn.Linear(14, 30)
    with pytest.raises(
        ConfigError, match="output layer Linear; only an unchanged OutputLayer can be sampled"
    ):
        Stepper(model, config, "fp32", Ranks())


def test_settings_are_checked():
    with pytest.raises(ConfigError, match=r"training\.output is 'smapled'; did you mean sampled"):
        tiny_config(training={"output": "smapled"})
    with pytest.raises(ConfigError, match=r"training\.negatives is 0"):
        tiny_config(training={"negatives": 0})


@pytest.mark.parametrize("exact", [False, True])
def test_a_moment_can_ask_for_the_exact_softmax(steppers, exact):
    moment = Moment(beta=0.0, exact=exact)
    sampled, exactly = (
        steppers(**how).take(batch_of(steppers()), moment).distortion
        for how in ({"output": "sampled", "negatives": 5}, {})
    )
    assert (sampled == exactly) is exact
