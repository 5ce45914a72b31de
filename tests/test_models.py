"""One suite for every encoder and every decoder of the registries, ours and a user's alike."""

import contextlib
import functools
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from textvae.config import ModelConfig
from textvae.data.vocabulary import BOS, EOS, PAD
from textvae.distributions import rate
from textvae.errors import ConfigError
from textvae.models import (
    Decoder,
    Encoder,
    VAEModel,
    linear_log_probs,
    output,
    products,
    recurrent,
    register_decoder,
    register_encoder,
)
from textvae.models.attention import Block
from textvae.models.cells import CELLS, read_token, read_tokens
from textvae.models.modeling import shift
from textvae.models.posteriors import MIN_SCALE
from textvae.models.recurrent import RecurrentDecoder
from textvae.models.recurrent_encoder import RecurrentEncoder
from textvae.models.registry import decoders, encoders
from textvae.models.transformer import TransformerDecoder

VOCAB, DIM, MAX_LENGTH = 11, 3, 7
ROWS = [[4, 9, 6, 5, EOS], [7, EOS], [5, 5, 8, 10, 4, 6, 9, EOS], [EOS]]
LENGTHS = torch.tensor([len(row) for row in ROWS])
LONGEST = int(LENGTHS.max())


class ToyEncoder(Encoder):
    """A user's own: the mean embedding."""

    def __init__(self, width):
        super().__init__()
        self.feature_dim = width
        self.scale = nn.Parameter(torch.ones(width))

    def forward(self, embedded, lengths):
        real = torch.arange(embedded.shape[1]) < lengths.unsqueeze(1)
        return self.scale * (embedded * real.unsqueeze(-1)).sum(dim=1) / lengths.unsqueeze(1)


class ToyDecoder(Decoder):
    """A user's own: a bag of the words so far, and z. Its output layer is nothing we know."""

    def __init__(self, config):
        super().__init__()
        self.vocab_size = config.vocab_size
        self.embedding = nn.Embedding(config.vocab_size, config.embed_dim)
        self.latent = nn.Linear(config.latent_dim, config.embed_dim)
        self.output = nn.Sequential(nn.Tanh(), nn.Linear(config.embed_dim, config.vocab_size))

    def forward(self, tokens, z):
        return self.embedding(tokens).cumsum(dim=1) + self.latent(z).unsqueeze(1)

    def prefill(self, z, tokens):
        total = self.forward(tokens, z)[:, -1]
        return self.output(total), total

    def step(self, tokens, state):
        total = state + self.embedding(tokens)
        return self.output(total), total

    def select(self, state, rows):
        return state[rows]


register_encoder("toy")(lambda config: ToyEncoder(config.embed_dim))
register_decoder("toy")(ToyDecoder)

SUITED = {
    "gru": RecurrentDecoder.injections,
    "lstm": RecurrentDecoder.injections,
    "transformer": TransformerDecoder.injections,
}


def combinations(names):
    """Every set of one or two of `names`, and that of all, joined by +."""
    sizes = sorted({1, 2, len(names)})
    return ["+".join(c) for size in sizes for c in itertools.combinations(names, size)]


DECODERS = [
    (decoder, injection, layers, tied)
    for decoder in sorted(decoders)
    for injection in (combinations(SUITED[decoder]) if decoder in SUITED else ["default"])
    for layers, tied in ((1, True), (2, False))
]
ENCODERS = list(itertools.product(sorted(encoders), (1, 2)))
every_decoder = pytest.mark.parametrize(
    "case", DECODERS, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}-{'tied' if c[3] else 'untied'}"
)
every_encoder = pytest.mark.parametrize("case", ENCODERS, ids=lambda c: f"{c[0]}-{c[1]}")
every_pair = pytest.mark.parametrize(
    ("encoder", "decoder"), list(itertools.product(sorted(encoders), sorted(decoders)))
)


def build(seed=0, **settings):
    sizes = {"latent_dim": DIM, "embed_dim": 4, "encoder_dim": 4, "decoder_dim": 6, "num_heads": 2}
    config = ModelConfig(**{"vocab_size": VOCAB, "max_length": MAX_LENGTH, **sizes, **settings})
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return VAEModel(config).double().eval()


@functools.cache
def with_decoder(case):
    decoder, injection, layers, tied = case
    return build(
        encoder="toy", decoder=decoder, injection=injection, decoder_layers=layers, tie_embeddings=tied
    )


