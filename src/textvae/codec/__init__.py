"""Tokenizer + model + decoding: texts to posterior to z to texts."""

from textvae.codec.codec import Codec
from textvae.codec.device import resolve_device
from textvae.codec.files import codec_files, load_codec

__all__ = ["Codec", "codec_files", "load_codec", "resolve_device"]
