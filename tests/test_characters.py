"""Bytes of a vocabulary make whole characters: all of Unicode can be said, and nothing that is no text."""

import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import CHINESE
from untrained import untrained

from textvae.config import DecodingConfig
from textvae.data.vocabulary import EOS, FIRST_BYTE, NUM_BYTES, NUM_SPECIAL
from textvae.decoding.characters import WholeCharacters

VOCAB = FIRST_BYTE + NUM_BYTES + 5
PIECE = VOCAB - 1


def spelt(text: str) -> list[int]:
    return [FIRST_BYTE + byte for byte in text.encode()]


def bytes_of(tokens: list[int]) -> bytes:
    return b"".join(
        b"x" if token >= FIRST_BYTE + NUM_BYTES else bytes([token - FIRST_BYTE]) for token in tokens
    )


@given(st.text(st.characters(codec="utf-8"), max_size=6))
def test_every_text_may_be_spelt(text):
    constraint = WholeCharacters(1, VOCAB)
    for token in [*spelt(text), PIECE]:
        assert bool(constraint.mask()[0, token])
        constraint.advance(torch.tensor([token]))
    assert bool(constraint.mask()[0, [EOS, PIECE]].all())


def test_all_that_may_be_said_is_text():
    draw = random.Random(0)
    constraint = WholeCharacters(64, VOCAB)
    said: list[list[int]] = [[] for _ in range(64)]
    for _ in range(40):
        mask = constraint.mask()
        chosen = [
            draw.choice([t for t in allowed.nonzero().flatten().tolist() if t >= FIRST_BYTE])
            for allowed in mask
        ]
        for tokens, token in zip(said, chosen, strict=True):
            tokens.append(token)
        constraint.advance(torch.tensor(chosen))
    for tokens in said:
        whole = constraint.cut(tokens)
        bytes_of(tokens[:whole]).decode()
        assert len(tokens) - whole < 4
        for longer in range(whole + 1, len(tokens) + 1):
            with pytest.raises(UnicodeDecodeError):
                bytes_of(tokens[:longer]).decode()


def test_within_a_character_a_text_cannot_end_and_rows_keep_their_places():
    constraint = WholeCharacters(3, VOCAB)
    constraint.advance(torch.tensor([FIRST_BYTE + 0xE5, PIECE, FIRST_BYTE + 0xC3]))
    assert constraint.mask()[:, EOS].tolist() == [False, True, False]
    constraint.select(torch.tensor([2, 0]))
    constraint.advance(torch.tensor([FIRST_BYTE + 0xA9, FIRST_BYTE + 0x89]))
    assert constraint.mask()[:, EOS].tolist() == [True, False]
    assert constraint.mask()[0, :NUM_SPECIAL].all()


@pytest.mark.parametrize("kind", ["char", "bpe", "unigram"])
def test_a_model_that_knows_nothing_breaks_no_character(kind):
    codec = untrained(CHINESE, kind)
    free = DecodingConfig(known_words=False)
    texts = codec.decode(codec.prior_sample(200, seed=1), free, seed=2)
    assert "�" not in "".join(texts)
    assert any(
        not char.isascii() and char not in "".join(CHINESE) for char in "".join(texts)
    )  # spelt in bytes
    beams = DecodingConfig(temperature=0, num_beams=3, known_words=False)
    assert "�" not in "".join(codec.decode(codec.prior_sample(5, seed=1), beams))
