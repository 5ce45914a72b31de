"""The engine: what it chooses, what it scores, and that a row's neighbours change nothing."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from textvae.config import DecodingConfig
from textvae.data.vocabulary import BOS, EOS, PAD, UNK
from textvae.decoding import Sampler, decode, row_uniforms
from textvae.decoding.processors import Rules, penalized, repeating
from textvae.errors import ConfigError, LatentError

VOCAB, DIM, LIMIT = 23, 4, 10


class ToyDecoder(nn.Module):
    """A small random GRU in float64."""

    def __init__(self, seed=0, vocab_size=VOCAB):
        super().__init__()
        self.vocab_size = vocab_size
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocab_size, 8)
            self.cell = nn.GRUCell(8, 16)
            self.start = nn.Linear(DIM, 16)
            self.output = nn.Linear(16, vocab_size)
            self.double()
            nn.init.normal_(self.output.weight, std=1.2)
            nn.init.normal_(self.start.weight)
        self.output.bias.data[EOS] += 1.5  # texts of many lengths

    def prefill(self, z, tokens):
        hidden = torch.tanh(self.start(z))
        for column in tokens.unbind(1):
            hidden = self.cell(self.embedding(column), hidden)
        return self.output(hidden), hidden

    def step(self, tokens, state):
        state = self.cell(self.embedding(tokens), state)
        return self.output(state), state

    def select(self, state, rows):
        return state[rows]


class EvenTokens:
    """A constraint for tests: after an odd id an even one must follow; it may end after an even id only."""

    def __init__(self, num_rows):
        self.odd = torch.zeros(num_rows, dtype=torch.bool)

    def mask(self):
        even = torch.arange(VOCAB) % 2 == 0
        mask = even | ~self.odd.unsqueeze(1)
        mask[:, EOS] = ~self.odd
        return mask

    def advance(self, tokens):
        assert len(tokens) == len(self.odd)
        self.odd = tokens % 2 == 1

    def select(self, rows):
        self.odd = self.odd[rows]

    def cut(self, tokens):
        return max((i for i, token in enumerate(tokens, 1) if token % 2 == 0), default=0)


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # threads only wait for each other at these sizes
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def decoder():
    return ToyDecoder()


@pytest.fixture(scope="module")
def z():
    return torch.randn(64, DIM, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


CONFIGS = {
    "model": DecodingConfig(),
    "greedy": DecodingConfig(temperature=0),
    "filtered": DecodingConfig(temperature=0.8, top_k=9, top_p=0.9, min_p=0.02),
    "ruled": DecodingConfig(repetition_penalty=1.4, no_repeat_ngram=2, min_length=3),
    "beams": DecodingConfig(temperature=0, num_beams=3),
}


def own_log_prob(decoder, z, tokens, num_prefix, finished):
    """log p(continuation | prefix, z) by teacher forcing, one row."""
    read = torch.tensor([[BOS, *tokens]])
    said = [*tokens, EOS] if finished else tokens
    total = 0.0
    for position in range(num_prefix, len(said)):
        logits, _ = decoder.prefill(z.unsqueeze(0), read[:, : position + 1])
        total += float(logits.log_softmax(-1)[0, said[position]])
    return total


@torch.no_grad()
def slow_decode(decoder, z, config, seed, row, prefix=()):
    """One row, without state, history buffers or batches: the definition of sampling."""
    sampler = Sampler(
        temperature=config.temperature, top_k=config.top_k, top_p=config.top_p, min_p=config.min_p
    )
    uniforms = row_uniforms(seed, [row], 4 * (LIMIT + 1)).view(-1, 1, 4)
    tokens = list(prefix)
    while len(tokens) <= LIMIT:
        logits, _ = decoder.prefill(z.unsqueeze(0), torch.tensor([[BOS, *tokens]]))
        scores = logits[0].clone()
        for seen in set(tokens) - {PAD, BOS, EOS, UNK}:
            scores[seen] *= config.repetition_penalty if scores[seen] < 0 else 1 / config.repetition_penalty
        size = config.no_repeat_ngram
        grams = {tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)} if size else set()
        for candidate in range(VOCAB):
            if size and len(tokens) >= size and (*tokens[len(tokens) - size + 1 :], candidate) in grams:
                scores[candidate] = -torch.inf
        scores[[PAD, BOS, UNK]] = -torch.inf
        if len(tokens) < config.min_length:
            scores[EOS] = -torch.inf
        step = len(tokens) - len(prefix)
        chosen = int(sampler(scores.unsqueeze(0), uniforms[step])[0])
        if chosen == EOS:
            return tokens, True
        tokens.append(chosen)
    return tokens[:LIMIT], False


@pytest.mark.parametrize("name", ["model", "greedy", "filtered", "ruled"])
@pytest.mark.parametrize("length", [0, 3])
def test_the_engine_does_what_the_slow_definition_does(decoder, z, name, length):
    config = CONFIGS[name]
    prefix = torch.randint(4, VOCAB, (16, length), generator=torch.Generator().manual_seed(7))
    decoded = decode(decoder, z[:16], config, max_length=LIMIT, seed=4, prefix=prefix if length else None)
    for row in range(16):
        tokens, finished = slow_decode(decoder, z[row], config, 4, row, prefix[row].tolist())
        assert (decoded.tokens[row], decoded.finished[row]) == (tokens, finished)
    assert True in decoded.finished
    assert len({len(tokens) for tokens in decoded.tokens}) > 2  # rows left the batch at different steps


@pytest.mark.parametrize(
    ("name", "constrained"), [*((name, False) for name in CONFIGS), ("ruled", True), ("beams", True)]
)
def test_batch_and_order_change_no_text(decoder, z, name, constrained):
    def texts(rows):
        constraint = EvenTokens(len(rows)) if constrained else None
        decoded = decode(
            decoder, z[rows], CONFIGS[name], max_length=LIMIT, seed=9, rows=rows, constraint=constraint
        )
        return list(zip(decoded.tokens, decoded.finished, decoded.log_probs.tolist(), strict=True))

    together = texts(list(range(64)))
    shuffled = torch.randperm(64, generator=torch.Generator().manual_seed(0)).tolist()
    for row, (tokens, finished, log_prob) in zip(shuffled, texts(shuffled), strict=True):
        assert (tokens, finished) == together[row][:2]
        assert log_prob == pytest.approx(together[row][2], abs=1e-9)
    for row in range(64):
        [(tokens, finished, log_prob)] = texts([row])
        assert (tokens, finished) == together[row][:2]
        assert log_prob == pytest.approx(together[row][2], abs=1e-9)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_not_scored_is_decoded_alike(decoder, z, name):
    scored, plain = (
        decode(decoder, z, CONFIGS[name], max_length=LIMIT, seed=2, scored=asked) for asked in (True, False)
    )
    assert (plain.tokens, plain.finished) == (scored.tokens, scored.finished)
    assert plain.log_probs is None


def test_another_seed_and_another_row_give_other_texts(decoder, z):
    def sampled(**options):
        return decode(decoder, z, DecodingConfig(), max_length=LIMIT, **options).tokens

    assert sampled(seed=1) == sampled(seed=1)
    assert sum(a != b for a, b in zip(sampled(seed=1), sampled(seed=2), strict=True)) > 32
    assert sum(a != b for a, b in zip(sampled(), sampled(rows=range(64, 128)), strict=True)) > 32


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("length", [0, 2])
@torch.no_grad()
def test_log_probs_are_the_models_own(decoder, z, name, length):
    prefix = torch.randint(4, VOCAB, (12, length), generator=torch.Generator().manual_seed(2))
    decoded = decode(decoder, z[:12], CONFIGS[name], max_length=LIMIT, prefix=prefix)
    for row, tokens in enumerate(decoded.tokens):
        assert tokens[:length] == prefix[row].tolist()
        expected = own_log_prob(decoder, z[row], tokens, length, decoded.finished[row])
        assert float(decoded.log_probs[row]) == pytest.approx(expected, abs=1e-9)


def test_sampled_frequencies_are_the_models_own():
    decoder = ToyDecoder(seed=5, vocab_size=7)
    count = 4000
    z = torch.zeros(count, DIM, dtype=torch.float64)
    decoded = decode(decoder, z, DecodingConfig(), max_length=1, allow_unk=True)
    with torch.no_grad():
        probs = decoder.prefill(z[:1], torch.tensor([[BOS]]))[0][0].softmax(-1)
    probs[[PAD, BOS]] = 0
    probs /= probs.sum()
    for token in range(4, 7):
        share = sum(tokens == [token] for tokens in decoded.tokens) / count
        assert share == pytest.approx(float(probs[token]), abs=4 * (0.25 / count) ** 0.5)
    assert sum(tokens == [] for tokens in decoded.tokens) / count == pytest.approx(
        float(probs[EOS]), abs=0.032
    )


class Loving(ToyDecoder):
    """Wants the given tokens at each step, in this order of preference."""

    def __init__(self, *wanted, dtype=torch.float32):
        super().__init__(vocab_size=10)
        self.row = torch.zeros(10, dtype=dtype)
        for rank, token in enumerate(wanted):
            self.row[token] = 20.0 - rank
        self.steps = 0

    def prefill(self, z, tokens):
        return self.row.repeat(len(z), 1), torch.zeros(len(z), 1)

    def step(self, tokens, state):
        self.steps += 1
        return self.row.repeat(len(tokens), 1), state


Z3 = torch.zeros(3, DIM)


@pytest.mark.parametrize("beams", [1, 3])
def test_specials_are_never_generated(beams):
    greedy = DecodingConfig(temperature=0, num_beams=beams, length_penalty=0.0)
    wanted = Loving(PAD, BOS, UNK, 5, EOS)
    assert decode(wanted, Z3, greedy, max_length=4).tokens != [[UNK] * 4] * 3
    for allow_unk, favourite in ((False, 5), (True, UNK)):
        decoded = decode(
            wanted, Z3, DecodingConfig(temperature=0, min_length=2), max_length=2, allow_unk=allow_unk
        )
        assert decoded.tokens == [[favourite] * 2] * 3
    tokens = decode(wanted, Z3, greedy, max_length=4).tokens
    assert {token for row in tokens for token in row} <= set(range(4, 10))


def test_a_text_of_exactly_the_limit_can_end():
    class Counting(Loving):
        def step(self, tokens, state):
            state = state + 1
            logits = self.row.repeat(len(tokens), 1)
            logits[:, EOS] = torch.where(state[:, 0] == 4, 50.0, -50.0)
            return logits, state

    greedy = DecodingConfig(temperature=0)
    assert decode(Counting(6), Z3, greedy, max_length=4).finished == [True] * 3
    cut = decode(Counting(6), Z3, greedy, max_length=3)
    assert (cut.tokens, cut.finished) == ([[6] * 3] * 3, [False] * 3)
    assert decode(Counting(6), Z3, greedy, max_length=9).tokens == [[6] * 4] * 3


def test_the_configs_limit_only_lowers_the_models():
    long = Loving(6)
    assert decode(long, Z3, DecodingConfig(temperature=0, max_length=2), max_length=5).tokens == [[6] * 2] * 3
    assert decode(long, Z3, DecodingConfig(temperature=0, max_length=9), max_length=5).tokens == [[6] * 5] * 3


def test_steps_stop_with_the_last_row():
    ending = Loving(EOS)
    decoded = decode(ending, Z3, DecodingConfig(temperature=0, min_length=2), max_length=50)
    assert ending.steps == 2
    assert [len(tokens) for tokens in decoded.tokens] == [2] * 3


@pytest.mark.parametrize(
    "config", [DecodingConfig(no_repeat_ngram=1, min_length=9), DecodingConfig(no_repeat_ngram=1)]
)
def test_a_row_with_nothing_left_to_say_stops(config):
    decoded = decode(Loving(4, 5, 6, 7, 8, 9), Z3, config, max_length=9)
    for tokens in decoded.tokens:
        assert len(tokens) == len(set(tokens)) <= 6
    assert decoded.log_probs.isfinite().all()
    assert decoded.finished == [True] * 3


@given(st.integers(1, 3), st.integers(0, 1000), st.integers(0, 6))
@settings(max_examples=15, deadline=None)
def test_no_ngram_comes_twice_and_no_text_is_too_short(n, seed, min_length):
    config = DecodingConfig(temperature=1.5, no_repeat_ngram=n, min_length=min_length)
    z = torch.zeros(8, DIM, dtype=torch.float64)
    prefix = torch.tensor([[9, 9, 5]] * 8)
    start = 3 if n > 1 else 0  # the prefix itself repeats the 1-gram 9
    for tokens in decode(ToyDecoder(), z, config, max_length=LIMIT, seed=seed, prefix=prefix).tokens:
        grams = (
            list(itertools.pairwise(tokens))
            if n == 2
            else list(zip(*(tokens[i:] for i in range(n)), strict=False))
        )
        said = grams if start else grams[2:]
        assert len(said) == len(set(said))
        assert len(tokens) >= min_length


def test_repetition_penalty_changes_seen_tokens_once_and_specials_never():
    logits = torch.tensor([[3.0, 3.0, 3.0, 3.0, 2.0, -2.0, 1.0]])
    history = torch.tensor([[4, 5, 4, UNK]])
    assert penalized(logits, history, 2.0).tolist() == [[3.0, 3.0, 3.0, 3.0, 1.0, -4.0, 1.0]]
    assert logits.tolist() == [[3.0, 3.0, 3.0, 3.0, 2.0, -2.0, 1.0]]
    assert penalized(logits, history[:, :0], 2.0).tolist() == logits.tolist()


def test_repetition_penalty_ends_a_loop():
    looping = Loving(6, 7)
    assert decode(looping, Z3[:1], DecodingConfig(temperature=0), max_length=3).tokens == [[6, 6, 6]]
    penalised = DecodingConfig(temperature=0, repetition_penalty=1.5)
    assert decode(looping, Z3[:1], penalised, max_length=3).tokens == [[6, 7, 6]]


def test_repeating_names_the_tokens_that_would_complete_an_ngram():
    history = torch.tensor([[4, 5, 6, 4, 5], [4, 4, 4, 4, 4]])
    assert repeating(history, 3, 8).nonzero().tolist() == [[0, PAD], [0, 6], [1, 4]]
    assert repeating(history, 1, 8)[0].nonzero().flatten().tolist() == [4, 5, 6]


def test_neutral_rules_forbid_specials_only():
    logits = torch.zeros(2, 6)
    banned = Rules().banned(logits, torch.zeros(2, 0, dtype=torch.int64), None)
    assert banned.isfinite().tolist() == [[False, False, True, False, True, True]] * 2
    assert logits.isfinite().all()


@pytest.mark.parametrize("name", CONFIGS)
def test_a_constraint_is_kept_and_cuts_what_may_not_stand(decoder, z, name):
    decoded = decode(decoder, z, CONFIGS[name], max_length=LIMIT, seed=3, constraint=EvenTokens(64))
    for tokens in decoded.tokens:
        assert not tokens or tokens[-1] % 2 == 0
        assert all(not (a % 2 and b % 2) for a, b in itertools.pairwise(tokens))
    lengths = {
        len(tokens) for tokens, ended in zip(decoded.tokens, decoded.finished, strict=True) if not ended
    }
    assert name == "beams" or lengths & {LIMIT - 1}  # some rows lost their last token
    with torch.no_grad():
        for row, tokens in enumerate(decoded.tokens):
            expected = own_log_prob(decoder, z[row], tokens, 0, decoded.finished[row])
            assert float(decoded.log_probs[row]) == pytest.approx(expected, abs=1e-9)


class OddEnds(EvenTokens):
    """After an odd id nothing may follow, not even the end."""

    def mask(self):
        return super().mask() & ~self.odd.unsqueeze(1)


def test_a_row_stuck_under_a_constraint_is_cut_and_not_finished(decoder, z):
    decoded = decode(decoder, z, DecodingConfig(), max_length=LIMIT, constraint=OddEnds(64))
    assert {token % 2 for tokens in decoded.tokens for token in tokens} == {0}
    own = decode(decoder, z, DecodingConfig(), max_length=LIMIT)
    for row, tokens in enumerate(own.tokens):
        stuck = any(token % 2 for token in tokens)
        assert not (stuck and decoded.finished[row])
    assert True in decoded.finished
    with torch.no_grad():
        for row, tokens in enumerate(decoded.tokens):
            expected = own_log_prob(decoder, z[row], tokens, 0, decoded.finished[row])
            assert float(decoded.log_probs[row]) == pytest.approx(expected, abs=1e-9)


def test_a_constraint_reads_the_prefix_and_never_cuts_it(decoder, z):
    prefix = torch.tensor([[7]] * 64)
    decoded = decode(decoder, z, DecodingConfig(), max_length=3, prefix=prefix, constraint=EvenTokens(64))
    assert all(tokens[0] == 7 for tokens in decoded.tokens)
    assert all(len(tokens) == 1 or tokens[1] % 2 == 0 for tokens in decoded.tokens)
    whole = decode(decoder, z, DecodingConfig(), max_length=1, prefix=prefix, constraint=EvenTokens(64))
    assert whole.tokens == prefix.tolist()


def test_a_prefix_as_long_as_the_limit_may_only_end(decoder, z):
    prefix = torch.full((64, 5), 8)
    decoded = decode(decoder, z, DecodingConfig(), max_length=5, prefix=prefix)
    assert decoded.tokens == prefix.tolist()
    ended = torch.tensor(decoded.finished)
    assert (decoded.log_probs[ended] < 0).all()
    assert (decoded.log_probs[~ended] == 0).all()


def test_half_precision_logits_are_widened():
    decoded = decode(Loving(6, 7, 8, dtype=torch.bfloat16), Z3, DecodingConfig(top_p=0.9), max_length=4)
    assert decoded.log_probs.isfinite().all()


def test_no_rows_give_no_texts(decoder):
    decoded = decode(decoder, torch.zeros(0, DIM, dtype=torch.float64), DecodingConfig(), max_length=4)
    assert (decoded.tokens, decoded.finished, len(decoded.log_probs)) == ([], [], 0)


def test_results_can_enter_autograd(decoder, z):
    weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (decode(decoder, z[:2], DecodingConfig(), max_length=3).log_probs * weight).sum().backward()
    assert weight.grad is not None


def test_bad_arguments_are_named(decoder, z):
    with pytest.raises(LatentError, match=r"z has shape \(4,\)"):
        decode(decoder, z[0], DecodingConfig(), max_length=4)
    with pytest.raises(LatentError, match="not finite"):
        decode(decoder, z * torch.nan, DecodingConfig(), max_length=4)
    with pytest.raises(ConfigError, match="prefix has 5 tokens; at most 4 fit"):
        decode(decoder, z, DecodingConfig(), max_length=4, prefix=torch.full((64, 5), 8))
    with pytest.raises(ConfigError, match="64 latents came with a prefix of shape"):
        decode(decoder, z, DecodingConfig(), max_length=4, rows=[1, 2])
