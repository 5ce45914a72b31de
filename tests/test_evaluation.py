"""What a model is measured by: identities of the bounds, and every denominator recomputed by hand."""

import json
import math

import pytest
import torch
from tiny import CHINESE, ENGLISH
from untrained import untrained

from textvae.config import DecodingConfig
from textvae.data.batching import collate
from textvae.decoding.noise import derived_seed, row_normals
from textvae.diagnostics.latents import mutual_information
from textvae.errors import ConfigError, DataError
from textvae.evaluation.bleu import bleu_columns, self_bleu
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definitions import DEFINITIONS, FAMILIES, render
from textvae.evaluation.likelihood import likelihoods, log_weights
from textvae.evaluation.record import Evaluation
from textvae.evaluation.report import evaluate
from textvae.evaluation.texts import distinct_n
from textvae.objectives.elbo import iw_elbo

TEXTS = [*ENGLISH[:25], "a", "no one at all knows why the cat paints a letter by the sea"]


@pytest.fixture(scope="module")
def codec():
    return untrained()


@pytest.fixture(scope="module")
def store(codec):
    return codec.store(TEXTS)


@pytest.fixture(scope="module")
def found(codec):
    return evaluate(codec, TEXTS, num_samples=4, num_prior=20, training_texts=ENGLISH, seed=3)


# Bounds


def test_log_weights_are_those_of_one_text_at_a_time(codec):
    store = codec.store(TEXTS[:3])
    weights, distortion, posterior = log_weights(codec, store, num_samples=2, seed=5)
    again, *_ = log_weights(codec, store, num_samples=3, seed=5)
    torch.testing.assert_close(weights, again[:2], rtol=0, atol=1e-9)  # more samples change none
    assert weights.dtype == distortion.dtype == torch.float64
    z = posterior.loc + posterior.scale * log_noise(codec, 5, 0, 3)
    for row in range(3):
        batch = collate(store, torch.tensor([row]).numpy())
        tokens, lengths = torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths)
        log_p = codec.model.log_likelihood(tokens, lengths, z[[row]]).item()
        normal = torch.distributions.Normal(0.0, 1.0)
        log_prior = float(normal.log_prob(z[row]).sum())
        log_q = float(
            torch.distributions.Normal(posterior.loc[row], posterior.scale[row]).log_prob(z[row]).sum()
        )
        assert float(weights[0, row]) == pytest.approx(log_p + log_prior - log_q, abs=1e-9)
        assert float(distortion[row]) == pytest.approx(-log_p, abs=1e-9)


def test_samples_at_once_change_no_weight(codec, monkeypatch):
    store = codec.store(TEXTS[:5])
    expected, distortion, _ = log_weights(codec, store, num_samples=7, seed=2)
    for batch_size in (1, 12, 17):  # one sample at a time, two, three
        monkeypatch.setattr(codec, "batch_size", batch_size)
        weights, first, _ = log_weights(codec, store, num_samples=7, seed=2)
        torch.testing.assert_close(weights, expected, rtol=0, atol=1e-9)
        torch.testing.assert_close(first, distortion, rtol=0, atol=1e-9)


def log_noise(codec, seed, k, num):
    return row_normals(derived_seed(seed, k), range(num), codec.latent_dim)


def test_the_bound_is_never_worse_than_its_leave_one_out_mean(codec, store):
    weights, *_ = log_weights(codec, store, num_samples=6)
    for num in (6, 4, 2):
        kept = weights[:num]
        without = [iw_elbo(torch.cat([kept[:i], kept[i + 1 :]])) for i in range(num)]
        assert bool((iw_elbo(kept) >= torch.stack(without).mean(0) - 1e-12).all())
        assert bool((iw_elbo(kept) >= kept.mean(0) - 1e-12).all())
    assert torch.equal(-likelihoods(codec, store, num_samples=6).iw_nll, iw_elbo(weights))


def test_the_bound_falls_below_the_elbo_as_samples_are_added(codec, store):
    def mean(num_samples, what):
        terms = [likelihoods(codec, store, num_samples=num_samples, seed=seed) for seed in range(6)]
        return sum(float(what(term).mean()) for term in terms) / 6

    neg_elbo = mean(1, lambda term: term.distortion + term.rate)
    one, eight = (mean(k, lambda term: term.iw_nll) for k in (1, 8))
    assert eight < neg_elbo
    assert eight < one


def test_with_one_sample_the_bound_is_the_elbo_of_that_sample(codec, store):
    gaps = []
    for seed in range(40):
        terms = likelihoods(codec, store, num_samples=1, seed=seed)
        gaps.append((terms.iw_nll - terms.distortion).mean())  # log q(z|x) - log p(z), whose mean is the rate
    gaps = torch.stack(gaps)
    error = float(gaps.std()) / math.sqrt(len(gaps))
    assert float(gaps.mean()) == pytest.approx(float(terms.rate.mean()), abs=4 * error)
    assert error < 0.2 * float(terms.rate.mean())


