"""A corpus, settings and runs so small that a test can afford to train."""

import os
import signal
from pathlib import Path

import torch

import textvae.storage.atomic
from textvae.config import RunConfig
from textvae.training.run import resumed_config, train_run

SUBJECTS = ("the cat", "a dog", "the old man", "my sister", "every bird", "no one")
VERBS = ("sees", "likes", "finds", "paints", "forgets")
OBJECTS = ("a red house", "the sea", "an apple", "some music", "the last train", "a letter")
ENGLISH = [f"{s} {v} {o}." for s in SUBJECTS for v in VERBS for o in OBJECTS]
CHINESE = [
    f"{s}{v}{o}。"
    for s in ("小猫", "老师", "我妹妹", "他们")
    for v in ("喜欢", "看见", "忘了")
    for o in ("大海", "红房子", "音乐", "一封信", "苹果")
]

SETTINGS = {
    "model": {"embed_dim": 12, "encoder_dim": 10, "decoder_dim": 14, "latent_dim": 4},
    "objective": {"target_rate": 3.0},
    "decoding": {"candidates": 2},
    "training": {"epochs": 3, "batch_tokens": 200, "checkpoint_every": 4, "samples": 2, "threads": 1},
}


def tiny_config(**sections: dict) -> RunConfig:
    """Return settings of a run of a second, with `sections` laid over."""
    return RunConfig().updated(SETTINGS).updated(sections)


def train_tiny(folder: Path, *, resume: bool = False, **sections: dict) -> Path:
    """Train a tiny English run in `folder`."""
    config = (
        resumed_config(folder) if resume and (folder / "config.yaml").exists() else tiny_config(**sections)
    )
    return train_run(
        ENGLISH,
        folder,
        config,
        resume=resume,
        overwrite=not resume,
        device="cpu",
        cache_dir=folder.parent / "cache",
    )


def train_and_die(folder: Path, kill_at: int | None, sections: dict) -> None:
    """Train in a process of its own; SIGKILL it before the `kill_at`-th operation of its saves."""
    torch.set_num_threads(1)
    if kill_at is not None:
        left = iter(range(kill_at))

        def step(name: str) -> None:
            if next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        textvae.storage.atomic._step = step
    train_tiny(folder, **sections)
