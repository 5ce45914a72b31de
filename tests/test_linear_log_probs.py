"""log p in chunks with its gradient: what autograd says of the plain formula, for any upstream gradient."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear, log_softmax

from textvae.models import linear_log_probs as module
from textvae.models.linear_log_probs import linear_log_probs
from textvae.models.output import OutputLayer, token_log_probs

NUM, WIDTH, VOCAB = 23, 5, 70


def plain(features, weight, bias, targets):
    return log_softmax(linear(features, weight, bias), dim=-1).gather(1, targets.unsqueeze(1)).squeeze(1)


def inputs(dtype=torch.float64, num=NUM):
    generator = torch.Generator().manual_seed(0)
    shapes = (num, WIDTH), (VOCAB, WIDTH), (VOCAB,)
    leaves = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
    targets = torch.randint(VOCAB, (num,), generator=generator)
    return [leaf.requires_grad_() for leaf in leaves], targets


def gradients(function, upstream, dtype=torch.float64):
    leaves, targets = inputs(dtype, len(upstream))
    log_probs = function(*leaves, targets)
    return log_probs.detach(), torch.autograd.grad(log_probs, leaves, upstream.to(log_probs))


UPSTREAMS = {
    "ones": torch.ones(NUM),
    "a mean's": torch.full((NUM,), -1 / NUM),
    "zeros": torch.zeros(NUM),
    "one a row": torch.linspace(-2, 3, NUM),
    "one row": torch.eye(NUM)[4],
}


@pytest.fixture(params=[1, 7, NUM, 10**6], ids=lambda n: f"{n} rows a chunk")
def chunk(request, monkeypatch):
    monkeypatch.setitem(module.CHUNK_LOGITS, "cpu", request.param * VOCAB)


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("name", UPSTREAMS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
def test_values_and_gradients_are_autograds(name, dtype, tolerance):
    expected = gradients(plain, UPSTREAMS[name], dtype)
    torch.testing.assert_close(
        gradients(linear_log_probs, UPSTREAMS[name], dtype), expected, rtol=tolerance, atol=tolerance
    )


def test_gradcheck():
    leaves, targets = inputs(num=3)
    assert torch.autograd.gradcheck(lambda *leaves: linear_log_probs(*leaves, targets), leaves)


@pytest.mark.parametrize("name", ["ones", "one a row"])
def test_a_second_backward_pass_takes_nothing_from_the_first(name):
    leaves, targets = inputs()
    log_probs = linear_log_probs(*leaves, targets)
    upstream = UPSTREAMS[name].double()
    first = [part.clone() for part in torch.autograd.grad(log_probs, leaves, upstream, retain_graph=True)]
    torch.testing.assert_close(
        list(torch.autograd.grad(log_probs, leaves, 2 * upstream)), [2 * p for p in first]
    )


@pytest.mark.parametrize("frozen", [0, 1, 2, (1, 2)], ids=["features", "weight", "bias", "weight and bias"])
def test_frozen_parts_get_no_gradient_and_change_no_other(frozen):
    (leaves, targets), expected = inputs(), gradients(plain, UPSTREAMS["ones"])[1]
    frozen = frozen if isinstance(frozen, tuple) else (frozen,)
    for index in frozen:
        leaves[index].requires_grad_(False)
    linear_log_probs(*leaves, targets).sum().backward()
    for index, leaf in enumerate(leaves):
        if index in frozen:
            assert leaf.grad is None
        else:
            torch.testing.assert_close(leaf.grad, expected[index])


def test_no_rows():
    leaves, targets = inputs(num=0)
    log_probs = linear_log_probs(*leaves, targets)
    log_probs.sum().backward()
    assert log_probs.shape == (0,)
    assert not leaves[1].grad.any()


def test_improbable_targets_keep_a_finite_log_p():
    features, weight = torch.tensor([[1.0]]), torch.tensor([[0.0], [300.0]])
    log_p = linear_log_probs(features, weight, torch.zeros(2), torch.tensor([0]))
    assert log_p.item() == pytest.approx(-300)


def test_autocast_gives_float32_sums_close_to_exact():
    """As close as the plain way comes to it under the same autocast."""
    upstream = UPSTREAMS["one a row"].float()
    for chosen in (upstream, torch.ones(NUM)):
        exact = gradients(plain, chosen, torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            log_probs, grads = gradients(linear_log_probs, chosen, torch.float32)
        assert log_probs.dtype == torch.float32
        torch.testing.assert_close(log_probs, exact[0], rtol=0.02, atol=0.05)
        for part, wanted in zip(grads, exact[1], strict=True):
            assert part.dtype == torch.float32
            assert (part - wanted).norm() < 0.01 * wanted.norm()


def test_half_precision_weights_get_gradients_of_their_type():
    _, grads = gradients(linear_log_probs, torch.ones(NUM), torch.bfloat16)
    exact = gradients(plain, torch.ones(NUM))[1]
    for part, wanted in zip(grads, exact, strict=True):
        assert part.dtype == torch.bfloat16
        assert (part.double() - wanted).norm() < 0.02 * wanted.norm()


@pytest.mark.parametrize("tied", [False, True])
def test_output_layer_with_projection_dropout_and_tied_weights(tied):
    """The same dropout mask in both ways; the embedding's own use of a tied weight adds its gradient."""

    def run(log_probs):
        torch.manual_seed(0)
        embedding = nn.Embedding(VOCAB, 4).double()
        layer = OutputLayer(WIDTH, VOCAB, tied=embedding if tied else None, dropout=0.5).double().train()
        features = torch.randn(NUM, WIDTH, dtype=torch.float64, requires_grad=True)
        targets = torch.randint(VOCAB, (NUM,))
        weights = torch.rand(NUM, dtype=torch.float64)
        (log_probs(layer, features, targets) * weights).sum().backward(retain_graph=True)
        embedding(targets).square().sum().backward()
        return [features.grad, *(part.grad for part in (*layer.parameters(), *embedding.parameters()))]

    actual = run(lambda layer, *rest: token_log_probs(layer, *rest, vocab_size=VOCAB))
    expected = run(lambda layer, *rest: plain_of(layer, *rest))
    torch.testing.assert_close(actual, expected, rtol=1e-11, atol=1e-11)


def plain_of(layer, features, targets):
    return log_softmax(layer(features), dim=-1).gather(1, targets.unsqueeze(1)).squeeze(1)


def test_changed_layers_are_asked_for_their_logits():
    """A user's subclass, or another module in the place of the linear one, may say anything."""

    class Sharper(OutputLayer):
        def forward(self, features):
            return 2 * super().forward(features)

    sharper = Sharper(WIDTH, VOCAB, tied=None, dropout=0.0).double()
    other = OutputLayer(WIDTH, VOCAB, tied=None, dropout=0.0).double()
    other.linear = nn.Sequential(other.linear, nn.Tanh())
    leaves, targets = inputs()
    for layer in (sharper, other):
        actual = token_log_probs(layer, leaves[0], targets, vocab_size=VOCAB)
        torch.testing.assert_close(actual, plain_of(layer, leaves[0], targets))


def test_memory_does_not_grow_with_tokens_times_vocabulary():
    """What is kept for the backward pass is no larger than the inputs and their gradients."""
    leaves, targets = inputs(num=400)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda part: kept.append(part.numel()) or part, lambda part: part
    ):
        log_probs = linear_log_probs(*leaves, targets)
    node = log_probs.grad_fn
    held = [node.rows, *node.sums]
    assert max(*kept, *(part.numel() for part in held)) <= max(leaf.numel() for leaf in leaves) < 400 * VOCAB
