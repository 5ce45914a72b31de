"""The cures for posterior collapse: each is what its paper says, and each composes with the rest of training."""

import copy
import json
import math
import types

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import CHINESE, ENGLISH, tiny_config, train_tiny

from textvae.config import ObjectiveConfig
from textvae.data.batching import collate, epoch_batches
from textvae.data.vocabulary import EOS, NUM_SPECIAL, PAD, UNK
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.objectives.auxiliaries import BagOfWords, mmd
from textvae.objectives.capacity import capacity_at, capacity_term
from textvae.objectives.noise import Denoising
from textvae.objectives.objective import Moment, Objective
from textvae.storage.tensors import load_tensors
from textvae.training import aggressive
from textvae.training.distributed import Ranks
from textvae.training.halves import decoder_only, encoder_only
from textvae.training.preparation import prepare
from textvae.training.pretraining import reset_decoder
from textvae.training.run import train_run
from textvae.training.trainer import Trainer
from textvae.training.updates import Updates

QUIET = {
    "model": {"dropout": 0.0, "embed_dropout": 0.0, "encoder_dropout": 0.0},
    "training": {"word_dropout": 0.0},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(ENGLISH, tiny_config(), cache_dir=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def batch(prepared):
    rows = collate(prepared.train, np.arange(12))
    return torch.from_numpy(rows.tokens), torch.from_numpy(rows.lengths)


def objective(prepared, **sections):
    config = prepared.config.updated(QUIET).updated(sections)
    torch.manual_seed(0)
    return Objective(VAEModel(config.model), config).train()


def cost(taker, batch, seed=1, **moment):
    torch.manual_seed(seed)
    return taker(*batch, Moment(**{"beta": 0.7, **moment}))


# The objective: distortion + beta * rate-term + weighted auxiliaries


def test_neutral_settings_are_the_elbo(prepared, batch):
    found = cost(objective(prepared), batch, beta=1.0)
    torch.testing.assert_close(found.loss, found.distortion + found.rate)
    assert found.auxiliaries == {}


@pytest.mark.parametrize(("name", "weight"), [("bag_of_words", 0.3), ("mmd", 2.0)])
def test_an_auxiliary_is_added_with_its_weight(prepared, batch, name, weight):
    found = cost(objective(prepared, objective={name: weight}), batch)
    expected = found.distortion + 0.7 * found.rate + weight * found.auxiliaries[name]
    torch.testing.assert_close(found.loss.detach(), expected)


def test_auxiliaries_compose(prepared, batch):
    both = {"bag_of_words": 0.5, "mmd": 3.0, "free_bits": "dimension", "free_nats": 2.0}
    assert set(cost(objective(prepared, objective=both), batch).auxiliaries) == {"bag_of_words", "mmd"}


# Bag of words


def test_bag_of_words_equals_a_plain_loop():
    torch.manual_seed(0)
    head, z = BagOfWords(3, 8, 11).double(), torch.randn(2, 3, dtype=torch.float64)
    tokens, lengths = torch.tensor([[4, 5, 4, EOS], [7, EOS, PAD, PAD]]), torch.tensor([4, 2])
    log_p = head.output(torch.tanh(head.hidden(z))).float().log_softmax(-1)
    expected = [-(2 * log_p[0, 4] + log_p[0, 5]), -log_p[1, 7]]
    torch.testing.assert_close(head(z, tokens, lengths), torch.stack(expected))


def test_bag_of_words_knows_no_order_and_no_padding():
    torch.manual_seed(0)
    head, z = BagOfWords(3, 8, 11), torch.randn(1, 3)
    one = head(z, torch.tensor([[4, 5, 6, EOS]]), torch.tensor([4]))
    other = head(z, torch.tensor([[6, 4, 5, EOS, PAD, 9]]), torch.tensor([4]))
    torch.testing.assert_close(one, other)


# InfoVAE


def test_mmd_tells_other_distributions_from_the_same():
    generator = torch.Generator().manual_seed(0)
    prior, same = (torch.randn(400, 2, generator=generator) for _ in range(2))
    assert abs(float(mmd(same, prior))) < 0.02
    assert float(mmd(same + 1.0, prior)) > 0.3
    assert float(mmd(same * 0.2, prior)) > 0.1


@pytest.mark.slow
def test_mmd_is_unbiased():
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([mmd(*torch.randn(2, 8, 3, generator=generator)) for _ in range(2000)])
    assert abs(float(draws.mean())) < 4 * float(draws.std()) / math.sqrt(len(draws))


def test_the_gradient_of_mmd_leads_to_the_prior_and_is_finite_for_equal_rows():
    prior = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    z = torch.full((50, 2), 2.0, requires_grad=True)
    mmd(z, prior).backward()
    assert (z.grad > 0).all()
    alone = torch.ones(1, 2, requires_grad=True)
    mmd(alone, prior[:1]).backward()
    assert not alone.grad.any()


# Capacity annealing


def test_capacity_is_a_distance_of_the_mean_rate():
    rates = torch.tensor([2.0, 4.0])
    torch.testing.assert_close(capacity_term(rates, 5.0), torch.tensor([2.0, 2.0]))
    torch.testing.assert_close(capacity_term(rates, 3.0), torch.zeros(2))


def test_capacity_rises_and_stays():
    config = ObjectiveConfig(beta="constant", beta_max=5.0, capacity=8.0, warmup_steps=100)
    assert [capacity_at(config, step) for step in (0, 50, 100, 1000)] == [0.0, 4.0, 8.0, 8.0]
    assert capacity_at(ObjectiveConfig(), 7) is None


@pytest.mark.parametrize(
    "settings", [{"beta": "target"}, {"beta": "linear"}, {"free_bits": "batch", "free_nats": 1.0}]
)
def test_a_capacity_sets_the_rate_by_itself(settings):
    with pytest.raises(ConfigError, match="a capacity sets the rate by itself"):
        ObjectiveConfig(**{"beta": "constant", "capacity": 5.0, **settings})


# Denoising


ROWS = [[4, 5, 6, 7, 8, EOS], [9, 10, EOS], [EOS]]


def noisy(seed=0, **settings):
    width = max(map(len, ROWS))
    tokens = torch.tensor([row + [PAD] * (width - len(row)) for row in ROWS])
    torch.manual_seed(seed)
    found, lengths = Denoising(vocab_size=20, **settings)(tokens, torch.tensor([len(row) for row in ROWS]))
    return [row[:length].tolist() for row, length in zip(found, lengths, strict=True)], found, lengths


@given(
    seed=st.integers(0, 10**6), shares=st.tuples(*[st.sampled_from([0.0, 0.3, 1.0])] * 3), far=st.floats(0, 5)
)
def test_noise_keeps_the_shape_of_a_text(seed, shares, far):
    drop, blank, substitute = shares
    rows, tokens, lengths = noisy(seed, drop=drop, blank=blank, substitute=substitute, shuffle=far)
    for row, original, length in zip(rows, ROWS, lengths, strict=True):
        assert row[-1] == EOS
        assert EOS not in row[:-1]
        assert PAD not in row
        assert 1 <= length <= len(original)
    assert all(not tokens[i, lengths[i] :].any() for i in range(3))


def test_each_noise_does_what_it_says():
    assert noisy()[0] == ROWS
    assert noisy(drop=1.0)[0] == [[EOS]] * 3
    assert noisy(blank=1.0)[0] == [[UNK] * 5 + [EOS], [UNK] * 2 + [EOS], [EOS]]
    substituted = noisy(substitute=1.0)[0]
    assert all(NUM_SPECIAL <= token < 20 for row in substituted for token in row[:-1])
    assert substituted != ROWS
    assert [sorted(row) for row in noisy(shuffle=5.0)[0]] == [sorted(row) for row in ROWS]


@pytest.mark.parametrize("far", [1.0, 2.0, 3.0])
def test_words_move_by_less_than_was_asked(far):
    distances = {
        abs(place - row.index(token))
        for seed in range(200)
        for row, original in zip(noisy(seed, shuffle=far)[0], ROWS, strict=True)
        for place, token in enumerate(original)
    }
    assert max(distances) == far - 1


def test_shares_are_shares():
    tokens = torch.full((50, 101), 5)
    tokens[:, -1] = EOS
    torch.manual_seed(0)
    _, lengths = Denoising(vocab_size=20, drop=0.2)(tokens, torch.full((50,), 101))
    assert float(lengths.float().mean()) == pytest.approx(81, abs=4 * math.sqrt(100 * 0.16 / 50))


def test_the_decoder_still_gives_back_the_clean_text(prepared, batch):
    """All blanked for the encoder: the rate is that of blanks, the distortion of the texts themselves."""
    taker = objective(prepared, training={"noise_blank": 1.0})
    tokens, lengths = batch
    words = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1) - 1
    posterior = taker.model.posterior(tokens.masked_fill(words, UNK), lengths)
    torch.manual_seed(1)
    noise = torch.randn(posterior.loc.shape)
    expected = -taker.model.log_likelihood(tokens, lengths, posterior.at(noise)).sum()
    torch.testing.assert_close(cost(taker, batch).distortion, expected.detach())


# Pretraining and reset; aggressive updates


def weights(parts):
    return [part.detach().clone() for part in parts]


def same(before, after):
    return [torch.equal(a, b) for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize("shared", [False, True])
def test_a_reset_gives_the_decoder_new_weights_and_the_encoder_none(prepared, shared):
    config = prepared.config.updated({"model": {"share_embeddings": shared}})
    torch.manual_seed(0)
    model = VAEModel(config.model)
    encoder, decoder = weights(encoder_only(model)), weights(decoder_only(model))
    embedding = model.embedding.weight.clone()
    state = torch.get_rng_state()
    reset_decoder(model, seed=5)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(same(encoder, encoder_only(model)))
    assert torch.equal(embedding, model.embedding.weight)
    matrices = [
        now for was, now in zip(decoder, same(decoder, decoder_only(model)), strict=True) if was.ndim > 1
    ]
    assert not any(matrices)


def aggressive_updates(prepared):
    config = prepared.config.updated({"training": {"aggressive": True}})
    torch.manual_seed(0)
    model = VAEModel(config.model)
    return model, Updates(model, config, "fp32", Ranks(), prepared.train)


def test_an_aggressive_step_fits_the_encoder_and_then_takes_one_step_of_the_decoder(prepared, monkeypatch):
    model, updates = aggressive_updates(prepared)
    batches = epoch_batches(prepared.train.lengths, 200, 0, 0)
    take, seen = type(updates.stepper).take, []

    def noted(self, batch, moment, **how):
        before = weights(encoder_only(model)), weights(decoder_only(model))
        report = take(self, batch, moment, **how)
        changed = [
            not all(same(was, now))
            for was, now in zip(before, (encoder_only(model), decoder_only(model)), strict=True)
        ]
        seen.append(tuple(changed))
        return report

    monkeypatch.setattr(type(updates.stepper), "take", noted)
    updates.take(collate(prepared.train, batches[0]), batches, progress=0.1, epochs_done=0.1)
    assert len(seen) > 15
    assert set(seen[:-1]) == {(True, False)}
    assert seen[-1] == (False, True)


def test_aggressive_updates_end_when_mutual_information_falls(prepared, monkeypatch):
    updates = aggressive_updates(prepared)[1]
    values = iter([1.0, 2.5, 2.4])
    monkeypatch.setattr("textvae.training.aggressive.posterior_information", lambda _: next(values))
    codec = types.SimpleNamespace(posterior=lambda store: None)
    said = [updates.aggressive.close_epoch(codec, prepared.valid, Ranks()) for _ in range(3)]
    assert said == [
        None,
        None,
        "aggressive updates of the encoder end: mutual information is 2.40 nats after 2.50",
    ]
    assert not updates.is_aggressive


# Whole runs

CURES = {
    "fbp": {
        "objective": {
            "beta": "linear",
            "target_rate": None,
            "warmup_steps": 10,
            "free_bits": "sentence",
            "free_nats": 2.0,
            "pretraining_epochs": 1,
        }
    },
    "aggressive": {"training": {"aggressive": True, "epochs": 2, "batch_tokens": 400}},
    "capacity": {"objective": {"beta": "constant", "beta_max": 5.0, "target_rate": None, "capacity": 3.0}},
    "everything": {
        "objective": {
            "bag_of_words": 0.1,
            "mmd": 0.5,
            "pretraining_epochs": 1,
            "beta": "linear",
            "target_rate": None,
            "warmup_steps": 10,
        },
        "training": {
            "noise_drop": 0.1,
            "noise_blank": 0.1,
            "noise_substitute": 0.1,
            "noise_shuffle": 2.0,
            "output": "sampled",
            "negatives": 20,
        },
        "model": {"injection": "input+skip", "weight_dropout": 0.1},
    },
}


LONG = [pytest.param(name, marks=pytest.mark.slow) for name in ("fbp", "capacity")]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aggressive", "everything", *LONG])
def test_a_run_that_was_stopped_goes_on_bit_for_bit(tmp_path, name, monkeypatch):
    monkeypatch.setattr(aggressive, "WINDOW", 3)
    monkeypatch.setattr(aggressive, "MOST", 8)
    whole = train_tiny(tmp_path / "whole", **CURES[name])
    count = Trainer._count

    def stopping(self, report):
        count(self, report)
        if self.state.step == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "_count", stopping)
    with pytest.raises(KeyboardInterrupt):
        train_tiny(tmp_path / "stopped", **CURES[name])
    monkeypatch.setattr(Trainer, "_count", count)
    stopped = train_tiny(tmp_path / "stopped", resume=True)
    first, second = (load_tensors(run / "model" / "model.safetensors") for run in (whole, stopped))
    assert all(torch.equal(first[key], second[key]) for key in first)
    records = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert all(math.isfinite(record["distortion"]) for record in records)


def test_patience_waits_for_the_end_of_the_pretraining(tmp_path):
    """At beta 0 -ELBO rises from the first epoch on, as the rate does."""
    run = train_tiny(
        tmp_path / "run",
        objective={"pretraining_epochs": 4},
        training={"epochs": 6, "patience": 1, "learning_rate": 2e-2, "samples": 0},
    )
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    held = [record for record in records if record["kind"] == "held_out"]
    costs = [record["neg_elbo"] for record in held[:4]]
    assert max(costs) > min(costs[:-1])  # patience would have ended it
    assert len(held) > 4


def test_chinese_with_every_noise(tmp_path):
    config = tiny_config(**copy.deepcopy(CURES["everything"]))
    run = train_run(CHINESE, tmp_path / "run", config, device="cpu", cache_dir=tmp_path / "cache")
    assert (run / "model" / "model.safetensors").exists()


@pytest.mark.slow
def test_pretraining_is_an_autoencoder_and_then_the_decoder_begins_anew(tmp_path):
    run = train_tiny(
        tmp_path / "run", objective={"pretraining_epochs": 2}, training={"epochs": 4, "batch_tokens": 60}
    )
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    held = [record for record in records if record["kind"] == "held_out"]
    betas = [
        record["beta"]
        for record in records
        if record["kind"] == "train" and record["step"] <= held[1]["step"]
    ]
    assert set(betas) == {0.0}
    assert held[1]["rate"] > held[3]["rate"]
    assert held[2]["best"]
