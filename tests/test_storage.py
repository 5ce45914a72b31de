"""Storage: a folder is complete or absent, whenever the process dies, and damage never loads."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from textvae.errors import (
    ConfigError,
    CorruptRunError,
    NewerRunError,
    RunExistsError,
    RunNotFoundError,
    SaveError,
)
from textvae.storage import atomic
from textvae.storage.arrays import packed, unpacked
from textvae.storage.atomic import write_file, write_folder
from textvae.storage.manifest import MANIFEST, is_complete, read_manifest, verify_folder
from textvae.storage.temporaries import locate, remove_stale_temporaries
from textvae.storage.tensors import load_tensors, save_tensors

try:
    import resource
except ImportError:  # Windows
    resource = None

FILES = {"config.json": b"{}", "tokenizer/pieces.txt": "你好\n".encode(), "empty": b""}
posix = pytest.mark.skipif(os.name == "nt", reason="needs fork and SIGKILL")


def save(target, step=1, files=FILES):
    write_folder(target, files, metadata={"step": step})


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# ---------------------------------------------------------------- what is written


def test_a_folder_comes_back_as_it_was_written(tmp_path):
    save(tmp_path / "deep" / "run", step=7)
    run = tmp_path / "deep" / "run"
    assert verify_folder(run) == {"step": 7}
    assert {name: (run / name).read_bytes() for name in FILES} == FILES
    assert read_manifest(run).files["config.json"].size == 2
    assert names(tmp_path / "deep") == ["run"]


def test_metadata_is_what_json_gives_back_and_nothing_else(tmp_path):
    write_folder(tmp_path / "run", {}, metadata={"名": ["词", 0.1, None, (1, 2)], "odd": "\ud800"})
    assert verify_folder(tmp_path / "run") == {"名": ["词", 0.1, None, [1, 2]], "odd": "\ud800"}
    with pytest.raises(ConfigError, match="metadata cannot be saved as JSON"):
        write_folder(tmp_path / "other", {}, metadata={"loss": float("nan")})
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize("name", ["model.pt", "a/b.BIN", MANIFEST, "../x", "/x", "a//b", "a\\b", ".", ""])
def test_unsafe_names_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="cannot be named"):
        write_folder(tmp_path / "run", {name: b""}, metadata={})
    assert names(tmp_path) == []


def test_a_complete_folder_is_replaced_whole(tmp_path):
    save(tmp_path / "run", step=1, files={"old.json": b"old"})
    save(tmp_path / "run", step=2)
    assert verify_folder(tmp_path / "run") == {"step": 2}
    assert not (tmp_path / "run" / "old.json").exists()
    assert names(tmp_path) == ["run"]


def test_a_folder_of_somebody_else_is_never_replaced(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("mine")
    with pytest.raises(RunExistsError, match="choose another name"):
        save(tmp_path / "run")
    assert (tmp_path / "run" / "thesis.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    save(tmp_path / "empty")
    assert is_complete(tmp_path / "empty")


def test_a_symbolic_link_is_followed(tmp_path):
    save(tmp_path / "real", step=1)
    (tmp_path / "link").symlink_to("real")
    save(tmp_path / "link", step=2)
    assert (tmp_path / "link").is_symlink()
    assert verify_folder(tmp_path / "real") == {"step": 2}


def test_write_file_replaces_in_one_go(tmp_path):
    write_file(tmp_path / "a" / "state.json", b"1")
    write_file(tmp_path / "a" / "state.json", b"2")
    assert (tmp_path / "a" / "state.json").read_bytes() == b"2"
    assert names(tmp_path / "a") == ["state.json"]


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda run: (run / "config.json").unlink(), "config.json is missing"),
        (
            lambda run: (run / "config.json").write_bytes(b"{"),
            "config.json is damaged: it has 1 bytes, the manifest says 2",
        ),
        (
            lambda run: (run / "config.json").write_bytes(b"[]"),
            "config.json is damaged: its SHA-256 is not the manifest's",
        ),
        (lambda run: (run / "weights.PTH").write_bytes(b""), "never loaded: only safetensors and JSON"),
        (lambda run: (run / "sub").mkdir() or (run / "sub/x.pkl").write_bytes(b""), "never loaded"),
        (lambda run: (run / "a.safetensors").write_bytes(b"\x80\x04\x95" + bytes(20)), "never loaded"),
        (lambda run: (run / "a.safetensors").write_bytes(b"PK\x03\x04" + bytes(20)), "never loaded"),
        (lambda run: (run / MANIFEST).write_bytes(b"[]"), "manifest.json is damaged"),
        (lambda run: (run / MANIFEST).write_bytes(b"[" * 100_000), "manifest.json is damaged"),
        (
            lambda run: (run / MANIFEST).write_bytes(b'{"format_version": Infinity'),
            "manifest.json is damaged",
        ),
        (lambda run: (run / MANIFEST).write_bytes(b'{"format_version": "1"}'), "manifest.json is damaged"),
    ],
)
def test_damage_is_named(tmp_path, harm, message):
    save(tmp_path / "run")
    harm(tmp_path / "run")
    with pytest.raises(CorruptRunError, match=message) as caught:
        verify_folder(tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_only_the_named_files_are_read(tmp_path):
    save(tmp_path / "run")
    (tmp_path / "run" / "config.json").write_bytes(b"[]")
    assert verify_folder(tmp_path / "run", only=["empty"]) == {"step": 1}
    with pytest.raises(CorruptRunError, match=r"config\.json is damaged"):
        verify_folder(tmp_path / "run", only=["config.json"])
    with pytest.raises(CorruptRunError, match="not in the manifest"):
        verify_folder(tmp_path / "run", only=["model.safetensors"])


def test_absent_and_newer_runs_have_their_own_errors(tmp_path):
    with pytest.raises(RunNotFoundError, match="it does not exist"):
        verify_folder(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunNotFoundError, match="it is not a folder"):
        verify_folder(tmp_path / "file")
    with pytest.raises(RunNotFoundError, match=r"has no manifest\.json"):
        verify_folder(tmp_path)
    save(tmp_path / "run")
    content = json.loads((tmp_path / "run" / MANIFEST).read_text())
    content |= {"format_version": 99, "textvae": "9.9"}
    (tmp_path / "run" / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(NewerRunError, match=r"written by textvae 9\.9; this is 0\.1.*: upgrade"):
        verify_folder(tmp_path / "run")
    assert not is_complete(tmp_path / "run")


def test_a_manifest_cannot_point_outside(tmp_path):
    (tmp_path / "secret").write_bytes(b"")
    save(tmp_path / "run")
    content = json.loads((tmp_path / "run" / MANIFEST).read_text())
    content["files"]["../secret"] = content["files"].pop("empty")
    from textvae.storage.manifest import _digest

    content["digest"] = _digest({key: value for key, value in content.items() if key != "digest"})
    (tmp_path / "run" / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(CorruptRunError, match="not a manifest of textvae"):
        verify_folder(tmp_path / "run")


@pytest.mark.parametrize("name", ["m.safetensors", MANIFEST])
def test_no_flipped_bit_loads_as_something_else(tmp_path, name):
    run = tmp_path / "run"
    write_folder(
        run, {"m.safetensors": save_tensors({"w": torch.arange(8.0)})}, metadata={"step": 3, "rate": 9.5}
    )
    sound = (run / name).read_bytes()
    survived = 0
    for position, byte in enumerate(sound):  # bit 0 turns a digit into another digit
        (run / name).write_bytes(sound[:position] + bytes([byte ^ 1]) + sound[position + 1 :])
        try:
            verify_folder(run)
            survived += 1
        except (CorruptRunError, NewerRunError):
            pass
    assert survived == 0


# ---------------------------------------------------------------- when the disk fails


def full_disk(path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as device:  # noqa: PTH123 - the kernel's own ENOSPC
        device.write(b"x")


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_checkpoint_before_intact(tmp_path):
    save(tmp_path / "step-1", step=1)
    for target in ("step-2", "step-1"):
        with pytest.raises(
            SaveError,
            match=r"disk full while saving .*; what was there before is intact: free space and run again",
        ):
            write_folder(tmp_path / target, {"a.json": b"{}", "b.safetensors": full_disk}, metadata={})
        assert names(tmp_path) == ["step-1"]
        assert verify_folder(tmp_path / "step-1") == {"step": 1}


@contextmanager
def file_size_limit(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@posix
@pytest.mark.parametrize(
    "content", [bytes(100_000), save_tensors({"w": torch.zeros(25_000)})], ids=["bytes", "tensors"]
)
def test_a_kernel_limit_on_file_size_is_a_save_error_too(tmp_path, content):
    save(tmp_path / "run", step=1)
    write_file(tmp_path / "state", b"before")
    told = "could not be saved: File too large; what was there before is intact"
    with file_size_limit(50_000):
        with pytest.raises(SaveError, match=told):
            write_folder(tmp_path / "run", {"a.json": b"{}", "m.safetensors": content}, metadata={})
        with pytest.raises(SaveError, match=told):
            write_file(tmp_path / "state", bytes(100_000))
    assert verify_folder(tmp_path / "run") == {"step": 1}
    assert (tmp_path / "state").read_bytes() == b"before"
    assert names(tmp_path) == ["run", "state"]


def steps_of(call):
    """Return the names of the steps that `call` makes."""
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(atomic, "_step", seen.append)
        call()
    return seen


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), KeyboardInterrupt()])
def test_a_failure_at_any_step_leaves_one_complete_folder_and_no_litter(tmp_path, monkeypatch, error):
    save(tmp_path / "a")
    steps = steps_of(lambda: save(tmp_path / "a"))
    for failing in range(len(steps)):
        root = tmp_path / str(failing)
        save(root / "run", step=1)
        calls = []

        def fail(name, failing=failing, calls=calls):
            calls.append(name)
            if len(calls) == failing + 1:
                raise error

        with monkeypatch.context() as patch:
            patch.setattr(atomic, "_step", fail)
            with pytest.raises(SaveError if isinstance(error, OSError) else KeyboardInterrupt):
                save(root / "run", step=2)
        published = failing > steps.index("publish")
        assert verify_folder(root / "run") == {"step": 2 if published else 1}
        remove_stale_temporaries(root)
        assert names(root) == ["run"]


def test_everything_is_on_disk_before_its_name_and_the_name_before_the_old_goes(tmp_path, monkeypatch):
    save(tmp_path / "run", step=1)
    synced, published = set(), []
    real_sync, real_rename, real_remove = os.fsync, Path.rename, atomic.remove

    def sync(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        real_sync(descriptor)

    def rename(self, target):
        if ".new-" in self.name:
            unsynced = [p for p in (self, *self.rglob("*")) if p.stat().st_ino not in synced]
            assert unsynced == []
            assert len(list(self.rglob("*"))) == len(FILES) + 2  # the manifest and one inner folder
            synced.discard(tmp_path.stat().st_ino)
            published.append(target)
        return real_rename(self, target)

    def remove(path):
        assert tmp_path.stat().st_ino in synced
        real_remove(path)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "rename", rename)
    monkeypatch.setattr(atomic, "remove", remove)
    save(tmp_path / "run", step=2)
    assert published == [tmp_path / "run"]


# ---------------------------------------------------------------- when the process dies

KILLED = """
import os, signal, sys
from pathlib import Path
from textvae.storage import atomic
from textvae.storage.arrays import packed, unpacked
root, kind = Path(sys.argv[1]), sys.argv[2]

