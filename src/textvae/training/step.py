"""One update: the loss of a batch, its gradient, the optimiser."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from textvae.config import RunConfig, TrainingConfig
from textvae.data.batching import Batch
from textvae.data.vocabulary import UNK
from textvae.errors import ConfigError, NonFiniteLossError
from textvae.models import VAEModel
from textvae.models.modeling import shift
from textvae.models.negatives import NegativeSampler
from textvae.models.output import is_plain
from textvae.objectives import elbo_terms, rate_term
from textvae.training.distributed import Ranks
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


class Objective(nn.Module):
    """Sum over the batch of distortion + beta * rate-term, as a module: DDP hooks into `forward`."""

    def __init__(self, model: VAEModel, config: RunConfig) -> None:
        super().__init__()
        self.model = model
        self.word_dropout = config.training.word_dropout
        self.sampler = _sampler(model, config.training)
        self.exact_last = config.training.exact_last
        self.free_bits, self.free_nats = config.objective.free_bits, config.objective.free_nats

    def forward(
        self, tokens: Tensor, lengths: Tensor, beta: float, progress: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss (scalar, nats), and the summed distortion and rate, detached."""
        inputs = blanked(shift(tokens), self.word_dropout)
        noise = torch.randn(
            len(tokens),
            self.model.config.latent_dim,
            device=tokens.device,
            dtype=self.model.dtype,
        )
        sampler = self.sampler if progress < 1 - self.exact_last else None
        negatives = sampler.draw().to(noise) if sampler else None
        terms = elbo_terms(self.model, tokens, lengths, noise, inputs=inputs, negatives=negatives)
        penalty = rate_term(terms.rates, kind=self.free_bits, free_nats=self.free_nats)
        distortion = terms.distortion.sum()
        return distortion + beta * penalty.sum(), distortion.detach(), terms.rate.detach().sum()


class Stepper:
    """Takes updates on one rank."""

    def __init__(self, model: VAEModel, config: RunConfig, precision: str, ranks: Ranks) -> None:
        self.model, self.config, self.precision, self.ranks = model, config, precision, ranks
        self.device = model.device
        self.objective = ranks.wrap(Objective(model, config))
        self.optimizer = build_optimizer(model, config.training)

    def take(self, batch: Batch, *, step: int, beta: float, progress: float) -> StepReport:
        """Make one update; all its noise comes from (seed, step, rank).

        The gradient is that of the sum over sentences divided by `batch_tokens`, a constant: every sentence weighs
        the same, however many others its length shares a batch with.

        Raises:
            NonFiniteLossError: NaN or Inf in the loss or the gradient; no weight was changed.
        """
        training = self.config.training
        torch.manual_seed(step_seed(training.seed, step, self.ranks.rank))
        self.model.train()
        tokens = torch.from_numpy(batch.tokens).to(self.device)
        lengths = torch.from_numpy(batch.lengths).to(self.device)
        with autocast(self.precision, self.device):
            loss, distortion, rate = self.objective(tokens, lengths, beta, progress)
        self.optimizer.zero_grad(set_to_none=True)
        (loss / training.batch_tokens).backward()
        norm = self._clip()
        sums = self.ranks.mean(
            float(distortion), float(rate), float(len(tokens)), float(batch.num_targets), norm
        )
        if not torch.isfinite(torch.tensor(sums)).all():
            raise NonFiniteLossError(_remedy(step, sums))
        rate_now = learning_rate(training, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate_now
        self.optimizer.step()
        return StepReport(
            distortion=sums[0] / sums[2],
            rate=sums[1] / sums[2],
            beta=beta,
            num_sentences=sums[2] * self.ranks.world_size,
            num_targets=sums[3] * self.ranks.world_size,
            grad_norm=norm,
            learning_rate=rate_now,
        )

    def _clip(self) -> float:
        """Scale the gradient down to `clip_norm` if it is longer; return its norm before."""
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        total, longest = nn.utils.get_total_norm(gradients), self.config.training.clip_norm
        if (norm := float(total)) > longest:
            nn.utils.clip_grads_with_norm_(self.model.parameters(), longest, total)
        return norm


def blanked(inputs: Tensor, share: float) -> Tensor:
    """Return decoder inputs (B, T) with a share of the words blanked, never `<s>` (Bowman et al. 2016, section 3.1).

    The blank is the unknown word's id, which subword and character tokenizers use for nothing else.
    """
    if share == 0:
        return inputs
    dropped = torch.rand(inputs.shape, device=inputs.device) < share
    dropped[:, 0] = False
    return inputs.masked_fill(dropped, UNK)


def _sampler(model: VAEModel, config: TrainingConfig) -> NegativeSampler | None:
    if config.output == "exact":
        return None
    output = model.decoder.output
    if not is_plain(output):
        raise ConfigError(
            f"training.output is 'sampled' and the decoder's output layer {type(output).__name__}; only an unchanged "
            "OutputLayer can be sampled: use training.output=exact"
        )
    return NegativeSampler(output.log_frequencies, config.negatives)


def _remedy(step: int, sums: list[float]) -> str:
    return (
        f"loss or gradient is not finite at step {step} (distortion {sums[0]:.4g}, rate {sums[1]:.4g}, gradient "
        f"norm {sums[4]:.4g}); the batch is in {Path(FAILED_BATCH)}; go on from the last checkpoint with a lower "
        "training.learning_rate or clip_norm"
    )
