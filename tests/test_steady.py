"""Small batches are filled up for the decoder, and nothing of it is seen outside."""

import pytest
import torch
from untrained import untrained

from textvae.config import DecodingConfig
from textvae.decoding.engine import decode
from textvae.decoding.steady import LEAST_ROWS, Steady


class Counted:
    """A decoder that notes how many rows it is given."""

    def __init__(self, decoder):
        self.decoder, self.vocab_size, self.rows = decoder, decoder.vocab_size, []

    def prefill(self, z, tokens):
        assert len(z) == len(tokens)
        self.rows.append(len(z))
        return self.decoder.prefill(z, tokens)

    def step(self, tokens, state):
        self.rows.append(len(tokens))
        return self.decoder.step(tokens, state)

    def select(self, state, rows):
        return self.decoder.select(state, rows)


@pytest.mark.parametrize("kind", ["lstm", "gru", "transformer"])
@pytest.mark.parametrize("num", [1, 3, 6])
@pytest.mark.parametrize("config", [DecodingConfig(), DecodingConfig(temperature=0, num_beams=2)])
def test_the_decoder_never_sees_fewer_rows_and_the_texts_are_the_same(kind, num, config):
    codec = untrained(encoder=kind, decoder=kind)
    z = codec.prior_sample(num, seed=1)
    counted = Counted(codec.model.decoder)
    found = decode(counted, z, config, max_length=9, seed=1)
    assert min(counted.rows) >= LEAST_ROWS
    alone = [
        decode(counted, z[i : i + 1], config, max_length=9, seed=1, rows=[i]).tokens[0] for i in range(num)
    ]
    assert found.tokens == alone
    assert len(found.tokens) == len(found.log_probs) == num


def test_steps_and_selections_agree_with_the_bare_decoder():
    decoder = untrained().model.decoder
    z, start = untrained().prior_sample(2, seed=3), torch.ones(2, 1, dtype=torch.int64)
    logits, state = decoder.prefill(z, start)
    filled, steady = Steady(decoder, 4), None
    same, steady = filled.prefill(z, start)
    with torch.no_grad():
        assert torch.allclose(same, logits)
        rows, tokens = torch.tensor([1]), torch.tensor([7])
        logits, _ = decoder.step(tokens, decoder.select(state, rows))
        same, _ = filled.step(tokens, filled.select(steady, rows))
        assert torch.allclose(same, logits)