def torn(path):
    with path.open("wb", buffering=0) as file:
        file.write(b"half ")
        atomic._step("half a file")
        file.write(b"whole")

def save(folder, step):
    atomic.write_folder(folder, {"a.json": b"{}", "deep/b": torn}, metadata={"step": step})

for nth in range(1000):
    trial = root / str(nth)
    save(trial / "run-1", 1)
    child = os.fork()
    if child == 0:
        count = 0
        def die(name):
            global count
            if count == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1
        atomic._step = die
        save(trial / ("run-1" if kind == "replace" else "run-2"), 2)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        break
"""


@posix
@pytest.mark.parametrize("kind", ["new", "replace"])
def test_killed_at_every_step(tmp_path, kind):
    subprocess.run([sys.executable, "-c", KILLED, tmp_path, kind], check=True)
    trials = sorted(tmp_path.iterdir(), key=lambda path: int(path.name))
    assert len(trials) > 12
    target = "run-1" if kind == "replace" else "run-2"
    reached = []
    for trial in trials:
        before = verify_folder(locate(trial / "run-1"))  # found even before anything is repaired
        remove_stale_temporaries(trial)
        assert verify_folder(trial / "run-1") == before
        expected = ["run-1"] if kind == "replace" or not (trial / "run-2").exists() else ["run-1", "run-2"]
        assert names(trial) == expected
        reached.append(verify_folder(trial / target)["step"] if (trial / target).exists() else 0)
        save(trial / target, step=3)  # and the next save works
        assert verify_folder(trial / target) == {"step": 3}
    assert reached == sorted(reached)  # once the new one is found, it stays found
    assert reached[0] in (0, 1)
    assert reached[-1] == 2


ENDLESS = """
import itertools, os, sys
from pathlib import Path
from textvae.storage.atomic import write_file, write_folder
root = Path(sys.argv[1])
for step in itertools.count(1):
    content = bytes([step % 256]) * 200_000
    write_folder(root / "best", {f"{i}.json": content for i in range(4)}, metadata={"step": step})
    write_folder(root / f"step-{step % 3}", {"a.json": content}, metadata={"step": step})
    write_file(root / "state", content)
    print(step, flush=True)
