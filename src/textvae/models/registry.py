"""The registries of encoders and decoders; users add their own.

    @register_encoder("mine")
    def build(config: ModelConfig) -> Encoder:
        return MyEncoder(config.embed_dim, config.encoder_dim)

A saved run names its parts, so register them before it is loaded.
"""

from collections.abc import Callable

from textvae.config import ModelConfig
from textvae.config.fields import nearest
from textvae.config.model import FLOW
from textvae.errors import ConfigError
from textvae.models.flows import check_installed
from textvae.models.parts import Decoder, Encoder
from textvae.models.reading import SourceReader

EncoderBuilder = Callable[[ModelConfig], Encoder]
DecoderBuilder = Callable[[ModelConfig], Decoder]

encoders: dict[str, EncoderBuilder] = {}
decoders: dict[str, DecoderBuilder] = {}


def register_encoder(name: str) -> Callable[[EncoderBuilder], EncoderBuilder]:
    """Return a decorator that registers a function from `ModelConfig` to an `Encoder`."""

    def register(build: EncoderBuilder) -> EncoderBuilder:
        encoders[name] = build
        return build

    return register


def register_decoder(name: str) -> Callable[[DecoderBuilder], DecoderBuilder]:
    """Return a decorator that registers a function from `ModelConfig` to a `Decoder`."""

    def register(build: DecoderBuilder) -> DecoderBuilder:
        decoders[name] = build
        return build

    return register


def check_parts(config: ModelConfig) -> None:
    """Raise unless all that `config` names is there.

    Raises:
        ConfigError: an encoder or a decoder that is not registered.
        MissingExtraError: a flow, without the package that it takes.
    """
    parts = [("decoder", config.decoder, decoders)]
    if config.has_latent:
        parts.append(("encoder", config.encoder, encoders))
    if config.has_memory:
        parts.append(("source_encoder", config.source_encoder, encoders))
    for part, name, known in parts:
        if name not in known:
            raise ConfigError(f"model.{part} is {name!r}; {nearest(name, known)}")
    if FLOW in (config.prior, config.posterior):
        check_installed()


def build_encoder(config: ModelConfig) -> Encoder:
    """Build the encoder that `config` names."""
    check_parts(config)
    return encoders[config.encoder](config)


def build_decoder(config: ModelConfig) -> Decoder:
    """Build the decoder that `config` names.

    Raises:
        ConfigError: it is not registered, or the model has a source that it cannot read.
    """
    check_parts(config)
    decoder = decoders[config.decoder](config)
    if config.has_memory and decoder.reader is None:
        raise ConfigError(
            f"model.decoder is {config.decoder!r}, a {type(decoder).__name__} without a reader for source texts; "
            "use gru, lstm or transformer"
        )
    return decoder


def build_reader(config: ModelConfig, *, num_layers: int) -> SourceReader | None:
    """Build what a decoder of `num_layers` attending layers reads its source with; None where there is no source."""
    if not config.has_memory:
        return None
    return SourceReader(
        config.decoder_dim,
        config.memory_dim,
        num_layers=num_layers,
        num_heads=config.num_heads,
        copies=config.copy,
    )
