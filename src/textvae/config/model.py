"""`ModelConfig`: everything that determines the shape of the weights."""

from dataclasses import dataclass

from textvae.config.fields import check_range, check_types
from textvae.errors import ConfigError

NO_LATENT = "none"


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
    max_length: int = 128
    """The longest text in tokens, `</s>` not counted."""

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
        if self.has_latent == (self.injection == NO_LATENT):
            raise ConfigError(
                f"model.encoder is {self.encoder!r} and model.injection {self.injection!r}; "
                "a language model without z has none in both places, a VAE in neither"
            )
        for part, width in (("encoder", self.encoder_dim), ("decoder", self.decoder_dim)):
            if getattr(self, part) == "transformer" and width % self.num_heads:
                raise ConfigError(
                    f"model.{part}_dim is {width}; it must be a multiple of num_heads ({self.num_heads})"
                )
