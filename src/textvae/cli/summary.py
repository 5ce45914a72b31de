"""What a run folder says of itself, as the rows of tables."""

from pathlib import Path
from typing import Any

from textvae.config.model import GAUSSIAN, NO_LATENT, STANDARD
from textvae.training.measures import HeldOut


def data_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the rows of a table on the data of a run."""
    if not facts:
        return []
    train, valid, tokenizer = facts["train"], facts["valid"], facts["tokenizer"]
    cut = f"; {train['cut']:,} texts cut" if train["cut"] else ""
    return [
        *origin_rows(facts),
        ("texts", f"{train['texts']:,} to train on, {valid['texts']:,} held out"),
        ("tokens", f"{train['tokens']:,}, {train['tokens'] / max(train['texts'], 1):.1f} a text{cut}"),
        ("tokenizer", f"{tokenizer['kind']}, V = {tokenizer['vocab_size']:,}"),
    ]


def origin_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the row on what a run began from, if on anything."""
    if not (origin := facts.get("origin")):
        return []
    from textvae.training.card import lineage

    return [("began from", lineage(origin))]


def model_row(model: dict[str, Any], parameters: int | None) -> tuple[str, str]:
    """Return the row of a table on the model."""
    size = f"; {parameters / 1e6:.2f} M parameters" if parameters is not None else ""
    if model["encoder"] == NO_LATENT:
        return "model", f"{model['decoder']} {model['decoder_dim']}, without z{size}"
    encoder, decoder = (
        f"{model['encoder']} {model['encoder_dim']}",
        f"{model['decoder']} {model['decoder_dim']}",
    )
    return "model", f"{encoder} → z {model['latent_dim']}{_kinds(model)} → {decoder}{size}"


def condition_rows(codec_conditions: Path) -> list[tuple[str, str]]:
    """Return the row of a table on what a model answers to; none where it takes no condition."""
    from textvae.data.conditions import ConditionSchema

    if not codec_conditions.exists():
        return []
    schema = ConditionSchema.from_json(codec_conditions.read_bytes())
    return [("conditions", schema.described().removeprefix("it takes "))]


def _kinds(model: dict[str, Any]) -> str:
    """Return which posterior and prior a model has, unless they are the plain ones; older models do not say."""
    plain = {"posterior": GAUSSIAN, "prior": STANDARD}
    kinds = [f"{model[part]} {part}" for part in plain if model.get(part, plain[part]) != plain[part]]
    return f" ({', '.join(kinds)})" if kinds else ""


def measure_rows(held: HeldOut, latent_dim: int, target: float | None) -> list[tuple[str, str]]:
    """Return the rows of a table of held-out measures."""
    aim = f" (target {target:g})" if target is not None else ""
    return [
        ("-ELBO", f"{held.neg_elbo:.2f} nats a text"),
        ("distortion", f"{held.distortion:.2f} nats a text"),
        ("rate", f"{held.rate:.2f} nats a text{aim}"),
        *(
            (f"{what} buys", f"{gain:.2f} nats a text: by so much another text's {what} is worse")
            for what, gain in (("z", held.z_shuffle_gain), ("condition", held.condition_shuffle_gain))
            if gain is not None
        ),
        ("perplexity", f"{held.perplexity:.2f} a token, at most (from the -ELBO)"),
        ("active units", f"{held.active_units} of {latent_dim}"),
    ]