@functools.cache
def with_encoder(case):
    return build(encoder=case[0], encoder_layers=case[1], decoder="toy")


def pad(rows, width=None, filler=PAD):
    """(B, T) tokens; what stands in the padding must not matter."""
    width = width or max(map(len, rows))
    return torch.tensor([row + [filler] * (width - len(row)) for row in rows])


def latents(num_rows=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_rows, DIM, generator=generator, dtype=torch.float64)


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def variants():
    """The rows alone, among others, with more padding, with other padding, and in another order: (rows, tokens)."""
    for row in range(len(ROWS)):
        yield [row], pad([ROWS[row]])
    everyone = list(range(len(ROWS)))
    yield everyone, pad(ROWS, LONGEST + 5)
    yield everyone, pad(ROWS, LONGEST + 2, filler=9)
    yield everyone[::-1], pad(ROWS[::-1])
    yield [2, 0, 0], pad([ROWS[2], ROWS[0], ROWS[0]])


# encoders


@every_encoder
@torch.no_grad()
def test_posterior_depends_on_the_sentence_alone(case):
    model = with_encoder(case)
    expected = model.posterior(pad(ROWS), LENGTHS)
    for rows, tokens in variants():
        posterior = model.posterior(tokens, LENGTHS[rows])
        close(posterior.loc, expected.loc[rows])
        close(posterior.scale, expected.scale[rows])
    assert (expected.loc.shape, expected.scale.shape) == ((len(ROWS), DIM), (len(ROWS), DIM))
    assert (expected.scale > MIN_SCALE).all()


@every_encoder
@torch.no_grad()
def test_every_token_reaches_the_posterior(case):
    model, row = with_encoder(case), ROWS[2]
    changed = [[*row[:i], 3, *row[i + 1 :]] for i in range(len(row))]
    loc = model.posterior(pad([row, *changed]), torch.full((len(row) + 1,), len(row))).loc
    assert ((loc[1:] - loc[0]).abs().amax(dim=1) > 1e-8).all()


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_recurrent_encoder_equals_the_packed_bidirectional_module(cell, num_layers):
    torch.manual_seed(0)
    encoder = RecurrentEncoder(cell, 4, 5, num_layers=num_layers, dropout=0.0).double()
    module = CELLS[cell](4, 5, num_layers, batch_first=True, bidirectional=True).double()
    for layer, (ahead, back) in enumerate(zip(encoder.ahead, encoder.back, strict=True)):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(module, f"{name}_l{layer}").copy_(getattr(ahead, f"{name}_l0"))
            getattr(module, f"{name}_l{layer}_reverse").copy_(getattr(back, f"{name}_l0"))
    embedded = torch.randn(len(ROWS), LONGEST, 4, dtype=torch.float64)
    packed = nn.utils.rnn.pack_padded_sequence(embedded, LENGTHS, batch_first=True, enforce_sorted=False)
    states, last = module(packed)
    last = (last[0] if cell == "lstm" else last)[-2:].transpose(0, 1).flatten(1)
    padded = nn.utils.rnn.pad_packed_sequence(states, batch_first=True, padding_value=-math.inf)[0]
    close(encoder(embedded, LENGTHS), torch.cat([last, padded.amax(dim=1)], dim=-1))


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@torch.no_grad()
def test_the_equations_of_a_cell_are_the_modules(cell, num_layers):
    torch.manual_seed(0)
    module = CELLS[cell](4, 5, num_layers, batch_first=True).double()
    inputs = torch.randn(3, 6, 4, dtype=torch.float64)
    states = tuple(torch.randn(num_layers, 3, 5, dtype=torch.float64) for _ in range(1 + (cell == "lstm")))
    expected, after = module(inputs, states if cell == "lstm" else states[0])
    after = after if cell == "lstm" else (after,)
    gates = nn.functional.linear(inputs, module.weight_ih_l0, module.bias_ih_l0)
    features, found = read_tokens(module, gates, states)
    close(features, expected)
    close(found, after)
    for position in range(6):
        features, states = read_token(module, gates[:, position], states)
        close(features, expected[:, position])
    close(states, after)


