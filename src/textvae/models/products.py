"""Products with weights that stay as they are for a while: each weight is laid out once, as the processor likes it.

A linear layer in decoding multiplies a few rows by the same large matrix again and again, and an unprepared product
spends up to half of its time on rearranging that matrix.

    with laid_out(layouts):
        ...  # what `linear` multiplies by twice is laid out, and stays so in `layouts`
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn import functional

Product = Callable[[Tensor, Tensor | None], Tensor]
"""From rows, (B, N), and a bias, (M,), to (B, M)."""

MIN_WEIGHTS = 2**14
"""Smaller matrices stay in the cache anyway."""

MAX_RELATIVE_ERROR = 1e-5
"""Of a product of 1,024 terms, root mean squares: fp32 gives about 1e-6, bf16 2e-3."""

_Key = tuple[int, torch.Size, tuple[int, ...], int]


@dataclass
class _Seen:
    weight: Tensor  # keeps its memory from being used for another
    version: int
    product: Product | None = None


class Layouts:
    """Copies of weights in another layout; where a weight has changed since, its copy is made anew.

    Changes that PyTorch does not count, those by fused optimisers and through `.data`, go unnoticed: they are to
    outlive a call for frozen weights only.
    """

    def __init__(self) -> None:
        self._seen: dict[_Key, _Seen] = {}

    def __reduce__(self) -> tuple[type["Layouts"], tuple[()]]:
        """Copies and pickles begin empty: what is laid out cannot travel."""
        return Layouts, ()

    def product(self, weight: Tensor, num_rows: int) -> Product | None:
        """Return how to multiply by a weight; None at the first time, for a single product does not pay a copy."""
        suited = 1 if num_rows <= 2 else 64 if num_rows < 256 else 1024
        key = (weight.data_ptr(), weight.shape, weight.stride(), suited)
        version = 0 if weight.is_inference() else weight._version
        seen = self._seen.get(key)
        if seen is None or seen.version != version:
            self._seen[key] = _Seen(weight, version)
            return None
        if seen.product is None:
            seen.product = _transposed(weight) if suited == 1 else _packed(weight, suited)
        return seen.product


_layouts: ContextVar[Layouts | None] = ContextVar("layouts", default=None)


@contextmanager
def laid_out(layouts: Layouts | None = None) -> Generator[None]:
    """Let `linear` multiply by weights in another layout, kept in `layouts`; None: those in use, or for the duration."""
    token = _layouts.set(layouts or _layouts.get() or Layouts())
    try:
        yield
    finally:
        _layouts.reset(token)


def is_plain(tensor: Tensor) -> bool:
    """Return whether only the numbers count: on the CPU, without gradients, autocast or tracing."""
    return (
        tensor.device.type == "cpu"
        and not torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
    )


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return inputs W^T + b, (..., M), for inputs (..., N), W (M, N) and b (M,)."""
    layouts = _layouts.get()
    large = weight.dtype == torch.float32 and weight.numel() >= MIN_WEIGHTS
    if layouts is not None and large and inputs.numel() and is_plain(inputs):
        rows = inputs.reshape(-1, inputs.shape[-1])
        if product := layouts.product(weight, len(rows)):
            return product(rows, bias).view(*inputs.shape[:-1], len(weight))
    return functional.linear(inputs, weight, bias)


class Linear(nn.Linear):
    """`nn.Linear` by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        """Return (..., out_features) of `input`, (..., in_features)."""
        return linear(input, self.weight, self.bias)


def _transposed(weight: Tensor) -> Product:
    columns = weight.t().contiguous()

    def product(rows: Tensor, bias: Tensor | None) -> Tensor:
        return rows @ columns if bias is None else torch.addmm(bias, rows, columns)

    return product


def _packed(weight: Tensor, num_rows: int) -> Product:
    if not _packing_is_exact():
        return lambda rows, bias: functional.linear(rows, weight, bias)
    return _packed_by_onednn(weight, num_rows)


def _packed_by_onednn(weight: Tensor, num_rows: int) -> Product:
    """Lay a weight out as `torch.compile` does when it freezes a model."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), num_rows)
    return lambda rows, bias: torch.ops.mkldnn._linear_pointwise(rows, packed, bias, "none", [], "")


@cache
def _packing_is_exact() -> bool:
    """Try oneDNN's packed weights: the build may lack them, and elsewhere they may be of less precision."""
    generator = torch.Generator().manual_seed(0)
    weight, rows = torch.randn(128, 1024, generator=generator).split(64)
    exact = rows.double() @ weight.double().T
    try:
        found = _packed_by_onednn(weight, 64)(rows, None)
    except (AttributeError, RuntimeError):
        return False
    return bool((found - exact).norm() <= MAX_RELATIVE_ERROR * exact.norm())
