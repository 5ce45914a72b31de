"""The conditional demo: sentences of a level and topic, and translations, from the embedded Chinese corpus."""

import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.tasks.answers import Answer
    from textvae.vae import TextVAE

LABELLED, TRANSLATED = "labels", "translation"
NUM_SHOWN, NUM_ANSWERS = 5, 3

SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    LABELLED: {
        "data": {"text": "chinese", "labels": "level:ordinal,topic", "tokenizer": "char"},
        "model": {
            "embed_dim": 192,
            "encoder_dim": 96,
            "decoder_dim": 320,
            "condition_dim": 64,
            "dropout": 0.3,
            "embed_dropout": 0.2,
        },
        "training": {"batch_tokens": 400, "epochs": 11, "samples": 0},
        "objective": {"target_rate": 6.0},
        "decoding": {"temperature": 0.4, "candidates": 64, "slor": 0.2, "length_penalty": 0.7},
    },
    TRANSLATED: {
        "data": {"text": "chinese", "source": "english", "tokenizer": "char"},
        "model": {
            "embed_dim": 192,
            "encoder_dim": 96,
            "decoder_dim": 320,
            "source_dim": 128,
            "dropout": 0.3,
            "embed_dropout": 0.2,
        },
        "training": {"batch_tokens": 800, "epochs": 18, "samples": 0},
        "objective": {"target_rate": 4.0},
    },
}
"""By model; the second over the recipe of translation."""

ASKED = ((1, "food"), (1, "family"), (3, "transport"), (5, "nature"))
"""Levels and topics that are asked for."""


class Asking:
    """What is shown of both models; each part is made when it is first asked for.

    Args:
        folder: where their run folders lie.
        sentences: the embedded ones.
        device: auto, cpu, cuda, cuda:N or mps.
        seed: of everything drawn.
    """

    def __init__(
        self, folder: Path, sentences: list[dict[str, Any]], *, device: str = "auto", seed: int = 0
    ) -> None:
        self.folder, self.sentences, self.device, self.seed = folder, sentences, device, seed

    @cached_property
    def labelled(self) -> "TextVAE":
        """The model of sentences with a level and a topic."""
        return self._load(LABELLED)

    @cached_property
    def translating(self) -> "TextVAE":
        """The model of translations."""
        return self._load(TRANSLATED)

    @cached_property
    def by_label(self) -> "list[tuple[int, str, list[Answer]]]":
        """Levels and topics, and sentences of each."""
        return [
            (level, topic, self.labelled.generate(NUM_ANSWERS, seed=self.seed, level=level, topic=topic))
            for level, topic in ASKED
        ]

    @cached_property
    def translations(self) -> "list[tuple[dict[str, Any], list[Answer]]]":
        """Sentences that the model never saw, and its translations."""
        from textvae.config import RunConfig
        from textvae.data.splits import open_splits

        data = RunConfig().updated({"data": {"text": "chinese"}}).data
        held_out = set(open_splits(self.sentences, data).valid)
        unseen = [one for one in self.sentences if one["chinese"] in held_out and len(one["chinese"]) < 16]
        chosen = unseen[:: max(1, len(unseen) // NUM_SHOWN)][:NUM_SHOWN]
        return [
            (one, self.translating.generate(NUM_ANSWERS, rerank=True, seed=self.seed, source=one["english"]))
            for one in chosen
        ]

    def record(self) -> dict[str, Any]:
        """Return all of it as a JSON object."""
        return {
            "runs": str(self.folder),
            "seed": self.seed,
            "labels": [
                {"level": level, "topic": topic, "texts": [answer.text for answer in found]}
                for level, topic, found in self.by_label
            ],
            "translations": [
                {
                    "source": one["english"],
                    "reference": one["chinese"],
                    "answers": [{"text": answer.text, "score": answer.score} for answer in found],
                }
                for one, found in self.translations
            ],
        }

    def _load(self, name: str) -> "TextVAE":
        from textvae.vae import TextVAE

        return TextVAE.from_pretrained(self.folder / name, device=self.device)


def show(asking: Asking, screen: Screen) -> None:
    """Print both models' answers, and what to try."""
    screen.heading("Sentences for a level and a topic")
    for level, topic, found in asking.by_label:
        screen.say(f"HSK {level}, {topic}")
        for answer in found:
            screen.paragraph(answer.text, mark="·")
    screen.heading("Translations of sentences it never saw, the likeliest first")
    for one, found in asking.translations:
        screen.paragraph(f"{one['english']}  ({one['chinese']})")
        for answer in found:
            screen.paragraph(answer.text, mark="·")
    labels, translation = (shlex.quote(str(asking.folder / name)) for name in (LABELLED, TRANSLATED))
    screen.heading(f"Written to {asking.folder}. Try next")
    screen.say(
        f"  textvae generate {labels} --label level=2 --label topic=shopping",
        f"  textvae generate {translation} --source 'I like tea.' -n 5",
        "  textvae train PAIRS.tsv --source 0 --text 1 --task translation --output RUN",
    )
