"""Named uses of a conditional model: what `--task` stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from textvae.config.fields import check_choice
from textvae.errors import ConfigError

Settings = Mapping[str, Mapping[str, Any]]


def _over(settings: Settings, changes: Settings) -> Settings:
    return {
        section: {**settings.get(section, {}), **changes.get(section, {})}
        for section in {**settings, **changes}
    }


_ANSWERING: Settings = {
    "model": {
        "prior": "conditional",
        "latent_dim": 32,
        "condition_dim": 128,
        "dropout": 0.3,
        "embed_dropout": 0.2,
    },
    "objective": {"target_rate": 3.0},
    "training": {"word_dropout": 0.1, "condition_dropout": 0.05},
    "decoding": {"temperature": 0.0, "candidates": 1, "known_words": False},
}
"""Of all that answer to a source: few nats for z, which is to say in which of several ways, not what; p(z|c) is learned, so that
its mean is a good first answer; nothing is drawn, so that answers differ by their z; any word, as names are copied or spelt."""

_SAYING = _over(_ANSWERING, {"decoding": {"num_beams": 4, "num_latents": 8, "prior_temperature": 1.6}})
"""Of all whose source tells what is to be said: beams find what greedy decoding misses, a first answer is the best of all ways
to say it together, not of their mean, and those after it lie further apart than draws would."""

_COPYING = _over(_SAYING, {"model": {"copy": True}, "data": {"source_tokenizer": "shared"}})
"""Of all that say it in the source's own words."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings for a task.

    Attributes:
        name: as `--task` has it.
        help: what it is for, and what data it takes.
        needs: conditions that have to be given: source, labels or feature; nothing where they are made from the texts.
        settings: laid over the defaults; a file of settings and options come after them.
    """

    name: str
    help: str
    needs: tuple[str, ...] = ()
    settings: Settings = field(default_factory=dict)


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="translation",
            help="--source: the sentence to translate; a tokenizer of its own where the script is another",
            needs=("source",),
            settings=_SAYING,
        ),
        Recipe(
            name="dialogue",
            help="--source: the turns so far; or a column or paragraphs of whole dialogues, a turn a line",
            settings=_over(
                _ANSWERING, {"decoding": {"temperature": 0.6, "top_p": 0.9, "prior_temperature": 1.6}}
            ),
        ),
        Recipe(
            name="summary",
            help="--source: the document; words are copied from it",
            needs=("source",),
            settings=_COPYING,
        ),
        Recipe(
            name="completion",
            help="plain texts, cut in two: the beginning is the source; or --source",
            settings=_over(_ANSWERING, {"data": {"source_tokenizer": "shared"}}),
        ),
        Recipe(
            name="infill",
            help="plain texts with a gap; what was there is the text; or --source",
            settings=_over(_ANSWERING, {"data": {"source_tokenizer": "shared"}}),
        ),
        Recipe(
            name="caption",
            help="--feature: an image, a sound or a row of numbers for each text",
            needs=("feature",),
            settings=_over(_ANSWERING, {"decoding": {"known_words": True}}),
        ),
        Recipe(
            name="data-to-text",
            help="--source: the data as text, as name[The Eagle], food[English]; values are copied from it",
            needs=("source",),
            settings=_over(_COPYING, {"data": {"source_apart": True}, "decoding": {"complete_of": 10}}),
        ),
        Recipe(
            name="persona",
            help="--label: the author or speaker of each text",
            needs=("labels",),
            settings={
                "model": {"condition_dim": 64},
                "training": {"condition_dropout": 0.1},
                "decoding": {"guidance": 3.0},  # at 1 a person is hardly heard: docs/persons.md
            },
        ),
    )
}
"""By name."""

MADE = ("dialogue", "completion", "infill")
"""Tasks whose sources are made from the texts where no column holds them."""


def recipe(name: str, given: Mapping[str, Any]) -> Settings:
    """Return the settings of a task.

    Args:
        name: of the task.
        given: source, labels and feature as the user has given them; None or absent: not.

    Raises:
        ConfigError: no such task, or a condition that it needs is not given.
    """
    check_choice("--task", name, RECIPES)
    found = RECIPES[name]
    missing = [need for need in found.needs if given.get(need) is None]
    if missing:
        option = {"source": "--source", "labels": "--label", "feature": "--feature"}[missing[0]]
        told = found.help.removeprefix(f"{option}: ")
        raise ConfigError(f"the task {name} needs {option}: {told}")
    if name in MADE and given.get("source") is None:
        return _over(found.settings, {"data": {"pairs": name}})
    return found.settings
