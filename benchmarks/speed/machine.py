"""What the machine is, and how fast it multiplies matrices."""

import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

SIDE = 1024
"""Of the square matrices multiplied; bf16 without kernels of its own is so slow that its are smaller."""


def describe() -> dict[str, Any]:
    """Return the names and versions that a figure depends on, and the rates of matrix products, GFLOP/s."""
    return {
        "cpu": _cpu_name(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "date": datetime.now(UTC).date().isoformat(),
        "gflops": matrix_rates(),
    }


def matrix_rates() -> dict[str, float]:
    """Return the best of several products on one thread: fp32 by MKL and by oneDNN, bf16."""
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("highest")
        mkl = _rate(torch.float32, SIDE)
        torch.set_float32_matmul_precision("medium")
        onednn = _rate(torch.float32, SIDE)
    finally:
        torch.set_float32_matmul_precision(before)
    return {"fp32 MKL": mkl, "fp32 oneDNN": onednn, "bf16": _rate(torch.bfloat16, SIDE // 4)}


def _rate(dtype: torch.dtype, side: int, repeats: int = 8) -> float:
    left, right = torch.randn(2, side, side).to(dtype)
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        left @ right
        seconds.append(time.process_time() - start)
    return round(2e-9 * side**3 / min(seconds), 1)


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
