"""textvae: variational autoencoders for text."""

__version__ = "0.1.0.dev0"
