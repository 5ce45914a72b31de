"""Known pairs of characters: every training text is permitted, nothing unseen is made."""

import pytest
import torch
from tiny import CHINESE

from textvae.config import DecodingConfig
from textvae.data.known import character_pairs
from textvae.data.tokenizers import Tokenizer
from textvae.data.vocabulary import EOS
from textvae.decoding.engine import decode
from textvae.decoding.pairs import PairLexicon
from textvae.errors import TokenizerError

TOKENIZER = Tokenizer.train(CHINESE, kind="char")
LEXICON = PairLexicon(character_pairs(CHINESE), TOKENIZER)


class Noise:
    """A decoder of random logits."""

    vocab_size = TOKENIZER.vocab_size

    def prefill(self, z, tokens):
        return torch.randn(len(z), self.vocab_size), None

    def step(self, tokens, state):
        return torch.randn(len(tokens), self.vocab_size), None

    def select(self, state, rows):
        return None


def test_every_training_text_is_permitted_token_by_token():
    for row in TOKENIZER.encode(CHINESE):
        constraint = LEXICON.constraint(1)
        for token in [*row.tolist(), EOS]:
            assert constraint.mask()[0, token]
            constraint.advance(torch.tensor([token]))
        assert constraint.cut(row.tolist()) == len(row)


@pytest.mark.parametrize("config", [DecodingConfig(), DecodingConfig(temperature=0, num_beams=3)])
def test_only_known_pairs_and_ends_are_made(config):
    torch.manual_seed(0)
    decoded = decode(Noise(), torch.zeros(60, 2), config, max_length=20, constraint=LEXICON.constraint(60))
    known = {text[i : i + 2] for text in CHINESE for i in range(len(text) - 1)}
    for text in TOKENIZER.decode(decoded.tokens):
        assert {text[i : i + 2] for i in range(len(text) - 1)} <= known
        assert text[-1:] in ("", "。")


def test_a_large_corpus_needs_none():
    assert character_pairs(CHINESE, limit=10) == []


def test_other_tokenizers_are_refused():
    with pytest.raises(TokenizerError, match="pairs of characters do not suit a unigram tokenizer"):
        PairLexicon(["你好"], Tokenizer.train(CHINESE, kind="unigram", vocab_size=400))
