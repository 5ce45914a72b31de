"""Measures of models, texts and latents, and what each number is."""
