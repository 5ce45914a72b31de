"""`VAEModel`: q(z|x), p(z) and p(x|z) in one module."""

import torch
from torch import Tensor, nn

from textvae.config import ModelConfig
from textvae.data.vocabulary import BOS
from textvae.distributions import DiagonalGaussian, standard_normal
from textvae.errors import ConfigError
from textvae.models.negatives import Negatives
from textvae.models.output import OutputLayer, token_log_probs
from textvae.models.registry import build_decoder, build_encoder

MIN_SCALE = 1e-4
"""The floor of the posterior's standard deviation; keeps the rate finite."""


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
        self.posterior_head = nn.Linear(self.encoder.feature_dim, 2 * config.latent_dim)

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

    def posterior(self, tokens: Tensor, lengths: Tensor) -> DiagonalGaussian:
        """Return q(z|x) over (B, D); where the model has no z, p(z)."""
        if not self.config.has_latent:
            return self.prior().expand((len(tokens),))
        if self.training:
            embedded = self.encoder_dropout(self.embedding(tokens))
            features = self.encoder_dropout(self.encoder(embedded, lengths))
        else:
            features = self.encoder.read(tokens, lengths, self.embedding)
        loc, raw_scale = self.posterior_head(features).chunk(2, dim=-1)
        if loc.dtype != torch.float64:
            loc, raw_scale = loc.float(), raw_scale.float()
        return DiagonalGaussian(loc, nn.functional.softplus(raw_scale) + MIN_SCALE)

    def prior(self) -> DiagonalGaussian:
        """Return p(z) = N(0, I) over (D,)."""
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
