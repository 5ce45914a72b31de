"""Folders on disk: complete or absent, checked by SHA-256, never a pickle. `tensors` alone needs torch."""
