"""Options that several verbs share, declared once: a parameter whose type is a `Group` stands for all its options."""

import dataclasses
import functools
import inspect
import os
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Self, cast

import typer

from textvae.cli.arguments import open_noted
from textvae.cli.screen import Screen
from textvae.config import DecodingConfig
from textvae.errors import DataError

if TYPE_CHECKING:
    from textvae.data.sources import Corpus
    from textvae.vae import TextVAE

SEEDS = 1_000_000


class Group:
    """Several options that reach a verb as one value; a dataclass whose fields are options."""

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """Return the options."""
        hints = typing.get_type_hints(cls, include_extras=True)
        return [_option(field.name, hints[field.name], field.default) for field in dataclasses.fields(cls)]  # ty: ignore[invalid-argument-type]

    @classmethod
    def gather(cls, values: dict[str, Any]) -> Self:
        """Make the value from the options' values."""
        return cls(**values)


@functools.cache
def _options(kind: type[Group]) -> tuple[inspect.Parameter, ...]:
    """Return the options of a group, made once for all verbs that share it."""
    return tuple(kind.parameters())


def grouped(function: Callable[..., None]) -> Callable[..., None]:
    """Return `function` with each parameter that is a `Group` spread into its options, for typer to read."""
    hints = typing.get_type_hints(function, include_extras=True)
    spread: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []
    groups: dict[str, tuple[type[Group], list[str]]] = {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if isinstance(kind, type) and issubclass(kind, Group):
            options = _options(kind)
            groups[parameter.name] = kind, [option.name for option in options]
            shared += options  # after the verb's own options, in its help
        else:
            spread.append(_option(parameter.name, kind, parameter.default))

    @functools.wraps(function)
    def called(**values: Any) -> None:
        for name, (kind, options) in groups.items():
            values[name] = kind.gather({option: values.pop(option) for option in options})
        function(**values)

    called.__signature__ = inspect.Signature([*spread, *shared])  # ty: ignore[missing-attribute]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in (*spread, *shared)}
    return called


@dataclasses.dataclass(frozen=True, kw_only=True)
class Common(Group):
    """What every verb takes."""

    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            help="Random seed; unset: 0 where a verb measures, else one that is drawn and printed.",
        ),
    ] = None
    device: Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")] = "auto"
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")] = False
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False

    @functools.cached_property
    def screen(self) -> Screen:
        """Where results and notes go."""
        return Screen(quiet=self.quiet)

    @functools.cached_property
    def drawn_seed(self) -> int:
        """The seed asked for, or a new one, printed."""
        if self.seed is not None:
            return self.seed
        import secrets

        alone = os.environ.get("WORLD_SIZE", "1") == "1"
        seed = secrets.randbelow(SEEDS) if alone else 0  # the ranks of torchrun must agree without a word
        self.screen.note(f"seed {seed}")
        return seed


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading(Group):
    """How texts are found in files."""

    text: Annotated[str | None, typer.Option("--text", help="The text column, by name or number.")] = None
    blank_line: Annotated[
        bool, typer.Option("--blank-line", help="In plain text, blank lines separate the texts.")
    ] = False
    encoding: Annotated[
        str | None,
        typer.Option(
            "--encoding", help="Encoding of the files; unset: UTF-8, or what a byte-order mark says."
        ),
    ] = None

    @property
    def given(self) -> dict[str, Any]:
        """The settings of `DataConfig` that they are; what was not given is None."""
        return {"text": self.text, "blank_line": self.blank_line or None, "encoding": self.encoding}

    def open(self, source: str, screen: Screen, **others: Any) -> "Corpus":
        """Open a corpus with other options of `open_corpus` too, and print notes on it."""
        return open_noted(source, screen, **dataclasses.asdict(self), **others)

    def texts(self, source: str, screen: Screen, **others: Any) -> list[str]:
        """Return the texts of a corpus, opened as by `open`; there must be some."""
        return read_all(self.open(source, screen, **others), source, screen)


