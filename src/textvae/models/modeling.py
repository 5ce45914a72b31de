"""`VAEModel`: q(z|x), p(z) and p(x|z) in one module."""

import torch
from torch import Tensor, nn

from textvae.config import ModelConfig
from textvae.data.vocabulary import BOS
from textvae.distributions import DiagonalGaussian, Posterior, Prior, standard_normal
from textvae.errors import ConfigError
from textvae.models.negatives import Negatives
from textvae.models.output import OutputLayer, token_log_probs
from textvae.models.posteriors import build_posterior
from textvae.models.priors import build_prior
from textvae.models.registry import build_decoder, build_encoder


class VAEModel(nn.Module):
    """A variational autoencoder for token sequences; without an encoder, a language model.

    Texts are (B, T) ids that end with `</s>` and are padded; `lengths`, (B,), count `</s>`.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.vocab_size is None:
            raise ConfigError("model.vocab_size is not set; it comes from the tokenizer")
        self.config = config
        self.decoder = build_decoder(config)
        if not config.has_latent:
            return
        self.encoder = build_encoder(config)
        self.embedding = nn.Embedding(config.vocab_size, config.embed_dim)
        nn.init.normal_(self.embedding.weight, std=config.embed_dim**-0.5)
        if config.share_embeddings:
            self.embedding.weight = self.decoder.embedding.weight
        self.encoder_dropout = nn.Dropout(config.encoder_dropout)
        family = build_posterior(config)
        self.posterior_head = nn.Linear(self.encoder.feature_dim, family.width)
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

    def posterior(self, tokens: Tensor, lengths: Tensor) -> Posterior:
        """Return q(z|x) over (B, D); where the model has no z, p(z)."""
        if not self.config.has_latent:
            return self._no_latent().expand((len(tokens),))
        if self.training:
            return self._posterior(self._features(self.embedding(tokens), lengths))
        return self._posterior(self.encoder.read(tokens, lengths, self.embedding))

    def prior(self) -> Prior:
        """Return p(z) over (D,)."""
        return self.prior_family(self._posterior_of_embedded) if self.config.has_latent else self._no_latent()

    def _posterior_of_embedded(self, embedded: Tensor) -> Posterior:
        """Return q(z|x) over (C, D) of texts given as embeddings, (C, L, E), all of the same length."""
        lengths = torch.full((len(embedded),), embedded.shape[1], device=embedded.device)
        return self._posterior(self._features(embedded, lengths))

    def _features(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        return self.encoder_dropout(self.encoder(self.encoder_dropout(embedded), lengths))

    def _posterior(self, features: Tensor) -> Posterior:
        numbers = self.posterior_head(features)
        return self.posterior_family(numbers if numbers.dtype == torch.float64 else numbers.float())

    def _no_latent(self) -> DiagonalGaussian:
        return standard_normal(self.config.latent_dim, like=self.decoder.embedding.weight)

    def log_likelihood(
        self,
        tokens: Tensor,
        lengths: Tensor,
        z: Tensor,
        *,
        inputs: Tensor | None = None,
        negatives: Negatives | None = None,
    ) -> Tensor:
        """Return log p(x|z), (B,) nats a sentence: `</s>` counted, `<s>` and padding in no sum and no product.

        Args:
            tokens: targets, (B, T).
            lengths: (B,).
            z: (B, D).
            inputs: what the decoder reads instead of the targets shifted by one, (B, T): word dropout.
            negatives: estimate the normaliser with these, for training (see `textvae.models.negatives`); None: exact.
        """
        if inputs is None:
            inputs = shift(tokens)
        real = torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)  # (B, T)
        features = self.decoder(inputs, z)[real]  # (N, H): real positions only
        decoder = self.decoder
        log_probs = token_log_probs(
            decoder.output, features, tokens[real], vocab_size=decoder.vocab_size, negatives=negatives
        )
        # not index_add: on a GPU its order of summation, and so its last digits, differ from run to run
        return log_probs.new_zeros(tokens.shape).masked_scatter(real, log_probs).sum(dim=1)


def shift(tokens: Tensor) -> Tensor:
    """Return the decoder's inputs for targets (B, T): `<s>`, then all but the last."""
    return torch.cat([torch.full_like(tokens[:, :1], BOS), tokens[:, :-1]], dim=1)
