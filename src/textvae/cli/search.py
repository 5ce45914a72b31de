"""`textvae search`: texts that a reward likes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.given import Given
from textvae.cli.groups import Decoding, Reading, WithModel
from textvae.cli.screen import one_line
from textvae.config import GREEDY

if TYPE_CHECKING:
    from textvae.control.search.search import SearchResult


def search(
    run: Run,
    reward: Annotated[
        list[str],
        typer.Option(
            "--reward",
            metavar="REWARD",
            help="module:function, from a list of texts to scores; contains:WORD, lacks:WORD, length:12, likely:WORD; "
            "2*… counts twice. Several are added up.",
        ),
    ],
    given: Given,
    decoding: Decoding,
    reading: Reading,
    common: WithModel,
    budget: Annotated[int, typer.Option("--budget", min=1, help="Texts decoded, at most.")] = 2000,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Different texts.")] = 5,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="TEXT", help="Begin here; unset: at the best of 100 random texts."),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option("--target", help="Stop once all the texts score so much; of ready rewards 0 is best."),
    ] = None,
    strategy: Annotated[str, typer.Option("--strategy", help="cma, or random for comparison.")] = "cma",
    within: Annotated[
        str | None,
        typer.Option(
            "--within",
            metavar="DATA",
            help="Texts to begin at, the best first, whose latents bound the search; unset: the prior does.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Keep every text and its score there."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in --output.")] = False,
) -> None:
    """Search for the texts that score best under a reward.

    Score and text, one a line, the best first. Texts are decoded greedily unless told otherwise, from latents where the decoder was trained.
    """
    vae = common.load(run)
    corpus = None if within is None else reading.open(within, common.screen, **vae.reading)
    seed = _seed(common, output, resume=resume)
    found = vae.search(
        reward, budget=budget, n=number, start=start, target=target, strategy=strategy, within=corpus,
        conditions=given.of(vae), decoding=decoding.over(GREEDY), output=output, resume=resume, seed=seed,
    )  # fmt: skip
    if common.as_json:
        common.screen.json({"run": run, "seed": seed, "strategy": strategy, **record(found)})
        return
    for hit in found.best:
        common.screen.say(f"{hit.score:8.4f}  {one_line(hit.text)}")
    common.screen.note(summary(found))


def record(found: "SearchResult") -> dict[str, Any]:
    """Return a result as JSON has it."""
    best = [
        {"text": hit.text, "score": hit.score, "decode": hit.decode, "z": hit.z.tolist()}
        for hit in found.best
    ]
    return {"decodes": found.num_decodes, "texts": found.num_texts, "met": found.met, "best": best}


def summary(found: "SearchResult") -> str:
    """Return in a sentence what it took."""
    counts = f"{found.num_decodes:,} decodes, {found.num_texts:,} different texts"
    if found.met is None:
        return counts
    return f"{counts}; the target is {'met' if found.met else 'not met: raise --budget, or ask for less'}"


def _seed(common: WithModel, output: Path | None, *, resume: bool) -> int:
    """Return the seed; a search that goes on has its own."""
    if not resume or output is None or common.seed is not None:
        return common.drawn_seed
    from textvae.control.search.log import seed_of

    return seed_of(output)
