"""Two ranks under torchrun: same weights on both, different noise, every text seen once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny_config, train_tiny

from textvae.codec import load_codec
from textvae.training.checkpoints import latest_checkpoint
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


TRANSFER = """
import sys, torch
from pathlib import Path
from tiny import ENGLISH, tiny_config
from textvae.training import step
from textvae.training.origin import open_origin
from textvae.training.run import train_run

folder, source = Path(sys.argv[1]), Path(sys.argv[2])
take = step.Stepper.take

def noted(self, batch, moment, **how):
    report = take(self, batch, moment, **how)
    when = "late" if moment.progress >= 0.5 else "early"
    torch.save(self.model.state_dict(), folder.parent / f"{when}-{self.ranks.rank}.pt")
    return report

step.Stepper.take = noted
config = tiny_config(training={"freeze": "encoder", "unfreeze_after": 0.5, "epochs": 2, "samples": 0})
train_run(ENGLISH, folder, config, device="cpu", cache_dir=folder.parent / "cache", origin=open_origin(source))
"""


INTERRUPTED = """
import json, sys
from pathlib import Path
from tiny import ENGLISH, tiny_config
from textvae.training import examination
from textvae.training.run import train_run
from textvae.training.trainer import Trainer

folder, held = Path(sys.argv[1]), []
count, measured = Trainer._count, examination.held_out

def noted(self, report):
    count(self, report)
    if self.state.step == 12 + self.ranks.rank:  # the signal comes to one rank first
        self.interrupts.asked = True

def measuring(codec, store, **how):
    found = measured(codec, store, **how)
    held.append((found.distortion, found.rate))
    return found

Trainer._count, examination.held_out = noted, measuring
model = {"posterior": "batch_norm", "gamma": 0.5}
config = tiny_config(model=model, training={"epochs": 4, "samples": 0, "batch_tokens": 120})
try:
    train_run(ENGLISH, folder, config, device="cpu", cache_dir=folder.parent / "cache")
except KeyboardInterrupt:
    import os
    rank = os.environ["RANK"]
    (folder.parent / f"held-{rank}.json").write_text(json.dumps(held))
"""


def under_torchrun(script: Path, *arguments: Path | str) -> subprocess.CompletedProcess:
    """Run a script as two ranks."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    places = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [*command, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places)), "OMP_NUM_THREADS": "1"},
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "conditional"])
def test_two_ranks(tmp_path, kind):
    import torch

    script = tmp_path / "child.py"
    script.write_text(SCRIPT)
    done = under_torchrun(script, tmp_path / "run", kind)
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (torch.load(tmp_path / f"weights-{rank}.pt") for rank in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    first, second = (torch.load(tmp_path / f"noise-{rank}.pt") for rank in range(2))
    assert not torch.equal(first, second)
    held = [record for record in read_metrics(tmp_path / "run") if record["kind"] == "held_out"]
    assert len(held) == tiny_config().training.epochs


@pytest.mark.slow
def test_two_ranks_begin_from_another_run_and_unfreeze_together(tmp_path):
    import torch

    source = train_tiny(tmp_path / "source")
    script = tmp_path / "child.py"
    script.write_text(TRANSFER)
    done = under_torchrun(script, tmp_path / "run", source)
    assert done.returncode == 0, done.stderr[-2000:]
    before = load_codec(source / "model").model.state_dict()
    early, late = (
        [torch.load(tmp_path / f"{when}-{rank}.pt") for rank in range(2)] for when in ("early", "late")
    )
    for name, tensor in before.items():
        assert torch.equal(early[0][name], early[1][name]), name
        assert torch.equal(late[0][name], late[1][name]), name
        if name.startswith("encoder."):
            assert torch.equal(early[0][name], tensor), name
            assert not torch.equal(late[0][name], tensor), name


@pytest.mark.slow
def test_two_ranks_stop_together_and_measure_alike(tmp_path):
    """Each has running statistics of its own, and one hears of Ctrl-C an update before the other."""
    script = tmp_path / "child.py"
    script.write_text(INTERRUPTED)
    done = under_torchrun(script, tmp_path / "run")
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (json.loads((tmp_path / f"held-{rank}.json").read_text()) for rank in range(2))
    assert one == two
    assert len(one) >= 1
    assert latest_checkpoint(tmp_path / "run").name == "step-000000012"
