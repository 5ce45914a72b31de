"""The options of `train` that are settings of the run, and how they are laid over one another."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from textvae.cli.arguments import duration
from textvae.cli.groups import Common, Group
from textvae.config import RunConfig, parse_assignments, read_settings
from textvae.config.presets import preset
from textvae.errors import ConfigError

SECTIONS = {
    "valid": "data", "test": "data", "tokenizer": "data", "vocab_size": "data", "normalize": "data",
    "text": "data", "blank_line": "data", "encoding": "data",
    "source": "data", "labels": "data", "feature": "data", "target_rate": "objective",
    "extend_vocabulary": "data", "freeze": "training",
    "epochs": "training", "max_time": "training", "threads": "training", "batch_tokens": "training", "seed": "training",
}  # fmt: skip
"""The section of each setting that has an option."""

ON_RESUME = ("epochs", "max_time", "threads")
"""Options that a resumed run takes; the rest it keeps as they were."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SettingOptions(Group):
    """Options of `train` that are settings."""

    valid: Annotated[
        str | None,
        typer.Option("--valid", metavar="FILE", help="Held-out texts; unset: a share is split off."),
    ] = None
    test: Annotated[str | None, typer.Option("--test", metavar="FILE", help="Texts kept for the end.")] = None
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", help="auto, word, char, bpe or unigram.")
    ] = None
    vocab_size: Annotated[int | None, typer.Option("--vocab-size", help="Entries of the tokenizer.")] = None
    normalize: Annotated[
        str | None, typer.Option("--normalize", help="none, nfkc, simplified or nfkc+simplified.")
    ] = None
    extend_vocabulary: Annotated[
        bool | None,
        typer.Option(
            "--extend-vocabulary", help="With --init-from: tokens for what its tokenizer has none for."
        ),
    ] = None
    freeze: Annotated[
        str | None,
        typer.Option(
            "--freeze",
            metavar="PARTS",
            help="Any of encoder,posterior,prior,condition,decoder,embeddings,output.",
        ),
    ] = None
    purpose: Annotated[
        str | None, typer.Option("--for", metavar="PRESET", help="sampling (default), editing or steering.")
    ] = None
    task: Annotated[
        str | None,
        typer.Option(
            "--task",
            help="translation, dialogue, summary, completion, infill, caption, data-to-text or persona.",
        ),
    ] = None
    source: Annotated[
        str | None, typer.Option("--source", metavar="COLUMN", help="The text that each text answers to.")
    ] = None
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="COLUMN",
            help="Labels, as sentiment, stars:ordinal, year:numeric or topic=0; repeatable.",
        ),
    ] = None
    feature: Annotated[
        str | None,
        typer.Option(
            "--feature",
            metavar="COLUMN|FILE",
            help="Numbers: a column, or a .npy or .npz file (a.npz:{split}_x), a row for each row.",
        ),
    ] = None
    target_rate: Annotated[
        float | None, typer.Option("--target-rate", help="Nats of a text that z is to keep.")
    ] = None
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the corpus, at most.")] = None
    max_time: Annotated[
        float | None,
        typer.Option(
            "--max-time",
            metavar="TIME",
            parser=duration,
            help="As 90s, 10m or 2h, once data are read; schedules fit.",
        ),
    ] = None
    batch_tokens: Annotated[
        int | None, typer.Option("--batch-tokens", help="Target tokens a batch, about.")
    ] = None
    threads: Annotated[int | None, typer.Option("--threads", help="CPU threads.")] = None
    config_file: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="A YAML file of settings.")
    ] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=C", help="Any setting, as model.latent_dim=64; repeatable."),
    ] = None

    def config(
        self, columns: Mapping[str, Any], common: Common, inherited: Sequence[Mapping[str, Any]] = ()
    ) -> RunConfig:
        """Return the settings of a new run: defaults < preset < inherited < file < options < `--set`.

        Args:
            columns: how texts are found in files; unset ones are None.
            common: its seed is used, or a new one if no setting gives one.
            inherited: layers of the run that it begins from.
        """
        layers = [
            read_settings(self.config_file) if self.config_file else {},
            _sections({**self._given(), **columns, "seed": common.seed}),
            parse_assignments(self.assignments or []),
        ]
        if self.target_rate is not None:
            layers.insert(0, {"objective": {"faithful": None}})  # a stated rate is held
        config = preset(self.purpose or "sampling").updated(self._recipe(), *inherited, *layers)
        if any(_states_seed(layer) for layer in layers):
            return config
        return config.updated({"training": {"seed": common.drawn_seed}})  # a seed is told if all is well

    def resumed(self, saved: RunConfig, columns: Mapping[str, Any], common: Common) -> RunConfig:
        """Return the saved settings of a run with those that may change laid over; a note names what is ignored.

        Raises:
            ConfigError: `--set` outside of training.
        """
        given = {
            **self._given(),
            **columns,
            "seed": common.seed,
            "for": self.purpose,
            "task": self.task,
            "config": self.config_file,
        }
        ignored = [name for name, value in given.items() if value is not None and name not in ON_RESUME]
        if ignored:
            options = ", ".join(f"--{name.replace('_', '-')}" for name in ignored)
            common.screen.note(f"note: the run keeps its own settings; ignored: {options}")
        assigned = parse_assignments(self.assignments or [])
        for section in assigned:
            if section != "training":
                raise ConfigError(
                    f"--set {section}.… cannot change a run that goes on; with --resume only training.* can"
                )
        return saved.updated(_sections({name: given[name] for name in ON_RESUME}), assigned)

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in SECTIONS if hasattr(self, name)}

    @property
    def labels(self) -> str | None:
        """All label columns as one setting."""
        return ",".join(self.label) if self.label else None

    def _recipe(self) -> Mapping[str, Mapping[str, Any]]:
        if self.task is None:
            return {}
        from textvae.tasks.recipes import recipe

        return recipe(self.task, self._given())


def _sections(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the given values (those not None) by section."""
    layer: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        if value is not None:
            layer.setdefault(SECTIONS[name], {})[name] = value
    return layer


def _states_seed(layer: Mapping[str, Any]) -> bool:
    training = layer.get("training")
    return isinstance(training, Mapping) and "seed" in training