@pytest.mark.parametrize("case", [(cell, layers) for cell in CELLS for layers in (1, 2)])
@torch.no_grad()
def test_an_encoder_that_shares_the_work_of_equal_tokens_finds_the_same(case, monkeypatch):
    model, found = with_encoder(case), {}
    for pays in (0, math.inf):
        monkeypatch.setattr(recurrent, "PAYS", pays)
        found[pays] = [model.posterior(tokens, LENGTHS[rows]).loc for rows, tokens in variants()]
    close(found[0], found[math.inf])


def test_recurrent_encoder_drops_between_layers_only():
    """Dropped before the maximum is taken, features would be larger in training than ever after."""
    embedded = torch.randn(len(ROWS), LONGEST, 4)
    single, double = (RecurrentEncoder("gru", 4, 5, num_layers=n, dropout=0.5).train() for n in (1, 2))
    assert torch.equal(single(embedded, LENGTHS), single(embedded, LENGTHS))
    assert not torch.equal(double(embedded, LENGTHS), double(embedded, LENGTHS))


# decoders


@every_decoder
@torch.no_grad()
def test_log_likelihood_depends_on_the_sentence_alone(case):
    model, z = with_decoder(case), latents()
    expected = model.log_likelihood(pad(ROWS), LENGTHS, z)
    assert expected.shape == (len(ROWS),)
    for rows, tokens in variants():
        close(model.log_likelihood(tokens, LENGTHS[rows], z[rows]), expected[rows])


@every_decoder
@torch.no_grad()
def test_log_likelihood_equals_a_plain_loop(case):
    """Each token's logits from a fresh reading of what stands before it; the rest in NumPy."""
    model, z = with_decoder(case), latents()
    expected = []
    for row, latent in zip(ROWS, z, strict=True):
        total = 0.0
        for position, token in enumerate(row):
            seen = torch.tensor([[BOS, *row[:position]]])
            logits = model.decoder.prefill(latent.unsqueeze(0), seen)[0][0].numpy()
            total += logits[token] - np.log(np.exp(logits).sum())
        expected.append(total)
    np.testing.assert_allclose(model.log_likelihood(pad(ROWS), LENGTHS, z), expected, rtol=1e-10)


@every_decoder
@torch.no_grad()
def test_probabilities_of_all_texts_sum_to_one(case):
    model = with_decoder(case)
    texts = torch.tensor(list(itertools.product(range(VOCAB), repeat=2)))  # every pair of tokens
    z = latents(1).expand(len(texts), -1)
    log_p = model.log_likelihood(texts, torch.full((len(texts),), 2), z)
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-10)


@every_decoder
@torch.no_grad()
def test_prefill_and_steps_equal_teacher_forcing(case):
    """Also past `max_length`, where a decoder may not know the position any more."""
    decoder, z = with_decoder(case).decoder, latents(3)
    inputs = torch.randint(4, VOCAB, (3, MAX_LENGTH + 3), generator=torch.Generator().manual_seed(0))
    inputs[:, 0] = BOS
    expected = decoder.output(decoder(inputs, z))
    for num_read in (1, 4):
        logits, state = decoder.prefill(z, inputs[:, :num_read])
        close(logits, expected[:, num_read - 1])
        for position in range(num_read, inputs.shape[1]):
            logits, state = decoder.step(inputs[:, position], state)
            close(logits, expected[:, position])


@every_decoder
@torch.no_grad()
def test_a_decoder_that_shares_the_work_of_equal_tokens_finds_the_same(case, monkeypatch):
    decoder, found = with_decoder(case).decoder, {}
    for pays in (0, math.inf):
        monkeypatch.setattr(recurrent, "PAYS", pays)
        found[pays] = decoder(pad(ROWS), latents()), *decoder.prefill(latents(), pad(ROWS))
    close(found[0], found[math.inf])


@every_decoder
@torch.no_grad()
def test_weights_laid_out_once_change_no_step(case, monkeypatch):
    """In float32, the only precision in which they are; here even the smallest."""
    monkeypatch.setattr(products, "MIN_WEIGHTS", 0)
    decoder = build(encoder="toy", **dict(zip(DECODER_KEYS, case, strict=True))).float().decoder
    for num_rows in (1, 3):
        z = latents(num_rows).float()
        columns = torch.randint(4, VOCAB, (MAX_LENGTH, num_rows), generator=torch.Generator().manual_seed(0))
        found = []
        for context in (contextlib.nullcontext, products.laid_out):
            with context():
                logits, state = decoder.prefill(z, torch.full((num_rows, 1), BOS))
                for column in columns:
                    logits, state = decoder.step(column, state)
            found.append(logits)
        torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)


