"""Moving in latent space."""
