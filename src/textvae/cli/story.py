"""What a freshly trained model can do: a report, samples, reconstructions, a path and neighbours."""

import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textvae.cli.screen import Screen
from textvae.config import RunConfig

if TYPE_CHECKING:
    from textvae.control.neighbors import Neighbor
    from textvae.control.priors import PriorFit
    from textvae.evaluation.record import Evaluation
    from textvae.vae import TextVAE

NUM_IMPORTANCE, NUM_PRIOR, NUM_SHOWN = 50, 50, 5
MEASURED_TEXTS = 100
"""Held-out texts that are measured at most: the demo is short."""

IN_WORDS = {
    "ppl_token": "as unsure of each next token as among so many equally likely ones",
    "rate": "nats of a text that z carries",
    "mutual_information": "nats that z and text share",
    "active_units": "dimensions of z in use",
    "reconstruction_bleu": "of 100: how much of a text comes back, word for word",
    "self_bleu_4": "of 100: how alike samples are; lower is more diverse",
    "copy_rate": "share of samples copied from the training texts",
}
"""The measures shown, in plain words."""


class Story:
    """What is shown of a run; each part is made when it is first asked for.

    Args:
        run: the run folder.
        texts: those it was trained on.
        config: its settings, by which some texts were held out.
        device: auto, cpu, cuda, cuda:N or mps.
    """

    def __init__(self, run: Path, texts: list[str], config: RunConfig, *, device: str = "auto") -> None:
        self.run, self.texts, self.config, self.device = run, texts, config, device
        self.seed = config.training.seed

    @cached_property
    def vae(self) -> "TextVAE":
        """The model."""
        from textvae.vae import TextVAE

        return TextVAE.from_pretrained(self.run, device=self.device)

    @cached_property
    def parts(self) -> tuple[list[str], list[str]]:
        """Training and held-out texts."""
        from textvae.data.splits import open_splits

        splits = open_splits(self.texts, self.config.data)
        return list(splits.train), list(splits.valid)

    def fit_prior(self) -> "PriorFit":
        """Fit a mixture to the training texts, which takes seconds, and keep it in the run."""
        from textvae.codec.location import model_folder

        fit = self.vae.fit_prior(self.parts[0], kind="mixture", seed=self.seed)
        self.vae.save(model_folder(self.run))
        return fit

    @cached_property
    def evaluation(self) -> "Evaluation":
        """Measures on held-out texts."""
        train, held_out = self.parts
        return self.vae.evaluate(
            held_out[:MEASURED_TEXTS],
            num_samples=NUM_IMPORTANCE,
            num_prior=NUM_PRIOR,
            training=train,
            seed=self.seed,
        )

    @cached_property
    def samples(self) -> list[str]:
        """Random texts."""
        return self.vae.sample(NUM_SHOWN, seed=self.seed)

    @cached_property
    def originals(self) -> list[str]:
        """Held-out texts of middling length, short enough to be shown."""
        held_out = self.parts[1]
        middle = sorted(held_out, key=len)[len(held_out) // 4 : len(held_out) // 2 + 1]
        return middle[:: max(1, len(middle) // NUM_SHOWN)][:NUM_SHOWN]

    @cached_property
    def reconstructions(self) -> list[str]:
        """The originals, encoded and decoded."""
        return self.vae.reconstruct(self.originals)

    @cached_property
    def path(self) -> list[str]:
        """Texts from the first original to the last."""
        return self.vae.interpolate(self.originals[0], self.originals[-1])

    @cached_property
    def neighbors(self) -> "list[Neighbor]":
        """Training texts nearest to an original."""
        [found] = self.vae.neighbors([self.query], self.parts[0], k=NUM_SHOWN)
        return found

    @property
    def query(self) -> str:
        """The text whose neighbours are shown."""
        return self.originals[len(self.originals) // 2]

    def record(self) -> dict[str, Any]:
        """Return all of it as a JSON object."""
        return {
            "run": str(self.run),
            "seed": self.seed,
            "evaluation": self.evaluation.to_json(),
            "samples": self.samples,
            "reconstructions": [{"text": a, "reconstruction": b} for a, b in zip(self.originals, self.reconstructions, strict=True)],
            "interpolation": self.path,
            "neighbors": {"text": self.query, "found": [{"text": one.text, "distance": one.distance} for one in self.neighbors]},
        }  # fmt: skip


def show(story: Story, screen: Screen) -> None:
    """Print the story."""
    from textvae.evaluation.numbers import number

    found = story.evaluation
    screen.heading(f"On {found.settings['N']} texts it never saw (K = {NUM_IMPORTANCE})")
    rows = [(number(found.measures[key]), words) for key, words in IN_WORDS.items() if key in found.measures]
    screen.table(("", ""), rows, right=(0,))
    screen.heading("Random texts, z drawn from the prior")
    _listed(screen, story.samples)
    screen.heading("Texts it never saw, and what comes back from their z")
    screen.table(
        ("text", "reconstruction"), zip(story.originals, story.reconstructions, strict=True), equal=True
    )
    screen.heading("From one text to another, through latent space")
    _listed(screen, story.path)
    screen.heading("Training texts nearest to")
    screen.paragraph(story.query)
    screen.table(("", ""), [(f"{one.distance:.3f}", one.text) for one in story.neighbors])
    show_next(story, screen)


def show_next(story: Story, screen: Screen) -> None:
    """Print where the run is and what to try."""
    run = shlex.quote(str(story.run))
    a, b = (shlex.quote(text) for text in (story.originals[0], story.originals[-1]))
    screen.heading(f"Written to {story.run}. Try next")
    screen.say(
        f"  textvae sample {run} -n 5 --temperature 0.8",
        f"  textvae interpolate {run} {a} {b}",
        f"  textvae train YOUR_TEXTS.txt --output {run}-own",
    )


def _listed(screen: Screen, texts: list[str]) -> None:
    for text in texts:
        screen.paragraph(text, mark="·")
