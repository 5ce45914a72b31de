"""What a process costs: its peak memory, and how a benchmark starts one of its own."""

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "benchmarks" / "build"
"""What benchmarks keep between runs; git ignores it."""


def peak_mib() -> float:
    """Return the peak resident memory of this process, MiB.

    Linux carries `ru_maxrss` over from the parent that started the process; VmHWM begins anew.
    """
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        scale = 2**20 if sys.platform == "darwin" else 2**10
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale
    return int(status.split("VmHWM:")[1].split()[0]) / 2**10


def run_module(*arguments: str, threads: int = 1, launcher: tuple[str, ...] = ()) -> str:
    """Run `python -m ARGUMENTS` from the project's root; return what it printed.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    env = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", *launcher, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-800:]}")
    return done.stdout