@every_decoder
@torch.no_grad()
def test_select_reorders_repeats_and_drops_rows(case):
    decoder, z = with_decoder(case).decoder, latents(3)
    inputs, rows = torch.tensor([[BOS, 4, 5], [BOS, 6, 7], [BOS, 8, 9]]), torch.tensor([2, 0, 2, 2])
    state = decoder.select(decoder.prefill(z, inputs)[1], rows)
    more = torch.tensor([[4, 5], [6, 7], [8, 9], [10, 4]])
    for column in more.unbind(1):
        logits, state = decoder.step(column, state)
    close(logits, decoder.prefill(z[rows], torch.cat([inputs[rows], more], dim=1))[0])
    none = decoder.select(state, torch.tensor([], dtype=torch.int64))
    assert decoder.step(torch.tensor([], dtype=torch.int64), none)[0].shape == (0, VOCAB)


@every_decoder
@torch.no_grad()
def test_stepping_leaves_the_state_before_it_intact(case):
    decoder, z = with_decoder(case).decoder, latents(2)
    state = decoder.prefill(z, torch.tensor([[BOS, 4], [BOS, 5]]))[1]
    first = decoder.step(torch.tensor([6, 7]), state)[0]
    decoder.step(torch.tensor([8, 9]), state)
    close(decoder.step(torch.tensor([6, 7]), state)[0], first)


@every_decoder
@torch.no_grad()
def test_no_feature_sees_a_later_token(case):
    decoder, z = with_decoder(case).decoder, latents(1)
    inputs = torch.tensor([[BOS, 4, 5, 6, 7, 8]])
    before = decoder(inputs, z)
    for position in range(1, inputs.shape[1]):
        changed = inputs.clone()
        changed[0, position] = 10
        difference = (decoder(changed, z) - before).abs().amax(dim=-1)[0]
        assert (difference[:position] < 1e-12).all()
        assert difference[position] > 1e-8


@every_decoder
@torch.no_grad()
def test_z_reaches_every_position(case):
    decoder, inputs = with_decoder(case).decoder, torch.tensor([[BOS, 4, 5, 6, 7, 8]])
    difference = decoder(inputs, latents(1, seed=2)) - decoder(inputs, latents(1, seed=3))
    assert (difference.abs().amax(dim=-1) > 1e-6).all()


@every_decoder
@pytest.mark.parametrize("training", [True, False])
def test_padding_never_reaches_the_output_layer(case, training):
    model, counts = with_decoder(case), []
    layer = model.decoder.output
    hook = getattr(layer, "dropout", layer).register_forward_hook(
        lambda _, inputs, result: counts.append(result[..., 0].numel())
    )
    with torch.set_grad_enabled(training), hook:
        model.log_likelihood(pad(ROWS, LONGEST + 20), LENGTHS, latents())
    assert sum(counts) == int(LENGTHS.sum())


@every_decoder
@torch.no_grad()
def test_chunks_change_nothing(case, monkeypatch):
    model, z = with_decoder(case), latents()
    expected = model.log_likelihood(pad(ROWS), LENGTHS, z)
    monkeypatch.setattr(output, "CHUNK_LOGITS", 3 * VOCAB)
    monkeypatch.setitem(linear_log_probs.CHUNK_LOGITS, "cpu", 3 * VOCAB)
    close(model.log_likelihood(pad(ROWS), LENGTHS, z), expected)


@every_decoder
def test_every_decoder_parameter_has_a_gradient(case):
    check_gradients(build(encoder="gru", **dict(zip(DECODER_KEYS, case, strict=True))).train())


DECODER_KEYS = ("decoder", "injection", "decoder_layers", "tie_embeddings")


def check_gradients(model):
    """A parameter without one would stop DistributedDataParallel, and learn nothing."""
    posterior = model.posterior(pad(ROWS), LENGTHS)
    z = posterior.at(latents())
    (-model.log_likelihood(pad(ROWS), LENGTHS, z).sum() + posterior.scale.log().sum()).backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


# whole models


