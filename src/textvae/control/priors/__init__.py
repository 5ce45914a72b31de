"""Priors after the fact: mixtures, flows and velocity fields fitted to the aggregate posterior."""

from textvae.control.priors.aggregate import moments
from textvae.control.priors.choice import KINDS, MIXTURE, Candidate, PriorFit, fit_prior

__all__ = ["KINDS", "MIXTURE", "Candidate", "PriorFit", "fit_prior", "moments"]