"""


def kill_at_random(root, delay):
    process = subprocess.Popen([sys.executable, "-c", ENDLESS, root], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    finished = [1] + [int(line) for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    last = finished[-1]
    assert verify_folder(locate(root / "best"))["step"] in (last, last + 1)
    remove_stale_temporaries(root)
    assert verify_folder(root / "best")["step"] in (last, last + 1)
    assert len(set((root / "state").read_bytes())) == 1
    assert len((root / "state").read_bytes()) == 200_000
    assert all(not name.startswith(".tmp-") for name in names(root))
    steps = [verify_folder(root / name)["step"] for name in names(root) if name.startswith("step-")]
    assert max(steps) in (last, last + 1)


@posix
@pytest.mark.parametrize("trial", range(5))
def test_killed_at_a_random_time(tmp_path, trial):
    kill_at_random(tmp_path, delay=0.013 * trial)


@posix
@pytest.mark.slow
@pytest.mark.parametrize("trial", range(30))
def test_killed_at_a_random_time_often(tmp_path, trial):
    kill_at_random(tmp_path, delay=0.0037 * trial)


def test_an_interrupted_swap_falls_back_to_the_old_folder_when_the_new_one_is_damaged(tmp_path):
    save(tmp_path / "run", step=1)
    save(tmp_path / "next", step=2)
    (tmp_path / "run").rename(tmp_path / ".tmp-run.old-0123abcd")
    (tmp_path / "next").rename(tmp_path / ".tmp-run.new-0123abcd")
    assert verify_folder(locate(tmp_path / "run")) == {"step": 2}
    (tmp_path / ".tmp-run.new-0123abcd" / "config.json").write_bytes(b"[]")
    assert verify_folder(locate(tmp_path / "run")) == {"step": 1}
    remove_stale_temporaries(tmp_path)
    assert names(tmp_path) == ["run"]
    assert verify_folder(tmp_path / "run") == {"step": 1}


def test_only_our_own_temporaries_are_removed(tmp_path):
    for name in [".tmp-mine", ".tmp-run.new-xyz", "tmp-run.new-0123abcd"]:
        (tmp_path / name).write_text("")
    (tmp_path / ".tmp-run.new-0123abcd").mkdir()
    (tmp_path / ".tmp-state.file-0123abcd").write_text("")
    remove_stale_temporaries(tmp_path)
    assert names(tmp_path) == [".tmp-mine", ".tmp-run.new-xyz", "tmp-run.new-0123abcd"]
    remove_stale_temporaries(tmp_path / "none")


# ---------------------------------------------------------------- tensors

DTYPES = [
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.uint8,
    torch.bool,
]


def test_tensors_keep_dtype_and_bits(tmp_path):
    generator = torch.Generator().manual_seed(0)
    tensors = {str(d): (torch.randn(3, 5, generator=generator) * 9).to(d) for d in DTYPES}
    tensors |= {
        "nan": torch.tensor([float("nan"), -0.0, float("inf")]),
        "scalar": torch.tensor(2.5),
        "none": torch.zeros(0, 4),
    }
    tensors |= {"turned": torch.randn(4, 3).T, "parameter": torch.nn.Parameter(torch.ones(2))}
    write_folder(tmp_path / "run", {"m.safetensors": save_tensors(tensors)}, metadata={})
    verify_folder(tmp_path / "run")
    loaded = load_tensors(tmp_path / "run" / "m.safetensors")
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert loaded[name].shape == tensor.shape
        assert torch.equal(loaded[name].nan_to_num(), tensor.detach().nan_to_num())
    assert torch.signbit(loaded["nan"][1])


@posix
def test_weights_are_as_readable_as_the_other_files(tmp_path):
    write_folder(
        tmp_path / "run", {"a.json": b"{}", "m.safetensors": save_tensors({"w": torch.ones(2)})}, metadata={}
    )
    assert {(tmp_path / "run" / name).stat().st_mode for name in ("a.json", "m.safetensors")} == {
        (tmp_path / "run" / MANIFEST).stat().st_mode
    }


def test_a_header_whose_length_looks_like_a_pickle_is_accepted(tmp_path):
    for length in range(500, 700):  # 640 is written 80 02
        write = save_tensors({"w" * length: torch.ones(2)})
        write(path := tmp_path / f"{length}.safetensors")
        if path.read_bytes()[:2] == b"\x80\x02":
            break
    else:
        pytest.fail("no header of 640 bytes was made")
    assert torch.equal(load_tensors(path)["w" * length], torch.ones(2))


def test_shared_and_damaged_tensors_have_clear_errors(tmp_path):
    weight = torch.ones(4)
    with pytest.raises(ConfigError, match="pass each shared tensor once"):
        write_folder(
            tmp_path / "run", {"m.safetensors": save_tensors({"a": weight, "b": weight})}, metadata={}
        )
    assert names(tmp_path) == []
    path = tmp_path / "m.safetensors"
    with pytest.raises(CorruptRunError, match=r"m\.safetensors is missing"):
        load_tensors(path)
    torch.save({"a": weight}, tmp_path / "x")
    for content, message in [
        (b"", "is damaged"),
        (b"\xff" * 50, "is damaged"),
        ((tmp_path / "x").read_bytes(), "never loaded"),
    ]:
        path.write_bytes(content)
        with pytest.raises(CorruptRunError, match=message):
            load_tensors(path)


def test_arrays_come_back_whatever_their_order_in_memory(tmp_path):
    arrays = {
        "columns": np.arange(6.0).reshape(2, 3).T,
        "every_other": np.arange(8)[::2],
        "number": np.array(3.0),
        "none": np.zeros((0, 4)),
    }
    (tmp_path / "a.safetensors").write_bytes(packed(arrays, {"who": "字"}))
    found, record = unpacked(tmp_path / "a.safetensors")
    assert record == {"who": "字"}
    for name, array in arrays.items():
        assert found[name].shape == array.shape
        np.testing.assert_array_equal(found[name], array)
