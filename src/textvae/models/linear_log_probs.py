"""log softmax(W h + b) of one target a row, and its gradient, without the (N, V) array of logits.

Rows go through in chunks that stay in a CPU's cache. While a chunk's logits are there its share of the gradient is taken
as well: forward and backward together cost three matrix products, as few as there can be, and memory does not grow with
N * V. The idea: Hsu et al. 2024, arXiv:2410.10989, section 3.2. Deviation: rows may have any upstream gradients.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK_LOGITS = {"cpu": 2**21}
"""Logits of a chunk by type of device: 8 MiB in float32, which a CPU's last cache holds."""
MAX_CHUNK_LOGITS = 2**26
"""On any other device: enough to keep all of it busy."""
ROW_MULTIPLE = 64
"""Rows of logits start this many numbers apart, or a multiple: unaligned ones make the product a third slower."""

Sums = tuple[Tensor, Tensor]
"""Gradients with respect to weight and bias, sums over rows."""


def linear_log_probs(features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor) -> Tensor:
    """Return log softmax(W h + b)[target] of each row, (N,) nats in float32 or wider.

    Differentiable once. The gradient for one upstream gradient of all rows, as a sum has, is taken in the forward pass;
    for any other the backward pass takes the logits again. Under autocast products are in its type, sums in float32.

    Args:
        features: h, (N, H).
        weight: W, (V, H).
        bias: b, (V,).
        targets: (N,).
    """
    device = features.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else features.dtype
    with torch.autocast(device, enabled=False):
        if torch.is_grad_enabled():
            return _LinearLogProbs.apply(features, weight, bias, targets, dtype)
        return _log_probs(_cast(dtype, features, weight, bias), targets)[0]


class _LinearLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, features: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, dtype: torch.dtype
    ) -> Tensor:
        of_rows, *of_sums = ctx.needs_input_grad[:3]
        log_probs, ctx.rows, ctx.sums = _log_probs(
            _cast(dtype, features, weight, bias), targets, of_rows=of_rows, of_sums=any(of_sums)
        )
        ctx.save_for_backward(features, weight, bias, targets)
        ctx.dtype = dtype
        return log_probs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        features, weight, bias, _ = ctx.saved_tensors
        _, needs_weight, needs_bias = ctx.needs_input_grad[:3]
        upstream = -upstream  # of the distortions
        rows = None if ctx.rows is None else (ctx.rows * upstream.unsqueeze(1)).to(features.dtype)
        of_weight, of_bias = _sums(ctx, upstream) if needs_weight or needs_bias else (weight, bias)
        return (
            rows,
            of_weight.to(weight.dtype) if needs_weight else None,
            of_bias.to(bias.dtype) if needs_bias else None,
            None,
            None,
        )


def _sums(ctx: Any, upstream: Tensor) -> Sums:
    """Return the gradients of sum_n upstream_n * distortion_n; the stored ones serve once, without a copy."""
    stored, ctx.sums = ctx.sums, None
    if stored is not None and torch.equal(upstream, upstream[:1].expand_as(upstream)):
        factor = upstream[:1].sum()  # no row: 0
        return stored[0].mul_(factor), stored[1].mul_(factor)
    features, weight, bias, targets = ctx.saved_tensors
    inputs = _cast(ctx.dtype, features, weight, bias)
    with torch.autocast(features.device.type, enabled=False):
        again = _log_probs(inputs, targets, of_sums=True, upstream=upstream)[2]
    assert again is not None
    return again


def _log_probs(
    inputs: tuple[Tensor, Tensor, Tensor],
    targets: Tensor,
    *,
    of_rows: bool = False,
    of_sums: bool = False,
    upstream: Tensor | None = None,
) -> tuple[Tensor, Tensor | None, Sums | None]:
    """Return log p of each target, (N,), and gradients of the sum of distortions -log p, where they are asked for.

    Args:
        inputs: features (N, H), weight (V, H) and bias (V,), of one type.
        targets: (N,).
        of_rows: with respect to the features, (N, H).
        of_sums: with respect to weight and bias, in float32 or wider.
        upstream: what each row's distortion counts in the sum, (N,); None: 1.
    """
    features, weight, bias = inputs
    wide = torch.promote_types(features.dtype, torch.float32)
    log_probs = features.new_empty(len(features), dtype=wide)
    rows = torch.empty_like(features) if of_rows else None
    sums = (torch.zeros_like(weight, dtype=wide), torch.zeros_like(bias, dtype=wide)) if of_sums else None
    for part, probs in _chunks(inputs, targets, log_probs):
        if rows is None and sums is None:
            continue
        residual = probs.scatter_add_(1, targets[part, None], probs.new_full((len(probs), 1), -1))
        if upstream is not None:
            residual.mul_(upstream[part, None])
        narrow = residual.to(features.dtype)  # (n, V): distortions differentiated by logits
        if rows is not None:
            torch.mm(narrow, weight, out=rows[part])
        if sums is not None:
            sums[1].add_(residual.sum(dim=0))
            _add_product(sums[0], narrow.t(), features[part])
    return log_probs, rows, sums


def _chunks(
    inputs: tuple[Tensor, Tensor, Tensor], targets: Tensor, log_probs: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """Fill `log_probs`, (N,), chunk by chunk; yield each chunk's rows and its probabilities, (n, V), to be spoilt."""
    features, weight, bias = inputs
    num_logits = CHUNK_LOGITS.get(features.device.type, MAX_CHUNK_LOGITS)
    num_rows = min(len(features), max(1, num_logits // len(weight)))
    width, padded = len(weight), -(-len(weight) // ROW_MULTIPLE) * ROW_MULTIPLE
    buffer = features.new_full((num_rows, padded), float("-inf"))  # its margin of probability 0 stays
    probs_buffer = torch.empty_like(buffer, dtype=log_probs.dtype)
    for start in range(0, len(features), max(1, num_rows)):
        part = slice(start, min(start + num_rows, len(features)))
        num = part.stop - start
        torch.addmm(bias, features[part], weight.t(), out=buffer[:num, :width])
        logits = buffer[:num].to(log_probs.dtype)
        probs = torch.softmax(logits, dim=1, out=probs_buffer[:num])
        below = logits.gather(1, targets[part, None]).squeeze(1) - logits.amax(dim=1)
        log_probs[part] = (
            below + probs.amax(dim=1).log()
        )  # the largest probability is 1 / sum exp(logit - max)
        yield part, probs[:, :width]


def _add_product(total: Tensor, left: Tensor, right: Tensor) -> None:
    if total.dtype == right.dtype:
        total.addmm_(left, right)
    else:
        total.add_(left @ right)


def _cast(
    dtype: torch.dtype, features: Tensor, weight: Tensor, bias: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return features.to(dtype), weight.to(dtype), bias.to(dtype)
