"""Search in latent space: latents whose texts a reward of the user's own likes best."""
