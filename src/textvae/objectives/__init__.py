"""Distortion + beta * rate-term + auxiliaries, and who sets beta."""

from textvae.objectives.betas import BetaOwner, build_beta
from textvae.objectives.controllers import RateController
from textvae.objectives.elbo import ELBOTerms, elbo_terms
from textvae.objectives.faithfulness import Faithful
from textvae.objectives.free_bits import rate_term

__all__ = ["BetaOwner", "ELBOTerms", "Faithful", "RateController", "build_beta", "elbo_terms", "rate_term"]
