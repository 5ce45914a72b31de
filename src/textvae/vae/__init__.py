"""`TextVAE`: the object people hold; each of its methods is a call into the layers below."""

from textvae.vae.object import TextVAE

__all__ = ["TextVAE"]
