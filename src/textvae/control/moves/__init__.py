"""From text to text by moves in latent space."""
