"""Codecs whose models were never trained: identities and invariances need no training."""

import numpy as np
import torch
from tiny import ENGLISH

from textvae.codec import Codec
from textvae.config import ModelConfig
from textvae.data.known import WORDS, Known, word_list
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS
from textvae.models import VAEModel

SIZES = {
    "embed_dim": 12,
    "encoder_dim": 8,
    "decoder_dim": 12,
    "latent_dim": 3,
    "num_heads": 2,
    "max_length": 10,
}


def untrained(texts=ENGLISH, kind="bpe", *, words=False, dtype=torch.float64, seed=0, **model) -> Codec:
    vocab_size = 330 if kind in ("bpe", "unigram") else None
    tokenizer = Tokenizer.train(texts, kind=kind, vocab_size=vocab_size)
    torch.manual_seed(seed)
    vae = VAEModel(ModelConfig(vocab_size=tokenizer.vocab_size, **(SIZES | model))).to(dtype).eval()
    with torch.no_grad():
        for weights in vae.parameters():  # an untrained model hardly listens to z
            weights.mul_(2)
    return Codec(vae, tokenizer, known=Known(WORDS, tuple(word_list(texts))) if words else None)


def counted(texts=ENGLISH, kind="bpe", **options):
    """An untrained model that knows how common tokens are: it spells nothing in bytes."""
    codec = untrained(texts, kind, **options)
    rows = np.concatenate(codec.tokenizer.encode(texts))
    counts = np.bincount(rows, minlength=codec.tokenizer.vocab_size)
    counts[EOS] = len(texts)
    codec.model.decoder.output.start_from_frequencies(torch.from_numpy(counts))
    return codec
