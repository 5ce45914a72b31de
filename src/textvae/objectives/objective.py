"""What a batch costs: distortion + beta * rate-term + named auxiliaries."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from textvae.config import RunConfig, TrainingConfig
from textvae.errors import ConfigError
from textvae.models import ConditionTensors, GivenModel, VAEModel
from textvae.models.modeling import shift
from textvae.models.negatives import NegativeSampler
from textvae.models.output import is_plain
from textvae.objectives.auxiliaries import BagOfWords, hidden_width, mmd
from textvae.objectives.capacity import capacity_term
from textvae.objectives.elbo import ELBOTerms, elbo_terms
from textvae.objectives.free_bits import rate_term
from textvae.objectives.noise import Denoising, blanked


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Where training stands, as far as an update depends on it."""

    beta: float
    step: int = 0
    """Updates made before."""
    progress: float = 0.0
    """Share of training done: it sets the learning rate."""
    capacity: float | None = None
    """C of capacity annealing, nats; None: the rate-term is the rate, or free bits."""
    exact: bool = False
    """Use the exact softmax though sampling was asked for."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """A batch's sums over its sentences, nats; all but the loss are detached."""

    loss: Tensor
    distortion: Tensor
    rate: Tensor
    auxiliaries: dict[str, Tensor]
    """By name, before their weights."""


class Objective(nn.Module):
    """Sum over the batch of distortion + beta * rate-term + weighted auxiliaries.

    A module, because DDP hooks into `forward`, and because auxiliaries have weights that are not the model's.
    """

    def __init__(self, model: VAEModel, config: RunConfig) -> None:
        super().__init__()
        self.model, self.config, training = model, config.objective, config.training
        self.word_dropout, self.condition_dropout = training.word_dropout, training.condition_dropout
        self.denoising = _denoising(model, training)
        self.sampler = _sampler(model, training)
        self.auxiliaries = nn.ModuleDict()
        if self.config.bag_of_words:
            dim, size = config.model.code_dim, model.decoder.vocab_size
            self.auxiliaries["bag_of_words"] = BagOfWords(dim, hidden_width(dim), size)

    def forward(
        self, tokens: Tensor, lengths: Tensor, moment: Moment, condition: ConditionTensors | None = None
    ) -> Cost:
        """Return what a batch of tokens, (B, T), costs under its conditions; noise comes from the global generator."""
        inputs = blanked(shift(tokens), self.word_dropout)
        noise = torch.randn(
            len(tokens), self.model.config.latent_dim, device=tokens.device, dtype=self.model.dtype
        )
        sampler = None if moment.exact else self.sampler
        negatives = sampler.draw().to(noise) if sampler else None
        read = self.denoising(tokens, lengths) if self.denoising else None
        model = self.model if condition is None else self._given(condition)
        terms = elbo_terms(model, tokens, lengths, noise, inputs=inputs, read=read, negatives=negatives)
        auxiliaries = self._auxiliaries(model, terms, tokens, lengths)
        distortion = terms.distortion.sum()
        loss = distortion + moment.beta * self._rate_term(terms, moment).sum()
        for name, term in auxiliaries.items():
            loss = loss + getattr(self.config, name) * term
        return Cost(
            loss=loss,
            distortion=distortion.detach(),
            rate=terms.rate.detach().sum(),
            auxiliaries={name: term.detach() for name, term in auxiliaries.items()},
        )

    def _given(self, condition: ConditionTensors) -> GivenModel:
        """Return the model under a batch's conditions, some of them dropped (Ho and Salimans 2022, algorithm 1)."""
        dropped = torch.rand(condition.num_rows, device=self.model.device) < self.condition_dropout
        return GivenModel(self.model, self.model.condition(condition, dropped))

    def _rate_term(self, terms: ELBOTerms, moment: Moment) -> Tensor:
        if moment.capacity is not None:
            return capacity_term(terms.rate, moment.capacity)
        return rate_term(terms.rates, kind=self.config.free_bits, free_nats=self.config.free_nats)

    def _auxiliaries(
        self, model: VAEModel | GivenModel, terms: ELBOTerms, tokens: Tensor, lengths: Tensor
    ) -> dict[str, Tensor]:
        """Return the sum of each auxiliary over the batch, by the name of its weight in the settings."""
        found = {}
        if self.config.bag_of_words:
            context = model.context if isinstance(model, GivenModel) else None
            code, _ = self.model.read_condition(terms.z, context)
            found["bag_of_words"] = self.auxiliaries["bag_of_words"](code, tokens, lengths).sum()
        if self.config.mmd:
            prior = model.prior()
            drawn = prior.at(torch.randn(len(tokens), prior.noise_dim).to(terms.z))
            found["mmd"] = len(tokens) * mmd(terms.z, drawn)
        return found


def _denoising(model: VAEModel, config: TrainingConfig) -> Denoising | None:
    noise = Denoising(
        drop=config.noise_drop,
        blank=config.noise_blank,
        substitute=config.noise_substitute,
        shuffle=config.noise_shuffle,
        vocab_size=model.decoder.vocab_size,
    )
    return noise if noise.is_on else None


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
