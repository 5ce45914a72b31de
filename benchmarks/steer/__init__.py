"""What steering in latent space is worth, measured."""