def read_all(corpus: "Corpus", source: str, screen: Screen) -> list[str]:
    """Return the texts of a corpus; how many rows are left out for having none is told.

    Raises:
        DataError: there are none.
    """
    found = list(corpus)
    if not found:
        raise DataError(f"no texts in {source}; it is empty or every line is blank")
    tell_skipped(corpus, screen)
    return found


def tell_skipped(corpus: "Corpus", screen: Screen) -> None:
    """Print a note on rows without a text, after all were read: results are not as many as rows."""
    if corpus.num_skipped:
        screen.note(
            f"note: {corpus.num_skipped:,} of {corpus.num_rows:,} rows of {corpus.name} have no text and are left out"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class WithModel(Common):
    """What every verb that runs a model takes."""

    batch_size: Annotated[
        int | None, typer.Option("--batch-size", min=1, help="Texts at a time; results do not depend on it.")
    ] = None

    def load(self, run: str) -> "TextVAE":
        """Return the model of a run."""
        from textvae.vae import TextVAE

        vae = TextVAE.from_pretrained(run, device=self.device)
        vae.codec.batch_size = self.batch_size or vae.codec.batch_size
        vae.progress = self.screen.progress()
        return vae


DECODING_OPTIONS = {
    "temperature": ("--temperature", "0: always the most probable token."),
    "top_k": ("--top-k", "Keep the k most probable tokens; 0: all."),
    "top_p": ("--top-p", "Keep the fewest tokens that hold this mass."),
    "min_p": ("--min-p", "Keep tokens with at least this share of the best one's probability."),
    "num_beams": ("--beams", "Beam search, at temperature 0."),
    "length_penalty": (
        "--length-penalty",
        "Scores of beams and candidates are divided by length to this power.",
    ),
    "repetition_penalty": ("--repetition-penalty", "Above 1: tokens already there are less likely."),
    "no_repeat_ngram": ("--no-repeat-ngram", "No run of this many tokens twice; 0: off."),
    "min_length": ("--min-length", "Tokens at least."),
    "max_length": ("--max-length", "Tokens at most; unset: the model's limit."),
    "num_latents": ("--latents", "A first answer is the likeliest over so many z; 1: at their mean."),
    "prior_temperature": (
        "--prior-temperature",
        "Several answers: how far apart their z are; 1: as in p(z|c).",
    ),
    "complete_of": (
        "--complete-of",
        "First answers to data: of so many, the one that leaves out fewest slots.",
    ),
    "candidates": ("--candidates", "Drawn for each text; the best is kept."),
    "slor": ("--slor", "Rank candidates by log p (0) to SLOR (1), which common words do not raise."),
    "guidance": ("--guidance", "Weight of the condition: 1 as trained, 2 twice that."),
    "known_words": ("--any-words", "Also words that training never saw."),
}
"""Option and help of each field of `DecodingConfig`; a truth value's option turns its default over."""


@dataclasses.dataclass(frozen=True)
class Decoding(Group):
    """The decoding settings that were given."""

    settings: dict[str, Any]

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """Return an option for each field of `DecodingConfig`, unset unless given."""
        kinds, annotated = typing.get_type_hints(DecodingConfig), cast(Any, Annotated)
        return [
            _option(name, annotated[kinds[name] | None, typer.Option(option, help=text)], None)
            for name, (option, text) in DECODING_OPTIONS.items()
        ]

    @classmethod
    def gather(cls, values: dict[str, Any]) -> Self:
        """Keep what was given, with what it asks for: beams, temperature 0; a temperature, one beam; 0, one candidate."""
        defaults = DecodingConfig()
        given = {
            name: not getattr(defaults, name) if isinstance(value, bool) else value
            for name, value in values.items()
            if value is not None
        }
        if given.get("num_beams", 1) > 1:
            given.setdefault("temperature", 0.0)
        elif given.get("temperature"):
            given.setdefault("num_beams", 1)
        if given.get("temperature") == 0:
            given.setdefault("candidates", 1)
        return cls(given)

    def over(self, base: DecodingConfig) -> DecodingConfig:
        """Return `base` with what was given laid over."""
        return dataclasses.replace(base, **self.settings)


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
