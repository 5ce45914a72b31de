"""Beam search finds what trying every text finds."""

import math

import pytest
import torch

from textvae.config import DecodingConfig
from textvae.data.vocabulary import BOS, EOS, UNK
from textvae.decoding import decode
from textvae.decoding.mixture import MixtureDecoder
from textvae.decoding.processors import penalized

VOCAB, LIMIT = 6, 4
PENALTIES = [-1.0, 0.0, 0.5, 1.0, 2.0]


class SecondOrder:
    """Logits depend on z and the last two tokens; counts its steps."""

    vocab_size = VOCAB

    def __init__(self, seed, end_bias=0.0):
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.randn(3, VOCAB, VOCAB, VOCAB, generator=generator, dtype=torch.float64) * 2
        self.table[..., EOS] += end_bias
        self.steps = 0

    def logits(self, z, before, last):
        return self.table[z[:, 0].long(), before, last]

    def prefill(self, z, tokens):
        before = tokens[:, -2] if tokens.shape[1] > 1 else tokens[:, -1]
        return self.logits(z, before, tokens[:, -1]), (z, tokens[:, -1])

    def step(self, tokens, state):
        self.steps += 1
        z, before = state
        return self.logits(z, before, tokens), (z, tokens)

    def select(self, state, rows):
        z, before = state
        return z[rows], before[rows]


class FirstOnce:
    """A constraint for tests: the first token never comes again, and no text ends with token 4."""

    def __init__(self, num_rows):
        self.first = torch.full((num_rows,), BOS)
        self.last = torch.full((num_rows,), BOS)

    def mask(self):
        mask = torch.arange(VOCAB) != self.first.unsqueeze(1)
        mask[:, EOS] = self.last != 4
        return mask

    def advance(self, tokens):
        self.first = torch.where(self.first == BOS, tokens, self.first)
        self.last = tokens

    def select(self, rows):
        self.first, self.last = self.first[rows], self.last[rows]

    def cut(self, tokens):
        return len(tokens) - (tokens[-1:] == [4])

    @staticmethod
    def permits(text):
        return not text or (text[-1] != 4 and text[0] not in text[1:])


def next_log_probs(decoder, z, said, repetition_penalty=1.0):
    logits, _ = decoder.prefill(z, torch.tensor([[BOS, *said]]))
    history = torch.tensor([said], dtype=torch.int64)
    return penalized(logits, history, repetition_penalty).log_softmax(-1)[0].tolist()


def every_text(decoder, z, prefix, repetition_penalty=1.0):
    """Yield (text, log p(text </s> | prefix, z)) for all texts within the limit."""
    open_texts = [((), 0.0)]
    while open_texts:
        text, log_prob = open_texts.pop()
        following = next_log_probs(decoder, z, [*prefix, *text], repetition_penalty)
        yield text, log_prob + following[EOS]
        if len(prefix) + len(text) < LIMIT:
            open_texts += [((*text, token), log_prob + following[token]) for token in (UNK, 4, 5)]


def brute_force(decoder, z, penalty, *, prefix=(), permits=lambda text: True, repetition_penalty=1.0):
    """Return the best text, prefix included."""
    texts = every_text(decoder, z, prefix, repetition_penalty)
    scored = [(log_prob / (len(text) + 1) ** penalty, text) for text, log_prob in texts if permits(text)]
    return [*prefix, *max(scored)[1]]


def own_log_prob(decoder, z, prefix, continuation):
    return dict(every_text(decoder, z, prefix))[tuple(continuation)]


ZS = torch.tensor([[0.0], [1.0], [2.0]])


def searched(decoder, penalty, *, beams=3**LIMIT, prefix=(), constraint=None, **options):
    config = DecodingConfig(temperature=0, num_beams=beams, length_penalty=penalty, **options)
    given = torch.tensor([prefix] * 3, dtype=torch.int64) if prefix else None
    return decode(decoder, ZS, config, max_length=LIMIT, prefix=given, constraint=constraint, allow_unk=True)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("seed", range(4))
def test_wide_beams_find_the_best_of_all_texts(penalty, seed):
    decoder = SecondOrder(seed, end_bias=(seed - 1.5) * 2)
    decoded = searched(decoder, penalty)
    assert decoded.tokens == [brute_force(decoder, z, penalty) for z in ZS.unsqueeze(1)]
    assert decoded.finished == [True] * 3
    own = [
        own_log_prob(decoder, z, (), text) for z, text in zip(ZS.unsqueeze(1), decoded.tokens, strict=True)
    ]
    assert decoded.log_probs.tolist() == pytest.approx(own, abs=1e-9)


