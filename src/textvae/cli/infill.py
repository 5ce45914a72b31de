"""`textvae infill`: texts with gaps, filled."""

import dataclasses
from typing import Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Decoding, WithModel
from textvae.cli.screen import one_line
from textvae.config import DecodingConfig

NOTHING = {
    "latent": "no filling fitted; allow more --max-words, or shorten the text",
    "source": "the model answers nothing to this gap; try --temperature 1, or --method latent",
}
"""What is said where nothing was found, by method."""
BEAMS = DecodingConfig(temperature=0, num_beams=5, length_penalty=0.0)


def infill(
    run: Run,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help="With ___ where words are missing, or ... at the end.")
    ],
    decoding: Decoding,
    common: WithModel,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Different texts, at most.")] = 5,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            help="latent, or source (a model of --task infill); unset: source where the model takes one.",
        ),
    ] = None,
    min_words: Annotated[
        int, typer.Option("--min-words", help="In a gap at least; of Chinese, characters.")
    ] = 1,
    max_words: Annotated[
        int | None, typer.Option("--max-words", help="At most; unset: 5, at the end of the text any number.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option("--include", metavar="WORD", help="Has to be in a gap; repeatable.")
    ] = None,
    refine: Annotated[
        bool, typer.Option("--refine", help="Move z by gradient to what is visible: slower.")
    ] = False,
    rounds: Annotated[int, typer.Option("--rounds", help="Times that the gaps are decoded.")] = 3,
    attempts: Annotated[
        int | None, typer.Option("--attempts", help="Fillings tried; unset: 16, or twice the number.")
    ] = None,
) -> None:
    """Fill the gaps of a text; what is visible stays as it stands.

    Score and text, one a line, the likeliest first: log p(x) in nats. Beams unless --temperature asks for samples.
    """
    vae = common.load(run)
    seed = common.drawn_seed
    found = vae.infill(
        text, n=number, method=method, min_words=min_words, max_words=max_words, include=include or (),
        refine=refine, rounds=rounds, attempts=attempts, seed=seed,
        decoding=_decoding(decoding, vae.codec.decoding),
    )  # fmt: skip
    if common.as_json:
        rows = [dataclasses.asdict(filling) for filling in found]
        common.screen.json({"run": run, "text": text, "seed": seed, "filled": rows})
        return
    for filling in found:
        score = "" if filling.score is None else f"{filling.score:7.3f}  "
        common.screen.say(f"{score}{one_line(filling.text)}")
    if not found:
        common.screen.note(f"note: {NOTHING[vae.infilling_method(method)]}")


def _decoding(given: Decoding, own: DecodingConfig) -> DecodingConfig | None:
    """Return beams with what was given laid over; where a temperature was, the run's own; where nothing was, None."""
    if not given.settings:
        return None
    return given.over(own if given.settings.get("temperature") else BEAMS)
