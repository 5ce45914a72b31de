"""Rewriting finds what trying every edit finds."""

import itertools
from functools import cache

import pytest
import torch
from test_beam import FirstOnce, SecondOrder

from textvae.data.vocabulary import BOS, EOS, NUM_SPECIAL
from textvae.decoding.rewriting import Rewriting, rewrite

VOCAB, LIMIT = 8, 4
WORDS = range(NUM_SPECIAL, VOCAB)


class Decoder(SecondOrder):
    """Logits depend on z and the last two tokens, over a few words more."""

    vocab_size = VOCAB

    def __init__(self, seed):
        super().__init__(seed)
        generator = torch.Generator().manual_seed(seed)
        self.table = 2 * torch.randn(3, VOCAB, VOCAB, VOCAB, generator=generator, dtype=torch.float64)

    def log_prob(self, z, before, last, token):
        return float(self.table[z, before, last].log_softmax(-1)[token])


def z_of(*numbers):
    return torch.tensor([[float(number)] for number in numbers], dtype=torch.float64)


def best_by_trying(decoder, z, opposite, source, how, keep):
    """Return the best score of every text of up to LIMIT tokens, over all ways of aligning it with the source."""

    def gain(text, position, where):
        last = text[position - 1] if position else BOS
        before = text[position - 2] if position > 1 else BOS
        token = text[position] if position < len(text) else EOS
        return decoder.log_prob(where, before, last, token)

    source = tuple(source)
    given_back = [gain(source, place, z) for place in range(len(source) + 1)]

    def score(text):
        def contrasted(position):
            own, other = gain(text, position, z), gain(text, position, opposite)
            return own + how.contrast * min(own - other, float("inf") if how.ceiling is None else how.ceiling)

        @cache
        def rest(position, place):
            found = [float("-inf")]
            token = text[position] if position < len(text) else EOS
            here = contrasted(position)
            for gap in range(how.longest_gap + 1):
                at = place + gap
                if at > len(source) or any(keep[place:at]):
                    break
                known = source[at] if at < len(source) else EOS
                if known == token:
                    after = 0.0 if token == EOS else rest(position + 1, at + 1)
                    found.append(here - given_back[at] - how.price * gap + after)
                if token != EOS:
                    found.append(here - how.price * max(gap, 1) + rest(position + 1, at))
            return max(found)

        return rest(0, 0)

    texts = itertools.chain.from_iterable(itertools.product(WORDS, repeat=n) for n in range(LIMIT + 1))
    return max(((score(text), text) for text in texts), key=lambda pair: pair[0])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("settings", [{}, {"contrast": 0.0}, {"ceiling": 0.5}, {"longest_gap": 1}])
def test_it_finds_the_best_edit(seed, settings):
    decoder = Decoder(seed)
    how = Rewriting(price=1.5, num_beams=4000, num_words=VOCAB, growth=LIMIT, **settings)
    source, keep = [5, 6, 4], [False, True, False]
    [found] = rewrite(decoder, z_of(1), z_of(2), [source], how, max_length=LIMIT, keep=[keep])
    _, text = best_by_trying(decoder, 1, 2, source, how, keep)
    assert tuple(found) == text


def test_a_high_price_leaves_the_text_as_it_is():
    sources = [[4, 5, 6, 7], [7], []]
    found = rewrite(Decoder(0), z_of(0, 1, 2), z_of(1, 2, 0), sources, Rewriting(price=1e6), max_length=9)
    assert found == sources


def test_without_a_price_and_a_contrast_words_change_for_likelier_ones():
    decoder = Decoder(3)
    how = Rewriting(price=0.0, contrast=0.0, num_beams=500, num_words=VOCAB, longest_gap=4)
    [found] = rewrite(decoder, z_of(1), z_of(1), [[4, 5, 6]], how, max_length=LIMIT)
    assert found != [4, 5, 6]


def test_words_that_have_to_stay_stay_in_their_order():
    how = Rewriting(price=0.1, contrast=3.0, num_beams=20)
    for seed in range(8):
        [found] = rewrite(
            Decoder(seed),
            z_of(1),
            z_of(2),
            [[4, 5, 6, 7]],
            how,
            max_length=8,
            keep=[[True, False, True, False]],
        )
        assert 4 in found
        assert 6 in found[found.index(4) :]


def test_rows_do_not_touch_each_other():
    sources = [[4, 5, 6, 7], [6, 6], [5, 7, 4]]
    how = Rewriting(price=1.0, num_beams=5)
    together = rewrite(Decoder(1), z_of(0, 1, 2), z_of(1, 2, 0), sources, how, max_length=6)
    alone = [
        rewrite(Decoder(1), z_of(number), z_of((number + 1) % 3), [source], how, max_length=6)[0]
        for number, source in enumerate(sources)
    ]
    assert together == alone


def test_a_row_grows_by_its_own_length_beside_a_longer_one():
    """Where changes are free texts grow as far as they can: a short one no further for a long one beside it."""
    sources = [[4], [], [5, 6, 7, 4, 5, 6, 7, 5]]
    how = Rewriting(price=0.0, contrast=3.0, num_beams=8, num_words=VOCAB, growth=2)
    for seed in range(4):
        together = rewrite(Decoder(seed), z_of(0, 1, 2), z_of(1, 2, 0), sources, how, max_length=9)
        alone = [
            rewrite(Decoder(seed), z_of(number), z_of((number + 1) % 3), [source], how, max_length=9)[0]
            for number, source in enumerate(sources)
        ]
        assert together == alone
        assert all(len(text) <= len(source) + 2 for text, source in zip(together, sources, strict=True))


def test_a_constraint_holds_for_what_is_put_in():
    how = Rewriting(price=0.0, contrast=2.0, num_beams=30, num_words=VOCAB)
    [found] = rewrite(
        Decoder(2), z_of(1), z_of(2), [[4, 5, 6]], how, max_length=6, constraint=FirstOnceOfEight(1)
    )
    assert found.count(found[0]) == 1


class FirstOnceOfEight(FirstOnce):
    """The first token never comes again."""

    def mask(self):
        return torch.arange(VOCAB) != self.first.unsqueeze(1)

    def select(self, rows):
        self.first, self.last = self.first[rows], self.last[rows]
