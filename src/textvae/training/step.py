"""One update: the loss of a batch, its gradient, the optimiser."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from textvae.config import RunConfig
from textvae.data.batching import Batch
from textvae.errors import NonFiniteLossError
from textvae.models import ConditionTensors, VAEModel
from textvae.objectives.objective import Cost, Moment, Objective
from textvae.training.distributed import Ranks
from textvae.training.freezing import Freezing
from textvae.training.optimization import build_optimizer, learning_rate
from textvae.training.precision import autocast
from textvae.training.state import step_seed

SAMPLED = (
    "training.output is sampled: but for the last share of training, distortions shown between epochs are estimates, "
    "a little too low; held-out ones are exact"
)
FAILED_BATCH = "failed-batch.json"


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one update saw, means over the sentences of all ranks' batches, nats a sentence."""

    distortion: float
    """With sampled output an estimate, a little too low."""
    rate: float
    beta: float
    num_sentences: float
    num_targets: float
    """Target tokens of all ranks."""
    grad_norm: float
    learning_rate: float
    auxiliaries: dict[str, float] = field(default_factory=dict)
    """By name, before their weights."""


class Stepper:
    """Takes updates on one rank."""

    def __init__(self, model: VAEModel, config: RunConfig, precision: str, ranks: Ranks) -> None:
        self.model, self.config, self.precision, self.ranks = model, config, precision, ranks
        self.device = model.device
        self.objective = Objective(model, config).to(model.device, model.dtype)
        assert config.training.batch_tokens is not None
        self.batch_tokens = config.training.batch_tokens
        self.freezing = Freezing(model, config.training)
        self.freezing.apply(0.0)
        self._wrapped = ranks.wrap(self.objective)
        self.start()

    def start(self) -> None:
        """Begin with an optimiser that remembers nothing."""
        self.optimizer = build_optimizer(self.objective, self.config.training)

    def take(
        self, batch: Batch, moment: Moment, *, held: Sequence[nn.Parameter] = (), part: int = 0
    ) -> StepReport:
        """Make one update; all its noise comes from (seed, step, part, rank).

        The gradient is that of the sum over sentences divided by `batch_tokens`, a constant: every sentence weighs
        the same, however many others its length shares a batch with.

        Args:
            batch: this rank's.
            moment: where training stands.
            held: weights that stay as they are.
            part: number of the update within its step, where a step has several.

        Raises:
            NonFiniteLossError: NaN or Inf in the loss or the gradient; no weight was changed.
        """
        training = self.config.training
        torch.manual_seed(step_seed(training.seed, moment.step, self.ranks.rank, part))
        self.model.train()
        if self.freezing.apply(moment.progress):
            self._wrapped = self.ranks.wrap(
                self.objective
            )  # it counts on the gradients there are when it begins
        tokens = torch.from_numpy(batch.tokens).to(self.device)
        lengths = torch.from_numpy(batch.lengths).to(self.device)
        condition = None
        if batch.conditions is not None:
            condition = ConditionTensors.of(batch.conditions, self.device, self.model.dtype)
        self.optimizer.zero_grad(set_to_none=True)  # not to lie beside the activations
        with autocast(self.precision, self.device):
            cost: Cost = self._wrapped(tokens, lengths, moment, condition)
        (cost.loss / self.batch_tokens).backward()
        for parameter in held:
            parameter.grad = None  # the optimiser passes over what has no gradient
        norm = self._clip()
        sums = self.ranks.mean(
            float(cost.distortion),
            float(cost.rate),
            float(len(tokens)),
            float(batch.num_targets),
            norm,
            *map(float, cost.auxiliaries.values()),
        )
        if not torch.isfinite(torch.tensor(sums)).all():
            own = torch.stack([cost.distortion, cost.rate])
            is_loss = not torch.isfinite(torch.tensor(sums[:2])).all()
            is_here = not torch.isfinite(own).all() if is_loss else self.ranks.is_main
            raise NonFiniteLossError(_remedy(moment.step, sums), is_here=bool(is_here))
        rate_now = learning_rate(training, moment.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate_now
        self.optimizer.step()
        return StepReport(
            distortion=sums[0] / sums[2],
            rate=sums[1] / sums[2],
            beta=moment.beta,
            num_sentences=sums[2] * self.ranks.world_size,
            num_targets=sums[3] * self.ranks.world_size,
            grad_norm=norm,
            learning_rate=rate_now,
            auxiliaries={
                name: total / sums[2] for name, total in zip(cost.auxiliaries, sums[5:], strict=True)
            },
        )

    def _clip(self) -> float:
        """Scale the gradient down to `clip_norm` if it is longer; return its norm before."""
        weights = list(self.objective.parameters())
        total = nn.utils.get_total_norm([p.grad for p in weights if p.grad is not None])
        longest = self.config.training.clip_norm
        if (norm := float(total)) > longest:
            nn.utils.clip_grads_with_norm_(weights, longest, total)
        return norm


def _remedy(step: int, sums: list[float]) -> str:
    return (
        f"loss or gradient is not finite at step {step} (distortion {sums[0]:.4g}, rate {sums[1]:.4g}, gradient "
        f"norm {sums[4]:.4g}); the batch is in {Path(FAILED_BATCH)}; go on from the last checkpoint with a lower "
        "training.learning_rate or clip_norm"
    )
