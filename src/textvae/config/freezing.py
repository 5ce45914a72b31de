"""What freezing parts of a model asks of the other settings."""

from textvae.config.model import STANDARD, ModelConfig
from textvae.config.objective import ObjectiveConfig
from textvae.config.training import CONDITION, ENCODER, PARTS, POSTERIOR, PRIOR, TrainingConfig
from textvae.errors import ConfigError


def present_parts(model: ModelConfig, *, conditional: bool) -> tuple[str, ...]:
    """Return the parts that have weights in a model, by name."""
    absent = {PRIOR} if model.prior == STANDARD else set()
    if not model.has_latent:
        absent = {ENCODER, POSTERIOR, PRIOR}
    if not conditional:
        absent.add(CONDITION)
    return tuple(part for part in PARTS if part not in absent)


def check_freezing(
    model: ModelConfig, objective: ObjectiveConfig, training: TrainingConfig, *, conditional: bool
) -> None:
    """Raise `ConfigError` unless what is frozen is there, something is left to train, and nothing else freezes parts."""
    present = present_parts(model, conditional=conditional)
    for part in training.freeze:
        if part not in present:
            raise ConfigError(
                f"training.freeze names {part}, and this model has no weights there; its parts: {', '.join(present)}"
            )
    if not set(present) - set(training.freeze):
        raise ConfigError("training.freeze names every part of the model; leave one to be trained")
    if training.unfreeze_after is not None and not training.freeze:
        raise ConfigError(
            f"training.unfreeze_after is {training.unfreeze_after:g} and training.freeze is empty; name the parts to freeze"
        )
    for name, rival in (
        ("training.aggressive", training.aggressive),
        ("objective.pretraining_epochs", objective.pretraining_epochs),
    ):
        if rival and training.freeze:
            raise ConfigError(
                f"{name} is {rival} with training.freeze {','.join(training.freeze)}; both say which parts are trained: "
                "use one of them"
            )
