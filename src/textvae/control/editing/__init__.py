"""Editing texts: latents moved towards attributes, and texts rewritten as they ask."""
