"""Distortion + beta * rate-term, and who sets beta."""

from textvae.objectives.betas import BetaOwner, TargetRate, build_beta
from textvae.objectives.elbo import ELBOTerms, elbo_terms
from textvae.objectives.free_bits import rate_term

__all__ = ["BetaOwner", "ELBOTerms", "TargetRate", "build_beta", "elbo_terms", "rate_term"]
