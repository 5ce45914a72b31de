"""Texts with gaps, filled: by a model of whole texts through its latents, or by one trained for it."""
