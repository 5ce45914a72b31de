"""The ids every tokenizer shares."""

PAD, BOS, EOS, UNK = 0, 1, 2, 3
"""Padding, `<s>`, `</s>`, and the unknown word (word tokenizers only)."""

NUM_SPECIAL = 4
FIRST_BYTE = NUM_SPECIAL
"""Ids 4..259 stand for the bytes 0..255 where the tokenizer falls back on bytes."""
NUM_BYTES = 256
