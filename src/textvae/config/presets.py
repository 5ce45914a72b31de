"""What `--for` stands for, and the settings that depend on the corpus."""

import dataclasses

from textvae.config.fields import check_choice
from textvae.config.model import CONDITIONAL, GAUSSIAN, NO_LATENT, STANDARD
from textvae.config.objective import ObjectiveConfig
from textvae.config.run import RunConfig

PRESETS: dict[str, dict[str, dict[str, object]]] = {
    "sampling": {},
    "editing": {
        "model": {
            "latent_dim": 128,
            "injection": "initial+input+position",
            "dropout": 0.1,
            "embed_dropout": 0.1,
        },
        "objective": {"faithful": 0.9},
        "training": {"word_dropout": 0.0, "batch_tokens": 300},
    },
    "steering": {
        "objective": {"target_rate": 15.0, "bag_of_words": 1.0},
        "training": {"word_dropout": 0.3, "batch_tokens": 500},
    },
}
"""`sampling`: fluent prior samples, reconstructions that keep the topic. `editing`: faithful reconstructions. `steering`: a z that
says which words a text has, whatever their places, so that few labels tell its attributes."""

TRANSFER: dict[str, dict[str, object]] = {"training": {"patience": 8}}
"""Beneath the settings of a run that begins from another's weights: it may get worse before it gets better."""

LANGUAGE_MODEL: dict[str, dict[str, object]] = {
    "data": {"extend_vocabulary": False},
    "model": {
        "encoder": NO_LATENT,
        "injection": NO_LATENT,
        "share_embeddings": False,
        "prior": STANDARD,
        "posterior": GAUSSIAN,
    },
    "objective": {"beta": "constant", "beta_max": 1.0, "target_rate": None, "faithful": None},
    "training": {
        "word_dropout": 0.0,
        "noise_drop": 0.0,
        "noise_blank": 0.0,
        "noise_substitute": 0.0,
        "noise_shuffle": 0.0,
        "aggressive": False,
        "freeze": (),
        "unfreeze_after": None,
    },
    "decoding": {"num_latents": 1, "prior_temperature": 1.0},
}
"""What turns a VAE's settings into those of a language model with the same decoder."""

SAMPLING_NATS = 0.4
"""Target rate, nats a token of the mean text."""

FAITHFUL_NATS = 2.0
"""Nats a token from which reconstructions keep most words."""


LABELS_GUIDANCE = 2.0
"""Weight of the condition where it is labels alone."""


def preset(name: str) -> RunConfig:
    """Return the settings of `sampling`, `editing` or `steering`.

    Raises:
        ConfigError: no such preset.
    """
    check_choice("purpose (--for)", name, PRESETS)
    return RunConfig().updated(PRESETS[name])


def language_model(config: RunConfig) -> RunConfig:
    """Return `config` without z: the same decoder and training, no encoder, no rate, every word read.

    Of a conditional model it is the deterministic twin, which reads the condition as before.
    """
    layers = [LANGUAGE_MODEL]
    if config.data.has_condition or config.model.has_condition:
        layers.append({"model": {"injection": config.model.injection}})
    return dataclasses.replace(config, objective=ObjectiveConfig()).updated(*layers)


def unconditional(config: RunConfig) -> RunConfig:
    """Return `config` for the texts alone, without what they answer to."""
    nothing = {"source": None, "labels": None, "feature": None, "pairs": "none"}
    prior = STANDARD if config.model.prior == CONDITIONAL else config.model.prior
    injection = config.model.injection if config.model.has_latent else NO_LATENT
    shapes = {
        "label_codes": 0, "feature_dim": 0, "feature_length": 0, "source_vocab_size": 0, "source_max_length": 0,
        "source_shared": False, "copy": False, "prior": prior, "injection": injection,
    }  # fmt: skip
    return config.updated({"data": nothing, "model": shapes})


def default_target_rate(mean_length: float) -> float:
    """Return a target rate in nats for texts of `mean_length` tokens, `</s>` counted."""
    return round(min(max(SAMPLING_NATS * mean_length, 5.0), 10.0), 1)


def default_epochs(num_tokens: int) -> int:
    """Return epochs for a corpus of `num_tokens`: about five million tokens in all, 2 to 40 times each."""
    return int(min(max(5_000_000 / max(num_tokens, 1), 2), 40))


def default_batch_tokens(num_tokens: int, epochs: int) -> int:
    """Return target tokens a batch: as many as leave about 3,000 updates, 200 to 1,000."""
    return min(max(num_tokens * epochs // 3000, 200), 1000)


def default_guidance(config: RunConfig) -> float:
    """Return the weight of the condition: as trained labels alone are hardly heard (docs/experiments.md)."""
    columns = config.data.columns
    labels_alone = columns.labels is not None and not columns.has_source and columns.feature is None
    return LABELS_GUIDANCE if labels_alone and config.training.condition_dropout else 1.0


def resolved(
    config: RunConfig, *, vocab_size: int, max_length: int, num_tokens: int, num_texts: int
) -> RunConfig:
    """Return `config` with everything that was left to the corpus filled in."""
    objective = config.objective
    if not config.model.has_latent:
        objective = dataclasses.replace(objective, beta="constant")  # the default's target is of z
    if objective.beta == "target" and objective.target_rate is None and objective.faithful is None:
        rate = default_target_rate(num_tokens / num_texts + 1)
        objective = dataclasses.replace(objective, target_rate=rate)
    training, passes = config.training, default_epochs(num_tokens + num_texts)
    if training.batch_tokens is None:
        size = default_batch_tokens(num_tokens + num_texts, training.epochs or passes)
        training = dataclasses.replace(training, batch_tokens=size)
    if training.epochs is None:
        training = dataclasses.replace(training, epochs=10_000 if training.max_time else passes)
    decoding = config.decoding
    if decoding.guidance is None:
        decoding = dataclasses.replace(decoding, guidance=default_guidance(config))
    return dataclasses.replace(
        config,
        decoding=decoding,
        data=dataclasses.replace(config.data, max_length=max_length),
        model=dataclasses.replace(config.model, vocab_size=vocab_size, max_length=max_length),
        objective=objective,
        training=training,
    )
