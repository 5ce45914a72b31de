"""`textvae map`: texts as points in the plane."""

from pathlib import Path
from typing import Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Reading, WithModel


def map(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="DATA", help="The texts to show, or -.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A .png, .html or .parquet file, or a folder for all three.",
        ),
    ],
    reading: Reading,
    common: WithModel,
    label: Annotated[
        str | None,
        typer.Option(
            "--label", metavar="COLUMN", help="What texts are coloured by; stars:numeric for a scale."
        ),
    ] = None,
    method: Annotated[str, typer.Option("--method", help="pca or umap.")] = "pca",
    limit: Annotated[int, typer.Option("--limit", min=3, help="Texts at most, drawn at random.")] = 10_000,
    with_z: Annotated[bool, typer.Option("--with-z", help="Posterior means in the table too.")] = False,
) -> None:
    """Draw a map of texts by their latents.

    A picture, a page on which the text of each point can be read, a table. The page and the table hold the texts.
    """
    from textvae.control.maps.latent_map import targets_of
    from textvae.control.maps.making import label_column
    from textvae.control.maps.picture import unreadable
    from textvae.data.labelled import labelled_options

    targets = targets_of(output)  # before anything is encoded
    vae = common.load(run)
    options = labelled_options(label_column(label), vae.codec.schema)
    corpus = reading.open(data, common.screen, expected=vae.text_column, **options)
    found = vae.map(corpus, label=label, method=method, limit=limit, seed=common.seed or 0)
    written = found.save(output, with_z=with_z)
    for note in found.notes:
        common.screen.note(f"note: {note}")
    if any(path.suffix == ".png" for path in targets) and (names := unreadable(found.coloring, found.label)):
        common.screen.note(
            f"note: no font here has the letters of {len(names)} of the labels: the picture numbers them, the page does not"
        )
    if common.as_json:
        record = {
            "files": [str(path) for path in written],
            "texts": len(found.texts),
            "method": method,
            "shares": found.shares,
        }
        common.screen.json(record | {"seed": common.seed or 0})
    else:
        common.screen.say(f"{', '.join(str(path) for path in written)}: {found.summary}")
