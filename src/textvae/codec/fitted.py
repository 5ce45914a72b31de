"""A prior fitted afterwards on disk: tensors, and for networks the few numbers that say how to build them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from textvae.distributions import (
    Affine,
    FlowDistribution,
    GaussianMixture,
    OdeDistribution,
    Prior,
    standard_normal,
)
from textvae.errors import ConfigError, CorruptRunError
from textvae.models.fitted import FittedField, FittedFlow, Shape
from textvae.storage.atomic import Content
from textvae.storage.tensors import load_tensors, save_tensors

PRIOR_FILE, SHAPE_FILE = "prior.safetensors", "prior.json"
"""A mixture has no shape file: it is what its tensors are."""

NETWORKS: dict[str, type[FittedFlow | FittedField]] = {
    build.kind: build for build in (FittedFlow, FittedField)
}
"""What a shape file may name."""

PREFIX = "network."
"""Of the tensors that are the network's."""


def prior_files(prior: Prior) -> dict[str, Content]:
    """Return the files that keep a fitted prior."""
    files: dict[str, Content] = {PRIOR_FILE: save_tensors(prior_tensors(prior))}
    if isinstance(prior, Affine):
        network = _network(prior)
        shape = {"kind": network.kind, **asdict(network.shape)}
        files[SHAPE_FILE] = json.dumps(shape, indent=2).encode() + b"\n"
    return files


def prior_tensors(prior: Prior) -> dict[str, Tensor]:
    """Return all that a fitted prior is made of, by name."""
    if isinstance(prior, GaussianMixture):
        return {"weights": prior.weights, "loc": prior.loc, "scale": prior.scale}
    if not isinstance(prior, Affine):
        raise ConfigError(
            f"a {type(prior).__name__} cannot be kept as a fitted prior; use one of `fit_prior`"
        )
    weights = {PREFIX + name: tensor for name, tensor in _weights(_network(prior)).items()}
    return {"loc": prior.loc, "spread": prior.spread, **weights}


def read_prior(folder: Path, latent_dim: int, *, has_shape: bool) -> Prior:
    """Read what `prior_files` wrote; nothing in it is executed.

    Args:
        folder: where it is.
        latent_dim: D of the model.
        has_shape: whether the shape file belongs to it.

    Raises:
        CorruptRunError: no prior, or one of other dimensions than the model's.
        MissingExtraError: a flow, and zuko is not installed.
    """
    if not has_shape:
        return read_mixture(folder / PRIOR_FILE, latent_dim)
    kind, shape = _read_shape(folder / SHAPE_FILE, latent_dim)
    path, network = folder / PRIOR_FILE, NETWORKS[kind](shape)
    parts = load_tensors(path)
    expected = {"loc": (latent_dim,), "spread": (latent_dim, latent_dim)}
    expected |= {PREFIX + name: tuple(tensor.shape) for name, tensor in _weights(network).items()}
    if {name: tuple(part.shape) for name, part in parts.items()} != expected:
        raise CorruptRunError(
            f"{path} holds no {kind} prior over {latent_dim} dimensions as {SHAPE_FILE} describes it; fit the prior again"
        )
    loc, spread = parts.pop("loc"), parts.pop("spread")
    network.load_state_dict({name.removeprefix(PREFIX): part for name, part in parts.items()}, strict=False)
    network.requires_grad_(False).eval()
    base = standard_normal(latent_dim, like=loc)
    inner = (
        OdeDistribution(base, network)
        if isinstance(network, FittedField)
        else FlowDistribution(base, network)
    )
    return Affine(inner, loc, spread)


def mixture_content(prior: GaussianMixture) -> Content:
    """Return the content of a file that keeps a mixture."""
    return save_tensors(prior_tensors(prior))


def read_mixture(path: Path, latent_dim: int) -> GaussianMixture:
    """Read what `mixture_content` wrote.

    Raises:
        CorruptRunError: no mixture, or one of other dimensions than the model's.
    """
    parts = load_tensors(path)
    shapes = {name: tuple(part.shape) for name, part in parts.items()}
    num, dim = len(parts.get("weights", ())), latent_dim
    if shapes != {"weights": (num,), "loc": (num, dim), "scale": (num, dim)} or not num:
        raise CorruptRunError(f"{path} holds no mixture over {dim} dimensions: {shapes}; fit the prior again")
    return GaussianMixture(**parts)


def _read_shape(path: Path, latent_dim: int) -> tuple[str, Shape]:
    try:
        values: Any = json.loads(path.read_bytes())
        kind, shape = values.pop("kind"), Shape(**values)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:  # ValueError: JSON, sizes
        raise CorruptRunError(f"{path} describes no prior: {error!r}; fit the prior again") from error
    if kind not in NETWORKS:
        raise CorruptRunError(f"{path} names a {kind!r} prior, which this textvae does not know: upgrade")
    if shape.dim != latent_dim:  # before a network of any size is built
        raise CorruptRunError(
            f"{path} describes a prior over {shape.dim} dimensions, and z has {latent_dim}; fit the prior again"
        )
    return kind, shape


def _network(prior: Affine) -> FittedFlow | FittedField:
    inner = prior.inner
    assert isinstance(inner, FlowDistribution | OdeDistribution)
    network = inner.flow if isinstance(inner, FlowDistribution) else inner.field
    assert isinstance(network, FittedFlow | FittedField)
    return network


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Return the network's tensors but for masks and orders, which its shape determines."""
    return {name: tensor for name, tensor in network.state_dict().items() if tensor.is_floating_point()}