@every_pair
@pytest.mark.parametrize("share", [False, True])
def test_every_pair_trains_all_its_parameters(encoder, decoder, share):
    model = build(encoder=encoder, decoder=decoder, encoder_layers=2, share_embeddings=share).train()
    check_gradients(model)
    assert (model.embedding.weight is model.decoder.embedding.weight) == share


@every_pair
@torch.no_grad()
def test_dropout_is_for_training_only(encoder, decoder):
    model = build(encoder=encoder, decoder=decoder, dropout=0.5, embed_dropout=0.5, encoder_dropout=0.5)
    tokens, z = pad(ROWS), latents()

    def results():
        return torch.cat(
            [model.posterior(tokens, LENGTHS).loc.sum(1), model.log_likelihood(tokens, LENGTHS, z)]
        )

    assert torch.equal(results(), results())
    plain = build(encoder=encoder, decoder=decoder, dropout=0, embed_dropout=0, encoder_dropout=0)
    assert torch.equal(
        results(),
        torch.cat([plain.posterior(tokens, LENGTHS).loc.sum(1), plain.log_likelihood(tokens, LENGTHS, z)]),
    )
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        changes = results() != results()
    assert changes[: len(ROWS)].any()
    assert decoder == "toy" or changes[len(ROWS) :].any()


@every_pair
@torch.no_grad()
def test_state_dict_round_trip(encoder, decoder):
    model, other = (build(seed, encoder=encoder, decoder=decoder) for seed in (0, 1))
    tokens, z = pad(ROWS), latents()
    expected = model.log_likelihood(tokens, LENGTHS, z)
    assert not torch.equal(other.log_likelihood(tokens, LENGTHS, z), expected)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.log_likelihood(tokens, LENGTHS, z), expected)
    assert torch.equal(other.posterior(tokens, LENGTHS).loc, model.posterior(tokens, LENGTHS).loc)


@functools.cache
def lstm_runs_in_bfloat16():
    try:
        with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
            nn.LSTM(4, 4)(torch.zeros(1, 1, 4))
    except RuntimeError:
        return False
    return True


@every_pair
def test_bfloat16_autocast_gives_float32_results_and_gradients(encoder, decoder):
    if "lstm" in (encoder, decoder) and not lstm_runs_in_bfloat16():
        pytest.skip("this processor has no LSTM kernel for bfloat16")
    model = build(encoder=encoder, decoder=decoder, decoder_layers=2).float()
    z, tokens = latents().float(), pad(ROWS)
    expected = model.log_likelihood(tokens, LENGTHS, z), model.posterior(tokens, LENGTHS).loc
    with torch.autocast("cpu", torch.bfloat16):
        actual = model.log_likelihood(tokens, LENGTHS, z), model.posterior(tokens, LENGTHS).loc
        state = model.decoder.prefill(z, torch.tensor([[BOS, 4]] * len(ROWS)))[1]
        logits = model.decoder.step(torch.tensor([5] * len(ROWS)), state)[0]
    assert (actual[0].dtype, actual[1].dtype) == (torch.float32, torch.float32)
    torch.testing.assert_close(actual, expected, rtol=0.02, atol=0.05)
    assert logits.isfinite().all()
    sum(part.sum() for part in actual).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


@torch.no_grad()
def test_prior_is_standard_normal_in_the_precision_of_the_weights():
    prior = with_encoder(ENCODERS[0]).prior()
    assert prior.loc.dtype == torch.float64
    expected = -0.5 * (latents() ** 2 + math.log(2 * math.pi)).sum(dim=-1)
    close(prior.log_prob(latents()), expected)


def test_inputs_are_the_targets_shifted_by_one():
    assert shift(pad([[4, 5, EOS], [6, EOS]])).tolist() == [[BOS, 4, 5], [BOS, 6, EOS]]


@torch.no_grad()
def test_a_block_attends_as_the_equation_says():
    """Softmax of scaled products over what the mask allows, head by head, in a loop."""
    torch.manual_seed(0)
    block = Block(6, 2, dropout=0.0).double()
    hidden = torch.randn(1, 4, 6, dtype=torch.float64)
    mask = torch.tensor([[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 1]], dtype=torch.bool)
    projected = block.joint(block.norm_attention(hidden))[0].view(4, 3, 2, 3).numpy()
    attended = np.zeros((4, 2, 3))
    for position, head in itertools.product(range(4), range(2)):
        allowed = np.flatnonzero(mask[position].numpy())
        scores = projected[allowed, 1, head] @ projected[position, 0, head] / math.sqrt(3)
        attended[position, head] = np.exp(scores) / np.exp(scores).sum() @ projected[allowed, 2, head]
    middle = hidden + block.merge(torch.from_numpy(attended.reshape(1, 4, 6)))
    close(block(hidden, mask)[0], middle + block.feed(block.norm_feed(middle)))


