"""`textvae export`."""

import dataclasses
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Reading, WithModel
from textvae.cli.screen import Screen

if TYPE_CHECKING:
    from textvae.evaluation.agreement import Agreement
    from textvae.training.heldout import HeldOut
    from textvae.vae import TextVAE


def export(
    run: Run,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder to write.")],
    reading: Reading,
    common: WithModel,
    kind: Annotated[str, typer.Option("--format", help="onnx.")] = "onnx",
    int8: Annotated[bool, typer.Option("--int8", help="Weights in 8 bits, products in integers.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the export that is there.")] = False,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATA", help="Held-out texts to compare on; unset: the model's own."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The first so many of them.")] = 200,
) -> None:
    """Write a model as ONNX graphs, and compare.

    Verbs that read and write texts run such a folder through onnxruntime, without PyTorch's kernels; edits, attributes, persons and what needs
    gradients take the run.
    """
    from textvae.evaluation.agreement import agreement
    from textvae.vae import TextVAE

    vae = common.load(run)
    with common.screen.working("exporting"):
        vae.export(output, format=kind, int8=int8, overwrite=overwrite)
    exported = TextVAE.from_pretrained(output, backend="onnx")
    exported.codec.batch_size = vae.codec.batch_size
    texts, source = _texts(vae, run, data, reading, limit, common)
    with common.screen.working(f"comparing on {len(texts):,} texts"):
        found = agreement(vae.codec, exported.codec, texts, seed=common.seed or 0)
    sizes = {path.name: path.stat().st_size for path in sorted(output.iterdir())}
    if common.as_json:
        common.screen.json(_record(output, int8, sizes, found, source))
    else:
        _show(output, int8, sizes, found, f"{found.original.num_texts:,} {source}", common.screen)


def _texts(
    vae: "TextVAE", run: str, data: str | None, reading: Reading, limit: int, common: WithModel
) -> tuple[list[str], str]:
    """Return the texts to compare on, and what they are."""
    if data is None:
        seed = common.seed or 0
        return vae.sample(limit, seed=seed), f"texts sampled from the model itself, seed {seed}"
    from textvae.cli.measuring import held_out_share

    corpus, _ = held_out_share(
        run, data, reading.open(data, common.screen, expected=vae.text_column), common.screen
    )
    return list(islice(corpus, limit)), f"texts of {corpus.name}"


def _record(
    output: Path, int8: bool, sizes: dict[str, int], found: "Agreement", source: str
) -> dict[str, Any]:
    return {
        "output": str(output),
        "format": "onnx",
        "precision": "int8" if int8 else "fp32",
        "bytes": sizes,
        "texts": source,
        "token_agreement": found.tokens,
        "text_agreement": found.texts,
        "torch": _measures(found.original),
        "onnx": _measures(found.exported),
    }


def _measures(held: "HeldOut") -> dict[str, Any]:
    return {**dataclasses.asdict(held), "neg_elbo": held.neg_elbo, "perplexity": held.perplexity}


def _show(
    output: Path, int8: bool, sizes: dict[str, int], found: "Agreement", texts: str, screen: Screen
) -> None:
    screen.say(f"{output}: ONNX, {'int8' if int8 else 'fp32'}, {_megabytes(sum(sizes.values()))}")
    screen.pairs((name, _megabytes(size)) for name, size in sizes.items())
    screen.heading(f"on {texts}")
    rows = [
        ("-ELBO, nats a text", *(f"{held.neg_elbo:.3f}" for held in (found.original, found.exported))),
        ("perplexity a token", *(f"{held.perplexity:.3f}" for held in (found.original, found.exported))),
    ]
    screen.table(("measure", "PyTorch", "ONNX"), rows, right=(1, 2))
    screen.say(f"greedy decodes: {found.tokens:.2%} of tokens and {found.texts:.2%} of texts are PyTorch's")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.2f} MB"
