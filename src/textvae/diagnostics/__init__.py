"""What latents do, from tensors alone."""
