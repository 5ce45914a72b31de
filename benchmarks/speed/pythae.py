"""A second baseline: the same tutorial model in the hands of pythae's trainer, where pythae is installed."""

import logging
from collections.abc import Sequence
from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO

from torch import Tensor, nn

from benchmarks.process import BUILD
from benchmarks.speed import baseline
from benchmarks.speed.timing import Run


def missing() -> str | None:
    """Return why there is no second baseline; None: there is."""
    if find_spec("pythae") is None:
        return "pythae is not installed"
    try:
        import pythae.trainers  # noqa: F401  # ty: ignore[import-not-found]
    except Exception as error:  # an old package meets new versions of what it needs
        return f"pythae cannot be imported: {error}"
    return None


def epoch(model: baseline.TextVAE, batches: Sequence[Tensor]) -> Run:
    """Return an epoch of the trainer's own over batches that are padded already; it returns the targets seen."""
    from pythae.models.base import BaseAEConfig  # ty: ignore[import-not-found]
    from pythae.models.base.base_utils import ModelOutput  # ty: ignore[import-not-found]
    from pythae.trainers import BaseTrainer, BaseTrainerConfig  # ty: ignore[import-not-found]

    class Wrapped(nn.Module):
        """What the trainer asks of a model."""

        model_name, model_config = "TextVAE", BaseAEConfig(input_dim=(1,), latent_dim=32)

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, inputs: dict[str, Tensor], **_: object) -> ModelOutput:
            return ModelOutput(loss=self.model(inputs["data"][0]))

        def update(self) -> None:
            """Nothing is adapted between epochs."""

    logging.disable(logging.INFO)  # of a trainer that talks at every turn
    config = BaseTrainerConfig(
        output_dir=str(BUILD / "pythae"), num_epochs=1, per_device_train_batch_size=1, learning_rate=1e-3, no_cuda=True
    )  # fmt: skip
    trainer = BaseTrainer(Wrapped(), [{"data": tokens} for tokens in batches], training_config=config)
    trainer.prepare_training()
    total = sum(map(baseline.num_targets, batches))

    def run() -> int:
        with redirect_stderr(StringIO()):  # a progress bar
            trainer.train_step(1)
        return total

    return run
