"""Conditional models: what changes nothing, what adds up, what every part is for."""

import dataclasses

import numpy as np
import pytest
import torch
from conditioned import FRAMES, VECTORS, conditional, conditional_config, store_of, values_for
from tiny import ENGLISH

from textvae import TextVAE
from textvae.codec.given import decoder_given, given, prior_given
from textvae.config import DecodingConfig, ModelConfig
from textvae.data.batching import collate
from textvae.decoding.guidance import GuidedDecoder
from textvae.diagnostics.shuffle import condition_shuffle_gain, z_shuffle_gain
from textvae.distributions import rate_parts
from textvae.errors import ConditionError, ConfigError
from textvae.models import ConditionTensors, GivenModel, VAEModel
from textvae.models.condition import Context
from textvae.models.modeling import shift
from textvae.models.reading import Copying
from textvae.models.recurrent import build_recurrent_decoder
from textvae.models.registry import decoders
from textvae.objectives.objective import Moment, Objective
from textvae.training.heldout import token_accuracy
from textvae.training.pretraining import reset_decoder
from textvae.training.transfer import new_parts

ROWS = [0, 7, 31, 64]
KINDS = {
    "labels": {"source": False},
    "a vector": {"source": False, "labels": False, "features": VECTORS},
    "frames": {"source": False, "features": FRAMES},
    "a source": {"labels": False},
    "a source in other tokens": {"own": True},
    "a source to copy": {"labels": False, "copy": True, "decoder": "lstm"},
    "a source and frames to a transformer": {"features": FRAMES, "copy": True, "decoder": "transformer", "decoder_layers": 2},
    "by a transformer": {"source_encoder": "transformer", "features": VECTORS, "decoder": "transformer"},
    "by two layers": {"source_encoder": "gru", "source_layers": 2, "prior": "conditional"},
    "without z": {"encoder": "none", "features": VECTORS},
}  # fmt: skip


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def codec(request):
    return conditional(**request.param)


def batch_of(codec, rows=ROWS):
    batch = collate(store_of(codec, rows), np.arange(len(rows)))
    condition = ConditionTensors.of(batch.conditions, codec.device, codec.dtype)
    return torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths), condition


