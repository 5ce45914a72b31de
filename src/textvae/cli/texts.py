"""`textvae sample`, `reconstruct`, `interpolate` and `neighbors`: texts out of latents."""

from typing import Annotated

import typer

from textvae.cli.arguments import Run, Sampled, check_texts_given, open_noted
from textvae.cli.edit import Like, Strength, Wanted, wanted_values
from textvae.cli.given import Given
from textvae.cli.groups import Decoding, Reading, WithModel
from textvae.cli.prior import prior_words
from textvae.cli.screen import one_line
from textvae.config import GREEDY
from textvae.config.model import STANDARD


def sample(
    run: Run,
    given: Given,
    decoding: Decoding,
    common: WithModel,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="How many.")] = 10,
    prefix: Annotated[str, typer.Option("--prefix", help="What every text begins with.")] = "",
    like: Like = None,
    wanted: Wanted = None,
    strength: Strength = 1.0,
    tries: Annotated[
        int, typer.Option("--tries", min=1, help="With --set: the best of so many, for each text.")
    ] = 8,
) -> None:
    """Write random texts, one a line.

    Unset decoding options are the run's own. A line break inside a text shows as ␊; --json keeps it.
    """
    vae = common.load(run)
    config, seed = decoding.over(vae.codec.decoding), common.drawn_seed
    values = given.of(vae)
    examples = list(open_noted(like, common.screen, expected=vae.text_column)) if like else []
    if vae.codec.fitted_prior and given.person is None and not like:
        common.screen.note(f"z from the fitted prior, {prior_words(vae.metadata.get('prior', {}))}")
    if wanted:
        goals, weights = wanted_values(wanted)
        if values or prefix:
            raise typer.BadParameter("--set goes with neither conditions nor --prefix")
        found = vae.compose(
            number,
            set=goals,
            weights=weights,
            like=examples,
            strength=strength,
            tries=tries,
            decoding=config,
            seed=seed,
        )
    else:
        found = vae.sample(
            number, conditions=values, decoding=config, prefix=prefix, like=examples, seed=seed
        )
    if common.as_json:
        common.screen.json({"seed": seed, "texts": found})
    else:
        common.screen.say(*map(one_line, found))


def reconstruct(
    run: Run,
    given: Given,
    decoding: Decoding,
    reading: Reading,
    common: WithModel,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXTS]...", help="Texts; or use --input.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--input", metavar="DATA", help="A file of texts, or -.")
    ] = None,
    sampled: Sampled = False,
) -> None:
    """Encode texts and decode them again.

    Each text is followed by its reconstruction, greedy unless told otherwise. A conditional model reads the conditions of
    a file from its columns.
    """
    check_texts_given(texts, data)
    vae = common.load(run)
    originals, conditions = given.texts(vae, texts, data, reading, common)
    config = decoding.over(GREEDY)
    seed = common.drawn_seed if sampled or config.temperature else 0
    found = vae.codec.reconstruct(originals, config, sample=sampled, seed=seed, conditions=conditions)
    _say_if_lossy(run, common)
    if common.as_json:
        pairs = [{"text": a, "reconstruction": b} for a, b in zip(originals, found, strict=True)]
        common.screen.json({"seed": seed, "texts": pairs})
        return
    for original, reconstruction in zip(originals, found, strict=True):
        common.screen.say(one_line(original), f"  → {one_line(reconstruction)}")


def interpolate(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="The first text.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The last text.")],
    given: Given,
    decoding: Decoding,
    common: WithModel,
    steps: Annotated[int, typer.Option("--steps", help="Latents, both ends included.")] = 7,
    method: Annotated[
        str,
        typer.Option(
            "--method", help="slerp (along the arc), lerp (straight) or density (where the prior is densest)."
        ),
    ] = "slerp",
) -> None:
    """Write the texts between two texts, one a line.

    They are the decodes of latents on the way, greedy unless told otherwise.
    """
    vae = common.load(run)
    config = decoding.over(GREEDY)
    seed = common.drawn_seed if config.temperature else 0
    if method == "density" and vae.codec.fitted_prior is None and vae.codec.model.config.prior == STANDARD:
        common.screen.note(
            "note: this prior is as dense in all directions, and the path is that of slerp; "
            "textvae prior fit RUN DATA fits one that is not"
        )
    found = vae.interpolate(
        a, b, steps=steps, method=method, conditions=given.of(vae), decoding=config, seed=seed
    )
    if common.as_json:
        common.screen.json({"a": a, "b": b, "method": method, "seed": seed, "texts": found})
    else:
        common.screen.say(*map(one_line, found))


def neighbors(
    run: Run,
    query: Annotated[str, typer.Argument(metavar="TEXT", help="The text whose neighbours are sought.")],
    corpus: Annotated[
        str, typer.Option("--corpus", metavar="DATA", help="Texts to search: a run keeps none of its own.")
    ],
    reading: Reading,
    common: WithModel,
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 5,
    metric: Annotated[
        str, typer.Option("--metric", help="cosine or euclidean, between posterior means.")
    ] = "cosine",
) -> None:
    """Find the texts of a corpus nearest to a text.

    Distance in latent space and text, one a line.
    """
    vae = common.load(run)
    known = reading.texts(corpus, common.screen, expected=vae.text_column)
    [found] = vae.neighbors([query], known, k=k, metric=metric)
    if common.as_json:
        rows = [{"text": one.text, "index": one.index, "distance": one.distance} for one in found]
        common.screen.json({"text": query, "metric": metric, "neighbors": rows})
        return
    for one in found:
        common.screen.say(f"{one.distance:.4f}  {one_line(one.text)}")


def _say_if_lossy(run: str, common: WithModel) -> None:
    from textvae.training.summary import summarize

    held = summarize(run, verify=False).held_out
    if held and not held.is_faithful:
        common.screen.note(
            f"note: z keeps about {held.rate:.0f} nats of a text here: the topic, not the words; "
            "train with --for editing for faithful reconstructions"
        )
