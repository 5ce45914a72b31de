"""Two ranks under torchrun: same weights on both, different noise, every text seen once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny_config

from textvae.training.records import read_metrics

SCRIPT = """
import sys, torch
from pathlib import Path
from conditioned import ROWS, conditional_config
from tiny import ENGLISH, tiny_config
from textvae.training import step
from textvae.training.run import train_run

folder, noise = Path(sys.argv[1]), []
take = step.Stepper.take

def noted(self, batch, moment, **how):
    report = take(self, batch, moment, **how)
    if moment.step == 3:
        torch.save(self.model.state_dict(), folder.parent / f"weights-{self.ranks.rank}.pt")
        torch.manual_seed(step.step_seed(self.config.training.seed, moment.step, self.ranks.rank))
        torch.save(torch.rand(4), folder.parent / f"noise-{self.ranks.rank}.pt")
    return report

step.Stepper.take = noted
conditional = conditional_config(training={"condition_dropout": 0.0}, model={"prior": "conditional", "copy": True})
data, config = (ROWS, conditional) if sys.argv[2] == "conditional" else (ENGLISH, tiny_config())
train_run(data, folder, config, device="cpu", cache_dir=folder.parent / "cache")
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "conditional"])
def test_two_ranks(tmp_path, kind):
    import torch

    script = tmp_path / "child.py"
    script.write_text(SCRIPT)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path / "run"), kind],
        capture_output=True,
        text=True,
        timeout=240,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (torch.load(tmp_path / f"weights-{rank}.pt") for rank in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    first, second = (torch.load(tmp_path / f"noise-{rank}.pt") for rank in range(2))
    assert not torch.equal(first, second)
    held = [record for record in read_metrics(tmp_path / "run") if record["kind"] == "held_out"]
    assert len(held) == tiny_config().training.epochs
