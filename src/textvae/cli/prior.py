"""`textvae prior fit` and `prior drop`: the distribution that random texts' latents are drawn from."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textvae.cli.arguments import Run
from textvae.cli.groups import Reading, WithModel

if TYPE_CHECKING:
    from textvae.control.priors import Candidate, PriorFit

WORDS = {
    "mixture": "a mixture of {components} Gaussians",
    "flow": "a flow",
    "flow-matching": "a flow by flow matching",
}
"""What each kind is called."""


def fit(
    run: Run,
    data: Annotated[str, typer.Argument(metavar="DATA", help="The texts the run was trained on.")],
    reading: Reading,
    common: WithModel,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="mixture, flow, flow-matching, or auto: the one held-out latents are likeliest under.",
        ),
    ] = "auto",
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", min=1, help="Updates of flow and flow-matching; unset: by the number of texts."
        ),
    ] = None,
) -> None:
    """Fit a prior to the latents of texts and keep it beside the model.

    Random texts and all measures use it from then on. What was tried is shown by the log density of held-out latents.
    """
    vae = common.load(run)
    corpus = reading.open(data, common.screen, **vae.reading)
    found = vae.fit_prior(corpus, kind=kind, steps=steps, seed=common.seed or 0)
    vae.save(_folder(run))
    if common.as_json:
        tried = [{**_named(one), "log_density": one.log_density} for one in found.candidates]
        common.screen.json(
            {"run": run, **found.record, "own_log_density": found.own_log_density, "tried": tried}
        )
        return
    rows = [("the model's own", f"{found.own_log_density:.2f}")]
    rows += [(prior_words(_named(one)), f"{one.log_density:.2f}") for one in found.candidates]
    common.screen.table(("prior", "log density"), rows, right=(1,))
    common.screen.say(described(found))


def drop(run: Run, common: WithModel) -> None:
    """Go back to the prior the model was trained with."""
    vae = common.load(run)
    is_fitted = vae.codec.fitted_prior is not None
    if is_fitted:
        vae.drop_prior()
        vae.save(_folder(run))
    if common.as_json:
        common.screen.json({"run": run, "dropped": is_fitted})
    elif is_fitted:
        common.screen.note(f"{run} draws from its own prior again")
    else:
        common.screen.note(f"{run} has no fitted prior; it draws from its own")


def described(found: "PriorFit") -> str:
    """Return in a sentence what was fitted."""
    if found.prior is None:
        return f"the model's own prior stays: nothing was better on held-out latents (fitted to {found.num_texts:,} texts)"
    return (
        f"prior: {prior_words(found.record)}, fitted to {found.num_texts:,} texts; "
        f"on held-out texts the rate falls by {found.gain:.2f} nats a text"
    )


def prior_words(record: dict[str, Any]) -> str:
    """Return what a fitted prior is: from what is noted beside the model, in which a mixture may have no kind."""
    return WORDS[record.get("kind", "mixture")].format(components=record.get("components"))


def _named(candidate: "Candidate") -> dict[str, Any]:
    return {"kind": candidate.kind, "components": candidate.num_components}


def _folder(run: str) -> Path:
    from textvae.codec.location import model_folder

    return model_folder(run)