@pytest.mark.parametrize("injection", combinations(TransformerDecoder.injections))
def test_each_position_up_to_the_longest_text_has_its_own_embedding(injection):
    model = build(encoder="transformer", decoder="transformer", injection=injection)
    check_gradients(model)  # the longest row has max_length tokens and </s>
    for part in (model.encoder, model.decoder):
        gradient = part.positions.embedding.weight.grad
        assert gradient.shape[0] == MAX_LENGTH + 1 == LONGEST
        assert (gradient.abs().sum(dim=1) > 0).all()


@torch.no_grad()
def test_log_probabilities_of_half_precision_weights_are_float32():
    torch.manual_seed(0)
    layer = output.OutputLayer(6, VOCAB, tied=None, dropout=0.0).bfloat16()
    features, targets = torch.randn(5, 6).bfloat16(), torch.arange(5)
    actual = output.token_log_probs(layer, features, targets, vocab_size=VOCAB)
    exact = layer(features).double().log_softmax(dim=-1)[range(5), targets]
    assert actual.dtype == torch.float32
    torch.testing.assert_close(actual.double(), exact, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_output_can_start_from_frequencies():
    layer = output.OutputLayer(6, VOCAB, tied=None, dropout=0.0)
    counts = torch.arange(VOCAB)
    layer.start_from_frequencies(counts)
    probabilities = layer(torch.zeros(6)).softmax(dim=-1)
    torch.testing.assert_close(probabilities, (counts + 0.01) / (counts + 0.01).sum())


# errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoder": "lsmt"}, "model.encoder is 'lsmt'; did you mean lstm?"),
        ({"decoder": "Transformers"}, "model.decoder is 'Transformers'; did you mean transformer?"),
        (
            {"decoder": "lstm", "injection": "initial+memory"},
            "model.injection names 'memory'; the lstm decoder takes initial, input, add, skip, position, joined by +",
        ),
        (
            {"decoder": "transformer", "injection": "initial"},
            "model.injection names 'initial'; the transformer decoder takes add, memory, skip, position, joined by +",
        ),
        ({"vocab_size": None}, "model.vocab_size is not set; it comes from the tokenizer"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(settings, message):
    with pytest.raises(ConfigError) as caught:
        build(**settings)
    assert str(caught.value) == message


def test_without_a_latent_the_model_is_a_language_model():
    model = build(encoder="none", injection="none")
    tokens, lengths = pad([[7, 8, EOS], [9, EOS]]), torch.tensor([3, 2])
    posterior = model.posterior(tokens, lengths)
    assert float(rate(posterior, model.prior()).abs().max()) == 0
    log_p = [model.log_likelihood(tokens, lengths, latents(2, seed)) for seed in (1, 2)]
    assert torch.equal(*log_p)
    assert not any(name.startswith(("encoder", "embedding", "posterior")) for name in model.state_dict())


@pytest.mark.parametrize("settings", [{"encoder": "none"}, {"injection": "none"}])
def test_no_latent_is_said_in_both_places(settings):
    with pytest.raises(ConfigError, match="has none in both places"):
        build(**settings)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_weight_dropout_changes_the_recurrence_in_training_only(cell):
    decoder = build(
        decoder=cell, dropout=0.0, embed_dropout=0.0, weight_dropout=0.5, injection="input"
    ).decoder
    tokens, z = torch.tensor([[BOS, 7, 8]]), latents(1)
    torch.manual_seed(0)
    first, second = (decoder.train()(tokens, z) for _ in range(2))
    assert torch.equal(first[:, 0], second[:, 0])  # no state yet that the dropped weights could multiply
    assert not torch.allclose(first[:, 1:], second[:, 1:])
    first.sum().backward()
    assert decoder.cell.weight_hh_l0.grad.abs().sum() > 0
    assert torch.equal(decoder.eval()(tokens, z), decoder(tokens, z))
