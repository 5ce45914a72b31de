"""`VAEModel`: q(z|x,c), p(z|c) and p(x|z,c) in one module."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from textvae.config import ModelConfig
from textvae.config.model import CONDITIONAL, NO_LATENT, NO_LATENTS
from textvae.data.vocabulary import BOS
from textvae.distributions import DiagonalGaussian, Posterior, Prior, standard_normal
from textvae.errors import ConfigError
from textvae.models.condition import ConditionEncoder, Context
from textvae.models.negatives import Negatives
from textvae.models.output import OutputLayer, token_log_probs
from textvae.models.posteriors import build_posterior
from textvae.models.priors import build_prior
from textvae.models.reading import OpenSource
from textvae.models.registry import build_decoder, build_encoder


class VAEModel(nn.Module):
    """A variational autoencoder for token sequences; without an encoder, a language model.

    Texts are (B, T) ids that end with `</s>` and are padded; `lengths`, (B,), count `</s>`. A conditional model, that of
    q(z|x,c), p(z|c) and p(x|z,c), takes the condition as a `Context`; without one it is the model of no condition.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.vocab_size is None:
            raise ConfigError("model.vocab_size is not set; it comes from the tokenizer")
        if not config.code_dim and config.injection != NO_LATENT:
            raise ConfigError(
                f"model.encoder is 'none' and model.injection {config.injection!r}; {NO_LATENTS}"
            )
        self.config = config
        self.decoder = build_decoder(config)
        if config.has_condition:
            self.condition = ConditionEncoder(config, self.decoder.embedding)
        if not config.has_latent:
            return
        self.encoder = build_encoder(config)
        self.embedding = nn.Embedding(config.vocab_size, config.embed_dim)
        nn.init.normal_(self.embedding.weight, std=config.embed_dim**-0.5)
        if config.share_embeddings:
            self.embedding.weight = self.decoder.embedding.weight
        self.encoder_dropout = nn.Dropout(config.encoder_dropout)
        family = build_posterior(config)
        width = self.encoder.feature_dim + (config.condition_dim if config.has_condition else 0)
        self.posterior_head = nn.Linear(width, family.width)
        self.posterior_family = family
        self.prior_family = build_prior(config)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.decoder.embedding.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the weights."""
        return self.decoder.embedding.weight.dtype

    @property
    def log_frequencies(self) -> Tensor | None:
        """The log p of each token in the training texts, (V,) nats on the CPU; None where the decoder was never told."""
        output = self.decoder.output
        return output.log_frequencies.cpu() if isinstance(output, OutputLayer) else None

    def posterior(self, tokens: Tensor, lengths: Tensor, context: Context | None = None) -> Posterior:
        """Return q(z|x,c) over (B, D); where the model has no z, p(z)."""
        if not self.config.has_latent:
            return self._no_latent().expand((tokens.shape[0],))
        if self.training:
            features = self._features(self.embedding(tokens), lengths)
        else:
            features = self.encoder.read(tokens, lengths, self.embedding)
        return self._posterior(features, context)

    def prior(self, context: Context | None = None) -> Prior:
        """Return p(z) over (D,); where it depends on the condition, p(z|c) over (B, D)."""
        if not self.config.has_latent:
            return self._no_latent()
        if self.config.prior == CONDITIONAL:
            context = self.condition.none(1) if context is None else context
            return self.prior_family(self._posterior_of_embedded, context.vector)
        return self.prior_family(self._posterior_of_embedded)

    def log_likelihood(
        self,
        tokens: Tensor,
        lengths: Tensor,
        z: Tensor,
        context: Context | None = None,
        *,
        inputs: Tensor | None = None,
        negatives: Negatives | None = None,
    ) -> Tensor:
        """Return log p(x|z,c), (B,) nats a sentence: the sum of `token_log_likelihood`, whose arguments it takes."""
        return self.token_log_likelihood(tokens, lengths, z, context, inputs=inputs, negatives=negatives).sum(
            dim=1
        )

    def token_log_likelihood(
        self,
        tokens: Tensor,
        lengths: Tensor,
        z: Tensor,
        context: Context | None = None,
        *,
        inputs: Tensor | None = None,
        negatives: Negatives | None = None,
    ) -> Tensor:
        """Return log p of each token given those before it, z and c, (B, T) nats; 0 at padding, which is in no product.

        Args:
            tokens: targets, (B, T).
            lengths: (B,).
            z: (B, D).
            context: the condition; None: none.
            inputs: what the decoder reads instead of the targets shifted by one, (B, T): word dropout.
            negatives: estimate the normaliser with these, for training (see `textvae.models.negatives`); None: exact.
        """
        if inputs is None:
            inputs = shift(tokens)
        real = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)  # (B, T)
        code, source = self.read_condition(z, context)
        decoder = self.decoder
        features = decoder(inputs, code) if source is None else decoder(inputs, code, source)  # (B, T, H)
        log_probs = token_log_probs(
            decoder.output,
            features[real],  # (N, H): real positions only
            tokens[real],
            vocab_size=decoder.vocab_size,
            negatives=negatives,
        )
        # not index_add: on a GPU its order of summation, and so its last digits, differ from run to run
        spread = log_probs.new_zeros(tokens.shape).masked_scatter(real, log_probs)
        if source is not None and source.copied is not None and decoder.reader is not None:
            assert decoder.reader.copying is not None
            mixed = decoder.reader.copying.mixed(spread, features, inputs, source.copied, tokens)
            spread = mixed.where(real, 0.0)
        return spread

    def step_logits(self, tokens: Tensor, z: Tensor, context: Context | None = None) -> Iterator[Tensor]:
        """Yield the logits of each token given those before it, z and c: T times (B, V), tokens copied from a source among them.

        Args:
            tokens: (B, T).
            z: (B, D).
            context: the condition; None: none.
        """
        code, source = self.read_condition(z, context)
        decoder, inputs = self.decoder, shift(tokens)
        features = decoder(inputs, code) if source is None else decoder(inputs, code, source)  # (B, T, H)
        for part, read in zip(features.unbind(dim=1), inputs.unbind(dim=1), strict=True):
            logits = decoder.output(part)
            if source is not None and decoder.reader is not None:
                logits = decoder.reader.next_log_probs(logits, part, read, source)
            yield logits

    def read_condition(self, z: Tensor, context: Context | None) -> tuple[Tensor, OpenSource | None]:
        """Return what each step of the decoder reads, (B, code_dim), and the source that it attends to."""
        if not self.config.has_condition:
            return z, None
        context = self.condition.none(len(z)) if context is None else context
        vector = context.vector.to(z.dtype)
        code = torch.cat([z, vector], dim=-1) if self.config.has_latent else vector
        if context.memory is None or self.decoder.reader is None:
            return code, None
        return code, self.decoder.reader.open(context.memory)

    def _posterior_of_embedded(self, embedded: Tensor) -> Posterior:
        """Return q(z|x) over (C, D) of texts given as embeddings, (C, L, E), all of the same length."""
        lengths = torch.full((len(embedded),), embedded.shape[1], device=embedded.device)
        return self._posterior(self._features(embedded, lengths), None)

    def _features(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        return self.encoder_dropout(self.encoder(self.encoder_dropout(embedded), lengths))

    def _posterior(self, features: Tensor, context: Context | None) -> Posterior:
        if self.config.has_condition:
            context = self.condition.none(len(features)) if context is None else context
            features = torch.cat([features, context.vector.to(features.dtype)], dim=-1)
        numbers = self.posterior_head(features)
        return self.posterior_family(numbers if numbers.dtype == torch.float64 else numbers.float())

    def _no_latent(self) -> DiagonalGaussian:
        return standard_normal(self.config.latent_dim, like=self.decoder.embedding.weight)


def shift(tokens: Tensor) -> Tensor:
    """Return the decoder's inputs for targets (B, T): `<s>`, then all but the last."""
    return torch.cat([torch.full_like(tokens[:, :1], BOS), tokens[:, :-1]], dim=1)