def test_the_length_penalty_matters_to_these_decoders():
    lengths = [
        sum(len(t) for seed in range(4) for t in searched(SecondOrder(seed, (seed - 1.5) * 2), p).tokens)
        for p in PENALTIES
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_wide_beams_are_exact_under_every_rule(penalty, seed):
    decoder = SecondOrder(seed, end_bias=1.0)
    for rule, options, permits in (
        ({}, {"min_length": 3}, lambda text: len(text) >= 3),
        ({}, {"no_repeat_ngram": 1}, lambda text: len(set(text)) == len(text)),
        ({}, {"constraint": FirstOnce(3)}, FirstOnce.permits),
        ({"repetition_penalty": 1.8}, {"repetition_penalty": 1.8}, lambda text: True),
    ):
        expected = [brute_force(decoder, z, penalty, permits=permits, **rule) for z in ZS.unsqueeze(1)]
        assert searched(decoder, penalty, **options).tokens == expected, options


@pytest.mark.parametrize("penalty", [-1.0, 1.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_prefix_is_kept_and_neither_scored_nor_counted(penalty, seed):
    decoder = SecondOrder(seed)
    decoded = searched(decoder, penalty, prefix=(5, 4))
    assert decoded.tokens == [brute_force(decoder, z, penalty, prefix=(5, 4)) for z in ZS.unsqueeze(1)]
    pairs = zip(ZS.unsqueeze(1), decoded.tokens, strict=True)
    own = [own_log_prob(decoder, z, (5, 4), text[2:]) for z, text in pairs]
    assert decoded.log_probs.tolist() == pytest.approx(own, abs=1e-9)


def test_narrow_beams_prune_and_wider_ones_do_better():
    def mean_score(beams):
        decoded = [searched(SecondOrder(seed), 0.0, beams=beams) for seed in range(30)]
        return torch.cat([each.log_probs for each in decoded]).mean()

    narrow, wide, exact = mean_score(2), mean_score(4), mean_score(3**LIMIT)
    assert narrow < wide <= exact


def test_the_search_stops_when_nothing_can_win_and_not_before():
    eager = SecondOrder(0, end_bias=12.0)
    searched(eager, 0.0)
    assert eager.steps == 0  # ending at once is nearly certain
    # The one beam left scores worse than the empty text at its own length, and better at the longest.
    late = SecondOrder(0)
    late.table[:] = -9.0
    late.table[..., 4] = 0.0
    late.table[:, BOS, BOS, 4], late.table[:, BOS, BOS, EOS] = -1.0, 0.0
    late.table[:, 4, 4, EOS] = 0.0
    for penalty, best in ((0.0, []), (2.0, [4] * LIMIT)):
        assert brute_force(late, ZS[:1], penalty) == best
        assert searched(late, penalty).tokens == [best] * 3


def test_a_negative_penalty_bounds_by_the_shortest_text():
    later = SecondOrder(0)
    later.table[:] = -30.0
    later.table[:, BOS, BOS, EOS], later.table[:, BOS, BOS, 4] = math.log(0.36), math.log(0.64)
    later.table[:, BOS, 4, EOS] = 0.0
    assert 2 * math.log(0.64) > math.log(0.36) > 5 * math.log(0.64)
    assert searched(later, -1.0).tokens == [[4]] * 3


def test_a_text_that_cannot_end_is_returned_unfinished():
    endless = SecondOrder(1)
    endless.table[..., EOS] = -math.inf
    decoded = searched(endless, 1.0, beams=3)
    assert decoded.finished == [False] * 3
    assert [len(tokens) for tokens in decoded.tokens] == [LIMIT] * 3
    assert decoded.log_probs.isfinite().all()


def test_rules_that_leave_nothing_give_what_was_said_before():
    decoded = searched(SecondOrder(2), 1.0, beams=3, no_repeat_ngram=1, min_length=LIMIT)
    assert decoded.finished == [False] * 3
    for tokens in decoded.tokens:
        assert sorted(tokens) == [UNK, 4, 5]
    assert decoded.log_probs.isfinite().all()


# ---------------------------------------------------------------- z integrated out


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("prefix", [(), (4,), (5, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_beams_over_a_mixture_find_the_best_text_under_the_mean_of_p(seed, prefix, penalty):
    decoder = SecondOrder(seed, end_bias=(seed - 1) * 2)
    z = torch.tensor([[0.0, 1.0], [2.0, 1.0], [0.0, 0.0]])
    config = DecodingConfig(temperature=0, num_beams=3**LIMIT, length_penalty=penalty)
    given = torch.tensor([prefix] * 3, dtype=torch.int64).view(3, -1)
    decoded = decode(MixtureDecoder(decoder, 2), z, config, max_length=LIMIT, prefix=given, allow_unk=True)
    for latents, tokens, log_prob in zip(
        z.unsqueeze(2).unbind(), decoded.tokens, decoded.log_probs, strict=True
    ):
        each = [
            (dict(every_text(decoder, one, ())), given_log_prob(decoder, one, prefix))
            for one in latents.unsqueeze(1)
        ]
        begun = math.log(sum(math.exp(own) for _, own in each))
        continued = {
            text[len(prefix) :]: math.log(sum(math.exp(texts[text]) for texts, _ in each)) - begun
            for text in each[0][0]
            if text[: len(prefix)] == prefix
        }
        best = max(continued, key=lambda text: continued[text] / (len(text) + 1) ** penalty)
        assert tokens == [*prefix, *best]
        assert float(log_prob) == pytest.approx(continued[best], abs=1e-9)


def given_log_prob(decoder, z, prefix):
    """Return log p(prefix | z)."""
    return sum(next_log_probs(decoder, z, prefix[:at])[token] for at, token in enumerate(prefix))
