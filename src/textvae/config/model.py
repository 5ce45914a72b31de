"""`ModelConfig`: everything that determines the shape of the weights."""

from dataclasses import dataclass

from textvae.config.fields import check_choice, check_range, check_types
from textvae.errors import ConfigError

NO_LATENT = "none"
NO_LATENTS = "a language model without z has none in both places, a VAE in neither"

STANDARD, MIXTURE, VAMP, FLOW, CONDITIONAL = "standard", "mixture", "vamp", "flow", "conditional"
PRIORS = (STANDARD, MIXTURE, VAMP, FLOW, CONDITIONAL)
GAUSSIAN, BATCH_NORM, DELTA, SPHERE = "gaussian", "batch_norm", "delta", "von-mises-fisher"
POSTERIORS = (GAUSSIAN, BATCH_NORM, DELTA, FLOW, SPHERE)

MAX_KAPPA = 1e6
"""Beyond it a von Mises-Fisher posterior is a point to all intents."""

PARTNERS = {
    GAUSSIAN: (PRIORS, ""),
    BATCH_NORM: ((STANDARD, MIXTURE, FLOW), "pseudo-inputs are no batch of texts to be normalised over"),
    DELTA: ((STANDARD,), "its floor under the rate holds against N(0, I) only"),
    FLOW: ((STANDARD, MIXTURE, FLOW, CONDITIONAL), "a VampPrior's components are Gaussians"),
    SPHERE: ((STANDARD,), "its z lie on a sphere; standard is the uniform distribution there"),
}
"""The priors that each posterior goes with, and why no others."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The architecture of q(z|x), p(z) and p(x|z).

    `encoder`, `decoder` and `injection` name entries of the registries in `textvae.models.registry`;
    they are checked there, so that a registered class of the user's own is as good as ours.
    """

    vocab_size: int | None = None
    """V, special tokens included; None: taken from the tokenizer."""
    latent_dim: int = 32
    """D, the dimensions of z."""
    embed_dim: int = 256
    encoder: str = "lstm"
    """none, with injection none: no z at all, a plain language model."""
    encoder_dim: int = 256
    """Hidden units a direction (recurrent) or the width (transformer)."""
    encoder_layers: int = 1
    decoder: str = "lstm"
    decoder_dim: int = 512
    decoder_layers: int = 1
    num_heads: int = 4
    """Attention heads (transformer parts only)."""
    injection: str = "default"
    """How z enters the decoder: names joined by +, as initial+input; "default": the decoder's tested one."""
    tie_embeddings: bool = True
    """Output weights = input embeddings of the decoder."""
    share_embeddings: bool = False
    """The encoder reads through the decoder's embeddings."""
    dropout: float = 0.3
    """Dropout between layers and before the output."""
    embed_dropout: float = 0.3
    """Dropout of the decoder's input embeddings."""
    weight_dropout: float = 0.0
    """Dropout of a recurrent decoder's hidden-to-hidden weights, one mask a batch (DropConnect)."""
    encoder_dropout: float = 0.1
    """Dropout of the encoder's embeddings and features."""
    prior: str = STANDARD
    """Which p(z) there is. standard is N(0, I), or on the sphere of a von-mises-fisher posterior the uniform distribution; mixture:
    learned Gaussians; vamp: the posteriors of learned pseudo-inputs; flow: a masked autoregressive flow; conditional: p(z|c), a
    Gaussian whose mean and deviations are a function of the condition."""
    prior_components: int = 50
    """Gaussians of a mixture, pseudo-inputs of a VampPrior."""
    pseudo_length: int = 12
    """Tokens of a pseudo-input."""
    prior_layers: int = 3
    """Layers of a flow prior."""
    posterior: str = GAUSSIAN
    """Which q(z|x) there is. gaussian is diagonal, batch_norm one whose means are normalised over the batch; delta one whose rate
    is kept above a floor; flow: coupling layers on top; von-mises-fisher: on the unit sphere, all texts equally concentrated."""
    gamma: float = 0.5
    """Standard deviation that batch_norm gives the means over the texts."""
    delta: float = 2.0
    """Floor of a delta posterior's rate, nats a text."""
    flow_layers: int = 4
    """Coupling layers of a flow posterior."""
    kappa: float | None = None
    """Concentration of a von-mises-fisher posterior; None: the one whose rate is objective.target_rate."""
    max_length: int = 128
    """The longest text in tokens, `</s>` not counted."""
    label_codes: int = 0
    """Embeddings of label values, taken from the label columns; 0: no labels."""
    feature_dim: int = 0
    """Numbers of a feature vector, taken from the features; 0: no features."""
    feature_length: int = 0
    """Vectors of a feature sequence, which the decoder attends to; 0: features are one vector."""
    source_vocab_size: int = 0
    """Vocabulary of source texts, taken from their tokenizer; 0: no source text."""
    source_max_length: int = 0
    """The longest source text in tokens, `</s>` not counted."""
    source_shared: bool = False
    """Source texts are in the texts' own tokens, and read through the decoder's embeddings."""
    source_encoder: str = "lstm"
    """Of source texts and feature sequences."""
    source_dim: int = 256
    """Hidden units a direction (recurrent) or the width (transformer)."""
    source_layers: int = 1
    copy: bool = False
    """The decoder may copy tokens of the source; its tokenizer must be shared."""
    condition_dim: int = 128
    """C, the width of a condition as one vector."""

    @property
    def has_condition(self) -> bool:
        """Whether the model takes a condition."""
        return bool(self.label_codes or self.feature_dim or self.source_vocab_size)

    @property
    def has_memory(self) -> bool:
        """Whether the decoder attends to a source text or a feature sequence."""
        return bool(self.source_vocab_size or self.feature_length)

    @property
    def memory_dim(self) -> int:
        """Width of what the decoder attends to."""
        return self.source_dim * (1 if self.source_encoder == "transformer" else 2)

    @property
    def code_dim(self) -> int:
        """Width of what each step of the decoder reads: z, and behind it the condition's vector."""
        latent = self.latent_dim if self.has_latent else 0
        return latent + (self.condition_dim if self.has_condition else 0)

    @property
    def rate_has_dimensions(self) -> bool:
        """Whether the rate is a sum over dimensions."""
        if self.prior == CONDITIONAL:
            return self.posterior == GAUSSIAN
        return self.prior == STANDARD and self.posterior in (GAUSSIAN, BATCH_NORM, DELTA)

    @property
    def rate_floor(self) -> float:
        """Nats a text that the rate cannot fall below: of delta for each text, of batch_norm for a batch's mean."""
        if self.posterior == DELTA:
            return self.delta
        return (
            self.latent_dim * self.gamma**2 / 2
            if (self.posterior, self.prior) == (BATCH_NORM, STANDARD)
            else 0.0
        )

    @property
    def has_latent(self) -> bool:
        """Whether there is a z."""
        return self.encoder != NO_LATENT

    def __post_init__(self) -> None:
        check_types("model", self)
        sizes = ("latent_dim", "embed_dim", "encoder_dim", "encoder_layers", "decoder_dim", "decoder_layers")
        for name in (*sizes, "num_heads", "max_length"):
            check_range(f"model.{name}", getattr(self, name), 1)
        check_range("model.vocab_size", self.vocab_size, 5)
        for name in ("dropout", "embed_dropout", "weight_dropout", "encoder_dropout"):
            check_range(f"model.{name}", getattr(self, name), 0, 0.95)
        if self.has_latent and self.injection == NO_LATENT:
            raise ConfigError(f"model.encoder is {self.encoder!r} and model.injection 'none'; {NO_LATENTS}")
        if not self.has_latent and self.share_embeddings:
            raise ConfigError(
                "model.share_embeddings is true and model.encoder 'none': there is no encoder to share with; leave it out"
            )
        self._check_latents()
        self._check_condition()
        for part, width in (("encoder", self.encoder_dim), ("decoder", self.decoder_dim)):
            if getattr(self, part) == "transformer" and width % self.num_heads:
                raise ConfigError(
                    f"model.{part}_dim is {width}; it must be a multiple of num_heads ({self.num_heads})"
                )

    def _check_condition(self) -> None:
        counts = ("label_codes", "feature_dim", "feature_length", "source_vocab_size", "source_max_length")
        for name in counts:
            check_range(f"model.{name}", getattr(self, name), 0)
        for name in ("source_dim", "source_layers", "condition_dim"):
            check_range(f"model.{name}", getattr(self, name), 1)
        if self.copy and self.source_vocab_size and not self.source_shared:
            raise ConfigError(
                "model.copy is true and the source has a tokenizer of its own; set data.source_tokenizer to shared"
            )
        if self.has_memory and self.source_encoder == "transformer" and self.source_dim % self.num_heads:
            raise ConfigError(
                f"model.source_dim is {self.source_dim}; it must be a multiple of num_heads ({self.num_heads})"
            )
        if self.prior == CONDITIONAL and not self.has_latent:
            raise ConfigError("model.prior is 'conditional' and the model has no z; use prior standard")
        if self.has_memory and self.decoder_dim % self.num_heads:
            raise ConfigError(
                f"model.decoder_dim is {self.decoder_dim}; to attend to a source it must be a multiple of num_heads "
                f"({self.num_heads})"
            )

    def _check_latents(self) -> None:
        check_choice("model.prior", self.prior, PRIORS)
        check_choice("model.posterior", self.posterior, POSTERIORS)
        for name in ("prior_components", "pseudo_length", "prior_layers", "flow_layers"):
            check_range(f"model.{name}", getattr(self, name), 1)
        for name in ("gamma", "delta", "kappa"):
            check_range(f"model.{name}", getattr(self, name), above=0, high=MAX_KAPPA)
        if not self.has_latent and (self.prior, self.posterior) != (STANDARD, GAUSSIAN):
            raise ConfigError(
                f"model.encoder is 'none', so there is no z for the {self.prior} prior and the {self.posterior} posterior; "
                "use prior standard and posterior gaussian"
            )
        partners, why = PARTNERS[self.posterior]
        if self.prior not in partners:
            raise ConfigError(
                f"model.posterior is {self.posterior!r} and model.prior {self.prior!r}: {why}; "
                f"it goes with prior {' or '.join(partners)}"
            )
        if self.latent_dim < 2 and {FLOW, SPHERE} & {self.prior, self.posterior}:
            raise ConfigError(f"model.latent_dim is {self.latent_dim}; flows and spheres need at least 2")
