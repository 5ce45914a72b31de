"""Attributes: what a few labelled texts say of latent space."""
