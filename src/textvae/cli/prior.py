"""`textvae prior fit` and `prior drop`: the distribution that random texts' latents are drawn from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from textvae.cli.arguments import Run
from textvae.cli.given import reading_of
from textvae.cli.groups import Reading, WithModel

if TYPE_CHECKING:
    from textvae.control.priors import PriorFit


def fit(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="DATA", help="The texts the run was trained on.")],
    reading: Reading,
    common: WithModel,
) -> None:
    """Fit a mixture of Gaussians to the latents of texts and keep it beside the model.

    Random texts and all measures use it from then on. Its size is chosen by the likelihood of held-out latents.
    """
    vae = common.load(run)
    corpus = reading.open(data, common.screen, **reading_of(vae.codec))
    found = vae.fit_prior(corpus, seed=common.seed or 0)
    vae.save(_folder(run))
    if common.as_json:
        size = len(found.prior.weights) if found.prior else None
        common.screen.json({"run": run, "components": size, "texts": found.num_texts, "gain": found.gain})
    else:
        common.screen.say(described(found))


def drop(run: Run, common: WithModel) -> None:
    """Go back to the prior the model was trained with."""
    vae = common.load(run)
    vae.drop_prior()
    vae.save(_folder(run))
    common.screen.note(f"{run} draws from its own prior again")


def described(found: "PriorFit") -> str:
    """Return in a sentence what was fitted."""
    if found.prior is None:
        return f"the model's own prior stays: no mixture was better on held-out latents (fitted to {found.num_texts:,} texts)"
    return (
        f"prior: a mixture of {len(found.prior.weights)} Gaussians, fitted to {found.num_texts:,} texts; "
        f"on held-out texts the rate falls by {found.gain:.2f} nats a text"
    )


def _folder(run: str) -> Path:
    from textvae.codec.location import model_folder

    return model_folder(run)
