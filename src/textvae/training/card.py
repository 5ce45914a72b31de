"""The model card of a run: what it is, from what, how good, and what it is not for."""

import platform
from pathlib import Path
from typing import Any

import torch

from textvae import __version__
from textvae.config import RunConfig
from textvae.storage.atomic import write_file
from textvae.training.measures import HeldOut
from textvae.training.records import CARD_FILE

LIMITS = """\
- It says what its training texts say, their errors and prejudices included; nothing it writes is checked for truth.
- Random samples can repeat training texts. The folder holds none of them, but the weights can.
- {rate:.1f} nats a text are enough to keep {keeps} of a text, so `reconstruct` and `interpolate` paraphrase{freely}.
"""


def write_card(
    run: Path, config: RunConfig, facts: dict[str, Any], held_out: HeldOut, num_parameters: int
) -> None:
    """Write `README.md` of the run folder."""
    write_file(run / CARD_FILE, card(run.name, config, facts, held_out, num_parameters).encode())


def card(name: str, config: RunConfig, facts: dict[str, Any], held_out: HeldOut, num_parameters: int) -> str:
    """Return the card as Markdown."""
    model, nats = config.model, held_out.rate
    faithful = held_out.is_faithful
    rows = [
        ("Model", f"{model.encoder} encoder, {model.latent_dim} latent dimensions, {model.decoder} decoder"),
        ("Latents", f"{model.posterior} posterior, {model.prior} prior"),
        ("Parameters", f"{num_parameters:,}"),
        *([("Began from", lineage(facts["origin"]))] if "origin" in facts else []),
        ("Tokenizer", f"{facts['tokenizer']['kind']}, {facts['tokenizer']['vocab_size']:,} entries"),
        ("Training texts", _data(facts["train"])),
        ("Held-out texts", _data(facts["valid"])),
        ("Longest text", f"{model.max_length} tokens"),
        ("Seed", str(config.training.seed)),
        (
            "Versions",
            f"textvae {__version__}, PyTorch {torch.__version__}, Python {platform.python_version()}",
        ),
    ]
    measures = [
        ("Distortion", f"{held_out.distortion:.2f} nats a text"),
        ("Rate", f"{held_out.rate:.2f} nats a text" + _target(config)),
        *_gain(held_out),
        ("-ELBO", f"{held_out.neg_elbo:.2f} nats a text"),
        ("Perplexity a token", f"{held_out.perplexity:.2f} (from the -ELBO, `</s>` counted)"),
        ("Active units", f"{held_out.active_units} of {model.latent_dim}"),
    ]
    limits = LIMITS.format(
        rate=nats, keeps="most words" if faithful else "the topic", freely="" if faithful else " freely"
    )
    return (
        f"# {name}\n\nA variational autoencoder for text, trained with textvae.\n\n"
        f"{_table('what', rows)}\n## Measures on held-out texts\n\n{_table('measure', measures)}\n"
        f'## Use\n\n```\ntextvae sample {name} -n 5\ntextvae reconstruct {name} "..."\n'
        f"textvae evaluate {name} DATA\n```\n\n"
        f"## Limits\n\n{limits}\n## Settings\n\n```yaml\n{config.to_yaml()}```\n"
    )


def lineage(origin: dict[str, Any]) -> str:
    """Return what a run began from, and what that began from, in words."""
    epoch = "" if origin["epoch"] is None else f", epoch {origin['epoch']}"
    earlier = f"; that began from {lineage(origin['origin'])}" if "origin" in origin else ""
    return f"{origin['name']}{epoch}, weights SHA-256 {origin['sha256'][:16]}…{earlier}"


def _data(facts: dict[str, Any]) -> str:
    return (
        f"{facts['texts']:,} texts, {facts['tokens']:,} tokens, {facts['cut']:,} cut; "
        f"SHA-256 {facts['sha256'][:16]}…"
    )


def _gain(held_out: HeldOut) -> list[tuple[str, str]]:
    gain = held_out.z_shuffle_gain
    return [] if gain is None else [("z-shuffle gain", f"{gain:.2f} nats a text")]


def _target(config: RunConfig) -> str:
    target = config.objective.target_rate
    return "" if target is None else f" (target {target:g})"


def _table(head: str, rows: list[tuple[str, str]]) -> str:
    return "\n".join([f"| {head} | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows), ""])
