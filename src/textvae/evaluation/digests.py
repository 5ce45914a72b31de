"""What tells texts and models apart, so that kept results are those of what is measured."""

import hashlib
from collections.abc import Sequence

from torch import nn

from textvae.codec import Codec
from textvae.codec.files import description_files
from textvae.codec.fitted import prior_tensors
from textvae.codec.identity import tensors_digest
from textvae.errors import ConfigError


def digest_of(texts: Sequence[str]) -> str:
    """Return what tells lists of texts apart: 16 hexadecimal digits of SHA-256."""
    hashed = hashlib.sha256()
    for text in texts:
        encoded = text.encode("utf-8", "surrogatepass")
        hashed.update(len(encoded).to_bytes(8, "little") + encoded)
    return hashed.hexdigest()[:16]


def model_digest(codec: Codec) -> str:
    """Return what tells models apart, weights, prior and decoding included: 16 hexadecimal digits of SHA-256.

    Raises:
        ConfigError: an export, whose weights lie in graphs.
    """
    state, hashed = state_digest(codec), hashlib.sha256()
    for name, content in sorted(description_files(codec).items()):
        if isinstance(content, bytes):  # the fitted prior is tensors, as the weights are
            hashed.update(name.encode() + content)
    hashed.update(state.encode())
    return hashed.hexdigest()[:16]


def state_digest(codec: Codec) -> str:
    """Return what tells a model's weights, and the prior fitted to them, apart: 16 hexadecimal digits of SHA-256.

    Raises:
        ConfigError: an export.
    """
    if not isinstance(codec.model, nn.Module):
        raise ConfigError("results of an ONNX export are not kept; evaluate the run that it came from")
    prior = enumerate(prior_tensors(codec.fitted_prior).values()) if codec.fitted_prior else ()
    return tensors_digest(dict(codec.model.state_dict()) | {f"prior.{i}": tensor for i, tensor in prior})