def test_where_the_posterior_is_the_prior_the_rate_is_0_and_every_weight_is_a_likelihood():
    codec = untrained(seed=1)
    with torch.no_grad():
        codec.model.posterior_head.weight.zero_()
        codec.model.posterior_head.bias[:3] = 0
        codec.model.posterior_head.bias[3:] = math.log(math.expm1(1 - 1e-4))
    terms = likelihoods(codec, codec.store(TEXTS), num_samples=1)
    torch.testing.assert_close(terms.rate, torch.zeros(len(TEXTS), dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(terms.iw_nll, terms.distortion, rtol=0, atol=1e-9)
    with torch.no_grad():
        codec.model.decoder.initial.weight.zero_()
        codec.model.decoder.cell.weight_ih_l0[:, -3:] = 0
    terms = likelihoods(codec, codec.store(TEXTS), num_samples=5)  # z is not read: the bound is tight
    torch.testing.assert_close(terms.iw_nll, terms.distortion, rtol=0, atol=1e-9)


def test_likelihoods_belong_to_seed_and_row(codec, store):
    terms = likelihoods(codec, store, num_samples=2, seed=1)
    first = likelihoods(codec, codec.store(TEXTS[:4]), num_samples=2, seed=1)
    torch.testing.assert_close(first.iw_nll, terms.iw_nll[:4], rtol=0, atol=1e-9)
    assert not torch.equal(likelihoods(codec, store, num_samples=2, seed=2).iw_nll, terms.iw_nll)
    with pytest.raises(ConfigError, match="num_samples is 0; it must be at least 1"):
        likelihoods(codec, store, num_samples=0)


# The report


def test_measures_follow_from_their_parts(codec, store, found):
    terms = likelihoods(codec, store, num_samples=4, seed=3)
    measures = found.measures
    assert measures["distortion"] == pytest.approx(float(terms.distortion.sum()) / 27)
    assert measures["rate"] == pytest.approx(float(terms.rate.sum()) / 27)
    assert measures["neg_elbo"] == pytest.approx(measures["distortion"] + measures["rate"])
    assert measures["iw_nll"] == pytest.approx(float(terms.iw_nll.sum()) / 27)
    assert measures["self_bleu_4"] == self_bleu(
        samples := codec.decode(codec.prior_sample(20, seed=3), seed=3)
    )
    assert measures["distinct_2"] == distinct_n(samples, 2)
    loc, scale = terms.posterior.loc, terms.posterior.scale
    rate = 0.5 * (loc**2 + scale**2 - 1 - 2 * scale.log()).sum(1)
    assert measures["rate"] == pytest.approx(float(rate.mean()))
    assert measures["active_units"] == int((loc.var(0) >= 0.01).sum())
    assert measures["mutual_information"] == mutual_information(loc, scale) <= math.log(27)
    bleu = Tally("bleu", bleu_columns(codec.reconstruct(TEXTS), TEXTS, "13a"))
    assert measures["reconstruction_bleu"] == bleu.value
    sampled = codec.reconstruct(TEXTS, sample=True, seed=derived_seed(3, 0))  # the z of the distortion
    assert measures["reconstruction_bleu_sample"] == Tally("bleu", bleu_columns(sampled, TEXTS, "13a")).value
    assert measures["aggregate_kl"] == pytest.approx(measures["rate"] - measures["mutual_information"])


def test_perplexities_and_bits_divide_by_what_their_definitions_say(codec, found):
    rows = [row[:10] for row in codec.tokenizer.encode(TEXTS)]
    spelt = codec.tokenizer.decode(rows)
    assert found.num_cut == sum(a != b for a, b in zip(spelt, TEXTS, strict=True)) > 0
    nats = 27 * found.measures["iw_nll"]
    num_words = sum(len(text.split()) for text in spelt) + 27
    assert found.measures["ppl_word"] == pytest.approx(math.exp(nats / num_words))
    assert found.measures["ppl_token"] == pytest.approx(math.exp(nats / (sum(map(len, rows)) + 27)))
    assert found.measures["bits_per_byte"] == pytest.approx(nats / math.log(2) / len("".join(spelt).encode()))


def test_denominators_are_the_texts_own_whatever_the_tokenizer():
    codec = untrained(ENGLISH, "word")
    long = "the cat sees the sea. a dog likes the sea. no one"
    cut = "the cat sees the sea. a dog likes the sea."  # 10 tokens
    texts = ["the  cat sees a zeppelin.", "我们  like the sea.", long]
    found = evaluate(codec, texts, num_samples=1, num_prior=0)
    assert codec.tokenizer.decode(codec.tokenizer.encode(texts[:2])) != texts[:2]
    nats = 3 * found.measures["iw_nll"]
    assert found.num_cut == 1
    assert found.measures["ppl_word"] == pytest.approx(math.exp(nats / (5 + 5 + 10 + 3)))
    assert found.measures["ppl_token"] == pytest.approx(math.exp(nats / (5 + 4 + 10 + 3)))
    num_bytes = len("".join([*texts[:2], cut]).encode())
    assert found.measures["bits_per_byte"] == pytest.approx(nats / math.log(2) / num_bytes)


def test_chinese_words_are_single_letters():
    codec = untrained(CHINESE, "char", max_length=20)
    found = evaluate(codec, CHINESE[:12], num_samples=2, num_prior=6)
    num_chars = sum(map(len, CHINESE[:12]))  # "。" stands by itself, for a letter comes before it
    nats = 12 * found.measures["iw_nll"]
    assert found.settings_of("reconstruction_bleu")["tokenizer"] == "zh"
    assert found.measures["ppl_word"] == pytest.approx(found.measures["ppl_token"])
    assert found.measures["ppl_word"] == pytest.approx(math.exp(nats / (num_chars + 12)))
    assert found.measures["bits_per_byte"] == pytest.approx(nats / math.log(2) / (3 * num_chars))


def test_reconstructions_are_greedy_from_the_posterior_means():
    codec = untrained()
    texts = codec.reconstruct(ENGLISH[:3])
    with torch.no_grad():  # every z alike: each decode is the same text
        codec.model.posterior_head.weight.zero_()
    [text] = set(codec.reconstruct(texts))
    found = evaluate(codec, [text, text, "another"], num_samples=1, num_prior=0)
    assert found.measures["exact_match"] == pytest.approx(2 / 3)


def test_every_measure_is_defined_and_its_settings_are_there(found):
    judged = {"forward_ppl", "reverse_ppl", "real_ppl", "coherence", "coherence_held_out"}
    of_models = {definition.key for family in FAMILIES for definition in family.definitions}
    assert set(found.measures) == of_models - judged
    for key in found.measures:
        stated = found.settings_of(key)
        assert set(stated) == set(DEFINITIONS[key].settings)
        [line] = render([key], stated)
        assert all(f"{symbol}=" in line for symbol in stated)
    assert found.settings_of("iw_nll") == {"K": 4, "N": 27}
    assert found.settings_of("self_bleu_4") == {"N": 20}
    assert found.settings_of("nearest_distance_held_out") == {"N": 20}
    assert found.settings_of("interpolation_step") == {"P": 13}
    assert found.settings_of("exact_match") == {"z": "posterior mean", "decoding": "greedy", "N": 27}
    with pytest.raises(ConfigError, match="unknown measure 'iwnll'; did you mean iw_nll"):
        found.settings_of("iwnll")
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == found.to_json()


def test_a_seed_gives_one_report_and_the_decoding_of_samples_is_told(codec, found):
    again = evaluate(codec, TEXTS, num_samples=4, num_prior=20, training_texts=ENGLISH, seed=3)
    assert again == found
    assert (
        evaluate(codec, TEXTS, num_samples=4, num_prior=20, seed=4).measures["iw_nll"]
        != found.measures["iw_nll"]
    )
    assert DecodingConfig(**found.settings["sampling"]) == codec.decoding


def test_parts_can_be_left_out(codec):
    found = evaluate(codec, [" ", "the cat", ""], num_samples=1, num_prior=1)
    assert set(found.parts) == {"likelihoods", "reconstruction"}  # a single text has no more
    assert found.intervals == {}
    assert (found.settings["N"], found.num_cut) == (1, 0)


@pytest.mark.parametrize("texts", [[], ["", "  \n"]])
def test_no_texts_to_evaluate_on(codec, texts):
    with pytest.raises(DataError, match="no texts to evaluate on; the file is empty or every line is blank"):
        evaluate(codec, texts)


def test_numbers_of_samples_out_of_range(codec):
    with pytest.raises(ConfigError, match="num_prior is -1; it must be at least 0"):
        evaluate(codec, ["a"], num_prior=-1)
    with pytest.raises(ConfigError, match="num_samples is 0; it must be at least 1"):
        evaluate(codec, ["a"], num_samples=0)


def test_a_perplexity_beyond_floats_is_infinite_and_null_in_json():
    codec = untrained(ENGLISH, "char", max_length=400)
    found = evaluate(codec, ["x" * 400], num_samples=1, num_prior=0)
    assert found.measures["iw_nll"] > 2 * 710
    assert found.measures["ppl_word"] == math.inf
    assert found.to_json()["measures"]["ppl_word"] is None
    assert isinstance(found, Evaluation)
