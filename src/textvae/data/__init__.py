"""Corpora, tokenizers, batches: everything before the first tensor."""
