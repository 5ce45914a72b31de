"""`textvae analogy`, `blend`, `vary` and `traverse`: from text to text by moves in latent space."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.given import Given
from textvae.cli.groups import Decoding, Reading, WithModel
from textvae.cli.screen import one_line
from textvae.config import GREEDY
from textvae.errors import ConfigError

if TYPE_CHECKING:
    from textvae.control.moves.traversal import Traversal
    from textvae.vae import TextVAE

Others = Annotated[
    int, typer.Option("-n", "--number", min=1, help="Texts: the answer, and others drawn around it.")
]
Around = Annotated[
    float,
    typer.Option("--distance", help="How far the others are from the answer: 0 (there) to 1 (random texts)."),
]


def analogy(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="What B is the answer to.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What A became.")],
    c: Annotated[str, typer.Argument(metavar="C", help="What is to become likewise.")],
    given: Given,
    decoding: Decoding,
    common: WithModel,
    strength: Annotated[float, typer.Option("--strength", help="How much of the difference is added.")] = 1.0,
    number: Others = 1,
    distance: Around = 0.3,
) -> None:
    """Write what is to C as B is to A.

    The text of z_c + strength (z_b - z_a), greedy unless told otherwise.
    """
    vae = common.load(run)
    settings = _settings(given, decoding, common, vae, is_drawn=number > 1)
    found = vae.analogy(a, b, c, strength=strength, n=number, distance=distance, **settings)
    say_if_lossy(vae, [a, b, c], settings["conditions"], common)
    _show(found, {"a": a, "b": b, "c": c, "strength": strength}, settings["seed"], common)
    _say_if_few(found, number, common)


def blend(
    run: Run,
    texts: Annotated[list[str], typer.Argument(metavar="TEXT TEXT...", help="Two texts or more.")],
    given: Given,
    decoding: Decoding,
    common: WithModel,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="2,1,1", help="One a text; unset: equal ones.")
    ] = None,
    method: Annotated[
        str, typer.Option("--method", help="sphere (by directions, as slerp) or mean.")
    ] = "sphere",
    number: Others = 1,
    distance: Around = 0.3,
) -> None:
    """Write a blend of several texts.

    The text of the weighted mean of their latents, greedy unless told otherwise.
    """
    shares = None if weights is None else _numbers(weights)
    vae = common.load(run)
    settings = _settings(given, decoding, common, vae, is_drawn=number > 1)
    found = vae.blend(texts, weights=shares, method=method, n=number, distance=distance, **settings)
    say_if_lossy(vae, texts, settings["conditions"], common)
    _show(found, {"blended": texts, "weights": shares, "method": method}, settings["seed"], common)
    _say_if_few(found, number, common)


def vary(
    run: Run,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The text to vary.")],
    given: Given,
    decoding: Decoding,
    common: WithModel,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Variations, at most.")] = 5,
    distance: Annotated[
        float, typer.Option("--distance", help="From the text, 0, on the way to random texts, 1.")
    ] = 0.5,
) -> None:
    """Write variations of a text, the nearest first.

    What changed is marked on a terminal; greedy unless told otherwise.
    """
    from textvae.control.changes import changes

    vae = common.load(run)
    settings = _settings(given, decoding, common, vae, is_drawn=distance > 0)
    found = vae.vary(text, number, distance=distance, **settings)
    say_if_lossy(vae, [text], settings["conditions"], common)
    if common.as_json:
        rows = [{"text": one, "changes": spans(changes(text, one))} for one in found]
        common.screen.json({"text": text, "distance": distance, "seed": settings["seed"], "variations": rows})
    else:
        common.screen.marked([("", changes(text, one)) for one in found])
    if distance > 0:
        _say_if_few(found, number, common)


def traverse(
    run: Run,
    moved: Annotated[str, typer.Argument(metavar="TEXT", help="The text to move.")],
    given: Given,
    decoding: Decoding,
    reading: Reading,
    common: WithModel,
    dimension: Annotated[
        int | None, typer.Option("--dimension", help="Dimension of z to move along, from 0.")
    ] = None,
    axis: Annotated[
        int | None, typer.Option("--axis", help="A principal axis of the texts in --data, from 0.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DATA", help="Texts by which axes and units are measured.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=2, help="Texts of --data at most.")] = 10_000,
    steps: Annotated[int, typer.Option("--steps", help="Texts along each direction.")] = 7,
    span: Annotated[float, typer.Option("--span", help="Standard deviations to either side.")] = 3.0,
) -> None:
    """Write the texts along a dimension of z, or a principal axis.

    Without --dimension and --axis: along each of the three most active dimensions. What differs from the text's
    reconstruction is marked on a terminal; greedy unless told otherwise.
    """
    vae = common.load(run)
    settings = _settings(given, decoding, common, vae, is_drawn=False)
    corpus = None if data is None else _corpus(data, reading, common, vae)
    found = vae.traverse(
        moved, dimension=dimension, axis=axis, steps=steps, span=span, data=corpus, limit=limit, **settings
    )
    say_if_lossy(vae, [moved], settings["conditions"], common)
    if common.as_json:
        record = {"text": moved, "reconstruction": found[0].reconstruction, "seed": settings["seed"]}
        common.screen.json(record | {"directions": list(map(_traversal_record, found))})
        return
    for one in found:
        share = one.direction.share
        of_all = "" if share is None else f", {share:.1%} of the variance of posterior means"
        common.screen.heading(f"{one.direction.name}{of_all}")
        offsets = [f"{offset:+.1f}" for offset in one.offsets]
        common.screen.marked(list(zip(offsets, one.changes, strict=True)))


def say_if_lossy(vae: "TextVAE", texts: Sequence[str], conditions: dict[str, Any], common: WithModel) -> None:
    """Note that little of the texts comes back from z, where it is so."""
    from textvae.control.fidelity import fidelity

    if common.quiet:
        return
    codec = vae.codec
    found = fidelity(codec, texts, codec.conditions(conditions, len(texts)))
    if found.warning:
        common.screen.note(f"note: {found.warning}")


def spans(found: Sequence[Any]) -> list[dict[str, str]]:
    """Return changes as JSON has them."""
    return [{"text": span.text, "kind": span.kind} for span in found]


def _settings(
    given: Given, decoding: Decoding, common: WithModel, vae: "TextVAE", *, is_drawn: bool
) -> dict[str, Any]:
    """Return the arguments that all moves take; a seed is drawn where anything is."""
    config = decoding.over(GREEDY)
    seed = common.drawn_seed if is_drawn or config.temperature else common.seed or 0
    return {"conditions": given.of(vae), "decoding": config, "seed": seed}


def _show(found: list[str], asked: dict[str, Any], seed: int, common: WithModel) -> None:
    if common.as_json:
        common.screen.json({**asked, "seed": seed, "texts": found})
    else:
        common.screen.say(*map(one_line, found))


def _say_if_few(found: list[str], number: int, common: WithModel) -> None:
    if len(found) < number:
        common.screen.note(f"note: only {len(found)} different at this distance; try a greater --distance")


def _traversal_record(one: "Traversal") -> dict[str, Any]:
    rows = zip(one.offsets, one.texts, one.changes, strict=True)
    return {
        one.direction.kind: one.direction.number,
        "share": one.direction.share,
        "steps": [
            {"offset": offset, "text": text, "changes": spans(changed)} for offset, text, changed in rows
        ],
    }


def _corpus(data: str, reading: Reading, common: WithModel, vae: "TextVAE") -> Any:
    return reading.open(data, common.screen, **vae.reading)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--weights {text!r} cannot be read; write numbers with commas, as 2,1,1") from None