def latents(codec, num=4):
    return torch.randn(num, codec.latent_dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def measured(codec, condition, tokens, lengths, z):
    """Return all that a model says of a batch, a row a text."""
    model = GivenModel(codec.model, codec.model.condition(condition))
    prior = model.prior()
    return {
        "likelihood": model.log_likelihood(tokens, lengths, z),
        "posterior": model.posterior(tokens, lengths).loc,
        "prior": prior.loc.expand(len(z), -1),
        "context": model.context.vector,
    }


def assert_same(found, other):
    for name, numbers in found.items():
        torch.testing.assert_close(
            numbers, other[name], rtol=1e-9, atol=1e-9, msg=lambda m, n=name: f"{n}: {m}"
        )


def test_padding_of_text_and_source_changes_nothing(codec):
    tokens, lengths, condition = batch_of(codec)
    z = latents(codec)
    before = measured(codec, condition, tokens, lengths, z)
    if condition.source is not None:
        condition = dataclasses.replace(condition, source=torch.nn.functional.pad(condition.source, (0, 3)))
    assert_same(before, measured(codec, condition, torch.nn.functional.pad(tokens, (0, 2)), lengths, z))


def test_batch_mates_change_nothing(codec):
    z = latents(codec)
    tokens, lengths, condition = batch_of(codec)
    together = measured(codec, condition, tokens, lengths, z)
    for row, number in enumerate(ROWS):
        tokens, lengths, condition = batch_of(codec, [number])
        alone = measured(codec, condition, tokens, lengths, z[row : row + 1])
        assert_same({name: numbers[row : row + 1] for name, numbers in together.items()}, alone)


def test_the_condition_is_read(codec):
    """Another row's condition changes the likelihood, and where there is a z, its posterior."""
    tokens, lengths, _ = batch_of(codec)
    _, _, other = batch_of(codec, [100, 150, 9, 40])
    _, _, own = batch_of(codec)
    before, after = (measured(codec, c, tokens, lengths, latents(codec)) for c in (own, other))
    assert ((before["likelihood"] - after["likelihood"]).abs() > 1e-3).all()
    if codec.model.config.has_latent:
        assert ((before["posterior"] - after["posterior"]).abs().amax(1) > 1e-4).all()


def test_steps_add_up_to_the_likelihood(codec):
    tokens, lengths, condition = batch_of(codec)
    z, context = latents(codec), codec.model.condition(condition)
    whole = GivenModel(codec.model, context).log_likelihood(tokens, lengths, z)
    inputs, decoder = shift(tokens), GivenModel(codec.model, context).decoder
    logits, state = decoder.prefill(z, inputs[:, :1])
    total = torch.zeros(len(z), dtype=torch.float64)
    for place in range(tokens.shape[1]):
        log_probs = logits.log_softmax(-1).gather(1, tokens[:, place : place + 1])[:, 0]
        total += torch.where(place < lengths, log_probs, 0.0)
        if place + 1 < tokens.shape[1]:
            logits, state = decoder.step(inputs[:, place + 1], state)
    torch.testing.assert_close(total, whole)


def test_a_prefix_read_at_once_is_one_read_in_steps(codec):
    tokens, _, condition = batch_of(codec)
    z, context = latents(codec), codec.model.condition(condition)
    decoder, inputs = GivenModel(codec.model, context).decoder, shift(tokens)[:, :3]
    at_once, _ = decoder.prefill(z, inputs)
    logits, state = decoder.prefill(z, inputs[:, :1])
    for place in (1, 2):
        logits, state = decoder.step(inputs[:, place], state)
    torch.testing.assert_close(at_once, logits)


def test_rows_of_a_state_keep_their_conditions(codec):
    tokens, _, condition = batch_of(codec)
    z, context = latents(codec), codec.model.condition(condition)
    decoder, inputs = GivenModel(codec.model, context).decoder, shift(tokens)
    _, state = decoder.prefill(z, inputs[:, :1])
    chosen = torch.tensor([2, 0, 2])
    expected, _ = decoder.step(inputs[:, 1], state)
    found, _ = decoder.step(inputs[chosen, 1], decoder.select(state, chosen))
    torch.testing.assert_close(found, expected[chosen])


def test_rows_of_one_condition_share_its_source(codec):
    tokens, _, condition = batch_of(codec)
    z, model = latents(codec, 12), GivenModel(codec.model, codec.model.condition(condition))
    three = torch.arange(4).repeat_interleave(3)
    together, inputs = model.rows(three), shift(tokens)[three]
    mixed = torch.tensor([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])  # no two of a condition side by side
    apart = model.rows(three[mixed])
    found, state = together.decoder.prefill(z, inputs[:, :1])
    expected, other = apart.decoder.prefill(z[mixed], inputs[mixed, :1])
    torch.testing.assert_close(found[mixed], expected)
    for rows in (torch.arange(12), torch.tensor([2, 2, 3, 3, 8, 6, 11, 9]), torch.tensor([0, 1, 2, 7])):
        found, _ = together.decoder.step(inputs[rows, 1], together.decoder.select(state, rows))
        places = mixed.argsort()[rows]
        expected, _ = apart.decoder.step(inputs[rows, 1], apart.decoder.select(other, places))
        torch.testing.assert_close(found, expected)
    lengths = torch.full((12,), tokens.shape[1])
    torch.testing.assert_close(
        together.log_likelihood(tokens[three], lengths, z)[mixed],
        apart.log_likelihood(tokens[three[mixed]], lengths, z[mixed]),
    )


def test_a_step_of_beams_copies_no_source():
    codec = conditional(labels=False, copy=True, decoder="lstm")
    condition = batch_of(codec)[2]
    memory = codec.model.condition(condition).memory
    read = codec.model.decoder.reader.open(memory.rows(torch.arange(4).repeat_interleave(6)))
    assert (len(read.mask), read.readers) == (4, 6)
    beams = torch.arange(24).view(4, 6)[:, [0, 0, 5, 2, 2, 2]].flatten()
    kept = read.rows(beams)
    assert kept.layers[0][0].data_ptr() == read.layers[0][0].data_ptr()
    assert kept.copied[0].data_ptr() == read.copied[0].data_ptr()
    fewer = read.rows(beams[6:])
    assert (len(fewer.mask), fewer.readers) == (3, 6)
    assert read.rows(beams[:0]).readers == 1


def test_a_dropped_condition_is_none(codec):
    tokens, lengths, condition = batch_of(codec)
    z = latents(codec)
    dropped = codec.model.condition(condition, torch.ones(len(z), dtype=torch.bool))
    model = GivenModel(codec.model, dropped)
    free = codec.model
    torch.testing.assert_close(
        model.log_likelihood(tokens, lengths, z), free.log_likelihood(tokens, lengths, z)
    )
    torch.testing.assert_close(model.posterior(tokens, lengths).loc, free.posterior(tokens, lengths).loc)
    torch.testing.assert_close(model.prior().loc.expand(len(z), -1), free.prior().loc.expand(len(z), -1))
    some = torch.tensor([True, False, False, True])
    mixed = GivenModel(codec.model, codec.model.condition(condition, some)).log_likelihood(tokens, lengths, z)
    own = GivenModel(codec.model, codec.model.condition(condition)).log_likelihood(tokens, lengths, z)
    torch.testing.assert_close(mixed, torch.where(some, free.log_likelihood(tokens, lengths, z), own))


def test_guidance_of_1_is_the_model_and_of_0_the_model_without_a_condition(codec):
    store = store_of(codec, ROWS)
    z, begun = latents(codec, 8), torch.full((8, 1), 1)
    given_, free = (
        decoder_given(codec.model, conditions, 4, 2, 1.0) for conditions in (store.conditions, None)
    )
    expected = [decoder.prefill(z, begun)[0].log_softmax(-1) for decoder in (free, given_)]
    for scale in (0.0, 1.0):
        logits, _ = GuidedDecoder(given_, free, scale).prefill(z, begun)
        torch.testing.assert_close(logits.log_softmax(-1), expected[int(scale)])
    twice, _ = decoder_given(codec.model, store.conditions, 4, 2, 2.0).prefill(z, begun)
    torch.testing.assert_close(twice.log_softmax(-1), (2 * expected[1] - expected[0]).log_softmax(-1))


def test_every_weight_learns(codec):
    config = dataclasses.replace(
        codec.model.config, encoder_dropout=0.0, dropout=0.0, embed_dropout=0.0, weight_dropout=0.0
    )
    tokens, lengths, condition = batch_of(codec)
    for share in (0.0, 0.5):
        objective = Objective(codec.model.train(), run_config(config, share))
        objective.zero_grad(set_to_none=True)
        torch.manual_seed(4)
        objective(tokens, lengths, Moment(beta=0.5), condition).loss.backward()
        silent = [name for name, weights in codec.model.named_parameters() if weights.grad is None]
        assert not silent
        idle = {name for name, weights in codec.model.named_parameters() if not weights.grad.any()}
        assert not {name for name in idle if not name.startswith(("condition.nothing", "prior_family"))}


@pytest.mark.parametrize("parts", [{}, {"source": False}])
def test_a_row_with_nothing_is_one_without_a_condition(parts):
    codec = conditional(**parts)
    with torch.no_grad():
        codec.model.condition.nothing.normal_()
    vae, missing = TextVAE(codec), {"who": [None, "the cat"], "length": [None, 12]}
    missing |= {} if parts else {"source": ["", "sees"]}
    free, given_ = vae.encode(ENGLISH[:2]), vae.encode(ENGLISH[:2], conditions=missing)
    np.testing.assert_allclose(given_[0], free[0], rtol=1e-6)
    assert not np.allclose(given_[1], free[1])


def run_config(model: ModelConfig, condition_dropout: float):
    sections = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    objective = {"target_rate": None, "beta": "constant"} if not model.has_latent else {}
    return conditional_config(
        model=sections, training={"condition_dropout": condition_dropout}, objective=objective
    )


READ = torch.tensor([[1, 5], [8, 2], [4, 4]])
"""What a decoder read before each of two places, of three rows."""


class TestCopying:
    @pytest.fixture
    def parts(self):
        torch.manual_seed(0)
        copying = Copying(5, 4).double()
        with torch.no_grad():
            copying.gate.bias.fill_(0.3)
            copying.going_on.copy_(torch.tensor([1.5, 0.7]))
        states, features, logits = torch.randn(3, 6, 4), torch.randn(3, 2, 5), torch.randn(3, 2, 9)
        tokens = torch.tensor([[-1, 4, 5, 4, -1, -1], [-1, 8, -1, -1, -1, -1], [-1] * 6])
        return copying, (copying.key(states.double()), tokens), features.double(), logits.double()

    def test_the_mixture_sums_to_1(self, parts):
        copying, copied, features, logits = parts
        found = copying.mixture(logits[:, 0], features[:, 0], READ[:, 0], copied)
        torch.testing.assert_close(found.exp().sum(-1), torch.ones(3, dtype=torch.float64))
        torch.testing.assert_close(found[2], logits[2, 0].log_softmax(-1))  # nothing to copy
        assert found[0, 4] > logits[0, 0].log_softmax(-1)[4]

    def test_targets_have_the_probabilities_of_the_mixture(self, parts):
        copying, copied, features, logits = parts
        targets = torch.tensor([[4, 2], [8, 1], [4, 0]])
        generated = logits.log_softmax(-1).gather(2, targets.unsqueeze(-1)).squeeze(-1)
        found = copying.mixed(generated, features, READ, copied, targets)
        for place in (0, 1):
            whole = copying.mixture(logits[:, place], features[:, place], READ[:, place], copied)
            torch.testing.assert_close(found[:, place], whole.gather(1, targets[:, place : place + 1])[:, 0])

    def test_gradients_are_finite_where_nothing_can_be_copied(self, parts):
        copying, copied, features, logits = parts
        targets = torch.zeros(3, 2, dtype=torch.int64)
        generated = logits.log_softmax(-1)[..., 0].clone().requires_grad_()
        copying.mixed(generated, features.requires_grad_(), READ, copied, targets).sum().backward()
        for tensor in (generated, features, *copying.parameters()):
            assert tensor.grad.isfinite().all()

    def test_it_goes_on_behind_the_token_that_was_read(self, parts):
        copying, copied, features, _ = parts
        odds = []
        for going_on in (torch.zeros(2), torch.tensor([1.5, 0.7])):
            read = torch.tensor([5, 5, 5])  # the first source: 4 5 4
            with torch.no_grad():
                copying.going_on.copy_(going_on)
                pointing, gate, rest = copying._pointing(features[:, :1], read.unsqueeze(1), *copied)
            odds.append((pointing[0, 0, 3] - pointing[0, 0, 1], (gate - rest)[:, 0]))
        (before, gate), (after, opened) = odds
        assert float(after - before) == pytest.approx(1.5)  # the 4 behind 5, against the other
        assert (opened - gate)[:2].tolist() == pytest.approx([0.7, 0.0])  # the second source has no 5


def test_token_accuracy_is_of_what_the_decoder_would_say(codec):
    rows = list(range(0, 180, 20))
    store = store_of(codec, rows)
    z, right, total = codec.posterior(store).loc, 0, 0
    for row in range(len(rows)):
        only = np.array([row])
        tokens = torch.from_numpy(collate(store, only).tokens)
        decoder = decoder_given(codec.model, store.conditions.rows(only), 1, 1, 1.0)
        for place in range(tokens.shape[1]):
            logits, _ = decoder.prefill(z[only], shift(tokens)[:, : place + 1])
            right, total = right + int(logits.argmax() == tokens[0, place]), total + 1
    assert token_accuracy(codec, store) == right / total


# ---------------------------------------------------------------- p(z|c)


@pytest.fixture(scope="module")
def learned():
    return conditional(labels=True, prior="conditional")


def test_the_rate_under_a_conditional_prior_is_the_expected_log_ratio(learned):
    store = store_of(learned, ROWS)
    posterior, prior = learned.posterior(store), prior_given(learned.model, store.conditions)
    rate = rate_parts(posterior, prior, posterior.loc).sum(-1)
    noise = torch.randn(20_000, 1, learned.latent_dim, dtype=torch.float64)
    z = posterior.loc + posterior.scale * noise
    ratios = posterior.log_prob(z) - prior.log_prob(z)
    error = ratios.std(0) / len(ratios) ** 0.5
    assert ((ratios.mean(0) - rate).abs() < 4 * error).all()
    assert (rate > 0).all()


def test_a_conditional_prior_starts_at_the_standard_one():
    config = ModelConfig(vocab_size=20, latent_dim=3, prior="conditional", label_codes=2, condition_dim=4)
    model = VAEModel(config)
    found = model.prior(Context(torch.randn(2, 4)))
    torch.testing.assert_close(found.loc, torch.zeros(2, 3))
    torch.testing.assert_close(found.scale, torch.ones(2, 3), rtol=1e-3, atol=1e-3)


def test_z_that_says_no_more_than_its_condition_buys_nothing(learned):
    """Equal deviations from the mean of p(z|c) are no word of the text, though the z differ."""
    store = store_of(learned, list(range(40)))
    prior = learned.prior(store.conditions)
    z = prior.loc + prior.scale * torch.randn(1, learned.latent_dim, dtype=torch.float64)
    gain = z_shuffle_gain(learned, store, z, -learned.log_likelihood(store, z))
    assert z.std(0).min() > 1e-3
    torch.testing.assert_close(gain, torch.zeros(40, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_condition_that_is_not_read_buys_nothing():
    codec = conditional(source=False, injection="initial")
    store = store_of(codec, list(range(40)))
    z = latents(codec, 40)
    assert condition_shuffle_gain(codec, store, z, -codec.log_likelihood(store, z)).abs().max() > 1e-3
    with torch.no_grad():
        codec.model.decoder.initial.weight[:, codec.latent_dim :] = 0  # the columns of the condition
    distortion = -codec.log_likelihood(store, z)
    assert condition_shuffle_gain(codec, store, z, distortion).abs().max() < 1e-9


# ---------------------------------------------------------------- the codec


def test_the_batch_size_changes_nothing(codec):
    rows = list(range(0, 90, 9))
    store, config = store_of(codec, rows), DecodingConfig(temperature=0.9, candidates=2, guidance=1.5)
    found = []
    for size in (128, 3):
        codec.batch_size = size
        z = codec.prior_sample(len(rows), seed=3, conditions=store.conditions)
        found.append(
            (
                codec.decode(z, config, seed=3, conditions=store.conditions),
                codec.log_likelihood(store, z),
                codec.posterior(store).loc,
            )
        )
    assert found[0][0] == found[1][0]
    for wide, narrow in zip(found[0][1:], found[1][1:], strict=True):
        torch.testing.assert_close(wide, narrow)


def test_rows_of_a_store_keep_their_conditions(codec):
    store = store_of(codec, ROWS)
    z = latents(codec)
    whole = codec.log_likelihood(store, z)
    chosen = np.array([3, 1])
    torch.testing.assert_close(codec.log_likelihood(store.rows(chosen), z[chosen]), whole[chosen])
    torch.testing.assert_close(codec.log_likelihood(store.repeated(2), z.repeat(2, 1)), whole.repeat(2))
    torch.testing.assert_close(codec.log_likelihood(store.cut(store.max_length), z), whole)


def test_a_model_under_no_condition_is_itself(codec):
    assert given(codec.model, None) is codec.model


def test_a_decoder_without_a_reader_takes_no_source():
    def without(config):
        decoder = build_recurrent_decoder(dataclasses.replace(config, decoder="gru"))
        decoder.reader = None
        return decoder

    decoders["deaf"] = without
    try:
        with pytest.raises(ConfigError, match="without a reader for source texts"):
            conditional(decoder="deaf")
        assert conditional(decoder="deaf", source=False).model.config.has_condition
    finally:
        del decoders["deaf"]


@pytest.mark.parametrize("name", ["none", "lstn"])
def test_an_encoder_of_sources_that_is_none(name):
    with pytest.raises(ConfigError, match=f"model.source_encoder is '{name}'"):
        conditional(source_encoder=name)


def test_conditions_and_latents_of_unequal_numbers(codec):
    store = store_of(codec, ROWS)
    with pytest.raises(ConditionError, match="4 conditions for 2 latents"):
        codec.decode(latents(codec, 2), conditions=store.conditions)
    with pytest.raises(ConditionError, match="4 conditions for 2 texts"):
        codec.store(ENGLISH[:2], codec.conditions(values_for(codec, ROWS), len(ROWS)))


def test_memories_bind_no_words_to_places():
    """Weights that no update reaches would be saved, counted, and stop training on several processes."""
    codec = conditional(own=True, features=FRAMES, injection="initial+input+position")
    tokens, lengths, condition = batch_of(codec)
    objective = Objective(codec.model.train(), run_config(codec.model.config, 0.0))
    objective.zero_grad(set_to_none=True)
    objective(tokens, lengths, Moment(beta=0.5), condition).loss.backward()
    assert not [name for name, weights in codec.model.named_parameters() if weights.grad is None]


@pytest.mark.parametrize("own", [False, True])
def test_a_new_decoder_changes_no_posterior(own):
    """Also where sources are read through the decoder's embeddings."""
    codec = conditional(own=own)
    store = store_of(codec, ROWS)
    before, likelihood = codec.posterior(store).loc, codec.log_likelihood(store, latents(codec, len(store)))
    reset_decoder(codec.model, seed=5)
    torch.testing.assert_close(codec.posterior(store).loc, before, rtol=0, atol=0)
    assert not torch.allclose(codec.log_likelihood(store, latents(codec, len(store))), likelihood)


def test_z_beside_a_condition_cannot_be_added_to_a_language_model():
    without = conditional(encoder="none", injection="initial+input").model
    with pytest.raises(ConfigError, match="z enters beside it, in the same weights"):
        new_parts(conditional(injection="initial+input").model, without, "lm")
