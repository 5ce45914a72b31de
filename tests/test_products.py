"""Products with weights that were laid out once are the products themselves."""

import pickle

import pytest
import torch
from torch.nn import functional

from textvae.models import products
from textvae.models.products import Layouts, Linear, laid_out, linear

ROWS = [(1,), (2,), (3,), (5, 7), (300,), (0,), (0, 4)]


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=["packed", "plain"])
def packing(request, monkeypatch):
    if request.param == "plain":  # as where the build has no packed weights
        monkeypatch.setattr(products, "_packing_is_exact", lambda: False)


@pytest.mark.usefixtures("packing")
@pytest.mark.parametrize("shape", ROWS, ids=str)
@pytest.mark.parametrize("biased", [False, True])
@torch.no_grad()
def test_every_product_is_the_plain_one(shape, biased):
    weight, bias = numbers(203, 160, seed=1), numbers(203, seed=2) if biased else None
    whole, part = weight[:, :128], weight[:, 32:]  # neither is contiguous
    with laid_out():
        for seed in range(4):
            inputs = numbers(*shape, 128, seed=seed)
            for slice_ in (whole, part):
                found = linear(inputs, slice_, bias)
                torch.testing.assert_close(
                    found, functional.linear(inputs, slice_, bias), rtol=1e-4, atol=1e-4
                )


@pytest.mark.parametrize("num_rows", [1, 20])
@torch.no_grad()
def test_layouts_answer_from_the_second_product_on_until_the_weight_changes(num_rows):
    layer, inputs, layouts = Linear(128, 150), numbers(num_rows, 128), Layouts()

    def plain():
        return functional.linear(inputs, layer.weight, layer.bias)

    with laid_out(layouts):
        for _ in range(3):
            torch.testing.assert_close(layer(inputs), plain())
    before = plain() - layer.bias
    layer.weight.data.mul_(2)  # not counted: what answers now is the layout
    with laid_out(layouts), laid_out():  # within another: the same layouts
        torch.testing.assert_close(layer(inputs), before + layer.bias)
    torch.testing.assert_close(layer(inputs), plain())
    with laid_out(pickle.loads(pickle.dumps(layouts))):
        torch.testing.assert_close(layer(inputs), plain())
    layer.weight.mul_(3)
    with laid_out(layouts):
        for _ in range(3):
            torch.testing.assert_close(layer(inputs), plain())


@torch.no_grad()
def test_the_memory_of_a_weight_is_not_taken_for_another():
    inputs = numbers(4, 128)
    with laid_out():
        for seed in range(20):
            weight = numbers(128, 128, seed=seed)  # where the last one lay, were it freed
            expected = functional.linear(inputs, weight)
            for _ in range(2):
                torch.testing.assert_close(linear(inputs, weight), expected, rtol=1e-4, atol=1e-4)


def test_gradients_pass_whatever_is_laid_out():
    layer, inputs = Linear(128, 150), numbers(3, 128).requires_grad_()
    with laid_out():
        for _ in range(3):
            layer(inputs).sum().backward()
    assert layer.weight.grad is not None
    torch.testing.assert_close(inputs.grad, 3 * layer.weight.sum(0).expand(3, -1), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_other_precisions_are_left_alone():
    weight = numbers(128, 128)
    with laid_out():
        for dtype in (torch.float64, torch.bfloat16):
            for _ in range(3):
                found = linear(numbers(4, 128).to(dtype), weight.to(dtype))
                assert torch.equal(found, functional.linear(numbers(4, 128).to(dtype), weight.to(dtype)))
