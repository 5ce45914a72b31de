"""Latents to token rows: one engine for every decoder; sampling, beams, constraints."""

from textvae.decoding.engine import decode
from textvae.decoding.lexicon import Lexicon, LexiconConstraint
from textvae.decoding.noise import row_normals, row_uniforms
from textvae.decoding.processors import Constraint
from textvae.decoding.protocol import Decoded, State, StepDecoder
from textvae.decoding.samplers import Sampler

__all__ = [
    "Constraint",
    "Decoded",
    "Lexicon",
    "LexiconConstraint",
    "Sampler",
    "State",
    "StepDecoder",
    "decode",
    "row_normals",
    "row_uniforms",
]
