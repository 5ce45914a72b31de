"""What the latents, their kind or their absence, ask of the other settings."""

from textvae.config.model import CONDITIONAL, NO_LATENT, NO_LATENTS, SPHERE, ModelConfig
from textvae.config.objective import ObjectiveConfig
from textvae.config.training import TrainingConfig
from textvae.errors import ConfigError

BY_DIMENSION = ("dimension", "batch")
"""Forms of free bits that look at single dimensions."""


OF_LATENTS = {
    "objective": (
        "capacity",
        "bag_of_words",
        "mmd",
        "pretraining_epochs",
        "free_nats",
        "faithful",
        "target_rate",
    ),
    "training": ("aggressive", "noise_drop", "noise_blank", "noise_substitute", "noise_shuffle"),
}
"""Settings that do nothing without a z, by section."""


def check_absence(
    model: ModelConfig, objective: ObjectiveConfig, training: TrainingConfig, *, conditional: bool
) -> None:
    """Raise `ConfigError` where there is no z, or no condition, and a setting is on that is of it alone."""
    if not conditional:
        _check_no_condition(model)
    if model.has_latent:
        return
    if (model.injection == NO_LATENT) == conditional:
        why = "which is how the condition is read" if conditional else NO_LATENTS
        raise ConfigError(f"model.encoder is 'none' and model.injection {model.injection!r}; {why}")
    for section, settings in (("objective", objective), ("training", training)):
        for name in OF_LATENTS[section]:
            if getattr(settings, name):
                raise ConfigError(
                    f"model.encoder is 'none', so there is no z for {section}.{name} {getattr(settings, name)}; leave it out"
                )


def _check_no_condition(model: ModelConfig) -> None:
    if model.prior == CONDITIONAL:
        raise ConfigError(
            "model.prior is 'conditional' and the texts answer to nothing; give a condition, or use prior standard"
        )


def check_rate(model: ModelConfig, objective: ObjectiveConfig) -> None:
    """Raise `ConfigError` unless the rate that `objective` asks for is one that `model` can have."""
    if objective.free_bits in BY_DIMENSION and not model.rate_has_dimensions:
        raise ConfigError(
            f"objective.free_bits is {objective.free_bits!r}, and the rate of a {model.posterior} posterior under a "
            f"{model.prior} prior is no sum over dimensions; use free_bits sentence or none"
        )
    target = objective.target_rate
    if target is not None and target <= model.rate_floor:
        raise ConfigError(
            f"objective.target_rate is {target:g} nats, and the {model.posterior} posterior keeps the rate above "
            f"{model.rate_floor:g}; raise the target, or lower model.delta or model.gamma"
        )
    if target is not None and objective.free_bits != "none" and target <= objective.free_nats:
        raise ConfigError(
            f"objective.target_rate is {target:g} nats and free_nats {objective.free_nats:g}: below the floor no weight moves "
            "the rate; set a target above it, or objective.beta constant"
        )
    if model.posterior == SPHERE:
        _check_concentration(model, objective)


def check_pretraining(objective: ObjectiveConfig, training: TrainingConfig) -> None:
    """Raise `ConfigError` where the objective proper would never begin."""
    if training.epochs is not None and 0 < training.epochs <= objective.pretraining_epochs:
        raise ConfigError(
            f"objective.pretraining_epochs is {objective.pretraining_epochs} of {training.epochs} epochs in all; leave some to "
            "the objective itself, or set more training.epochs"
        )


def _check_concentration(model: ModelConfig, objective: ObjectiveConfig) -> None:
    """The rate of a von Mises-Fisher posterior is a function of kappa alone, whatever the text and beta."""
    if objective.faithful is not None:
        raise ConfigError(
            "objective.faithful raises the rate while training, and that of a von-mises-fisher posterior is fixed by "
            "model.kappa; set faithful to null"
        )
    if model.kappa is None and objective.beta != "target":
        raise ConfigError(
            f"model.kappa is not set, and objective.beta is {objective.beta!r}; set kappa, or beta to target with a target_rate"
        )
