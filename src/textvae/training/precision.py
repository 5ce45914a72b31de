"""Number formats: autocast where it helps, and the faster fp32 matrix product of a CPU where it is as exact."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from textvae.errors import DeviceError

MAX_RELATIVE_ERROR = 1e-5
"""RMS error of a product of 1,024 terms, relative to its RMS: fp32 gives about 1e-7 to 1e-6, bf16 2e-3."""


def choose_precision(asked: str, device: torch.device) -> str:
    """Return fp32, bf16 or fp64; auto: bf16 on a GPU that has it, else fp32.

    Raises:
        DeviceError: bf16 was asked for and its kernels do not run on this device.
    """
    if asked == "auto":
        has_it = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16" if has_it and _bf16_runs(device) else "fp32"
    if asked == "bf16" and not _bf16_runs(device):
        raise DeviceError(f"precision bf16 does not run on this {device.type}; use training.precision=fp32")
    return asked


def autocast(precision: str, device: torch.device) -> AbstractContextManager[object]:
    """Return the context in which the forward pass runs."""
    if precision == "bf16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


@contextmanager
def fast_products(device: torch.device) -> Generator[None]:
    """Let fp32 matrix products take the CPU's faster library for the duration, if they stay fp32-exact.

    "medium" sends them to oneDNN, which is up to twice as fast as MKL on some processors; where the processor
    has bf16 matrix units it would round to bf16, so its accuracy is measured first.
    """
    before = torch.get_float32_matmul_precision()
    if device.type == "cpu":
        torch.set_float32_matmul_precision("medium")
        if _relative_error() > MAX_RELATIVE_ERROR:
            torch.set_float32_matmul_precision(before)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def _relative_error() -> float:
    generator = torch.Generator().manual_seed(0)
    left, right = torch.randn(2, 1024, 1024, generator=generator)
    right = right[:, :64].contiguous()
    exact = left.double() @ right.double()
    return float((left @ right - exact).norm() / exact.norm())


def _bf16_runs(device: torch.device) -> bool:
    try:
        with torch.autocast(device.type, torch.bfloat16), torch.no_grad():
            nn.LSTM(8, 8, device=device)(torch.zeros(2, 2, 8, device=device))
    except RuntimeError:
        return False
    return True
