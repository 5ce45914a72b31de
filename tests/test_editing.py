"""Edits: goals, moves of z, and texts that follow."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from test_cli import done, failed
from tiny import CHINESE, ENGLISH, tiny_config
from untrained import untrained

from textvae import TextVAE
from textvae.codec import Codec
from textvae.codec.rewriting import kept_tokens
from textvae.config import DecodingConfig
from textvae.control.attributes.attribute import Attribute
from textvae.control.attributes.fitting import fit_attribute
from textvae.control.editing.composing import TRIES
from textvae.control.editing.edit import METHODS, SURE
from textvae.control.editing.goals import Goal, goals_of, shortfall
from textvae.control.editing.moves import DISTANCE, gradient, mean_difference, opposite, projection
from textvae.control.editing.moves import METHODS as MOVES
from textvae.data.tokenizers import Tokenizer
from textvae.errors import (
    AttributeNotFittedError,
    AttributeValueError,
    ConfigError,
    DataError,
    RunNotFoundError,
)

DIM = 5


def attribute(name="mood", values=("good", "bad", "odd"), seed=0):
    rng = np.random.default_rng(seed)
    return Attribute(
        name=name, model="m", values=values, weight=rng.normal(size=(len(values), DIM)),
        bias=rng.normal(size=len(values)), means=rng.normal(size=(len(values), DIM)), covariance=np.eye(DIM),
        num_texts=9, score=1.0,
    )  # fmt: skip


def number(name="length", seed=3):
    rng = np.random.default_rng(seed)
    return Attribute(
        name=name, model="m", kind="numeric", weight=rng.normal(size=(1, DIM)), bias=np.array([7.0]),
        means=rng.normal(size=(2, DIM)), covariance=np.eye(DIM), deviation=2.0, span=(3.0, 12.0), num_texts=9, score=1.0,
    )  # fmt: skip


def latents(num=50, seed=0):
    return torch.randn(num, DIM, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Goals


def test_a_reading_is_the_log_odds_against_the_strongest_other():
    goal, z = Goal(attribute(), "bad"), latents()
    log_probs = attribute().log_probs(z)
    others = torch.stack([log_probs[:, 0], log_probs[:, 2]]).amax(0)
    torch.testing.assert_close(goal.reading(z), log_probs[:, 1] - others)


def test_a_goal_is_met_where_nothing_is_missing():
    goal, z = Goal(attribute(), "odd"), latents(400)
    met = goal.shortfall(z, 0.0) == 0
    assert met.tolist() == [value == "odd" for value in attribute().read(z)]
    assert 0 < met.sum() < len(z)


def test_values_are_checked():
    with pytest.raises(AttributeValueError, match="mood is 'splendid'; it can be good, bad, odd"):
        Goal(attribute(), "splendid")
    with pytest.raises(AttributeValueError, match="a number, mostly from 3 to 12"):
        Goal(number(), "long")
    with pytest.raises(AttributeValueError, match="needs a goal"):
        goals_of({}, {})


# Moves


def both():
    return [Goal(attribute(), "bad"), Goal(number(), 10)]


def test_projection_meets_all_goals_at_once():
    z = projection(latents(), both())
    assert float(shortfall(both(), z, 0.0).max()) < 1e-6
    slope, _ = both()[0].line(z)
    beyond = both()[0].reading(z) / slope.norm(dim=1)
    assert float(beyond.min()) > DISTANCE - 1e-4
    assert number().read(z) == pytest.approx([10.0] * len(z), abs=1e-3)


def test_projection_is_the_shortest_way():
    """With one goal of two values it goes along the normal, and no further than asked."""
    two = Goal(attribute(values=("good", "bad")), "bad")
    z = latents()
    step = projection(z, [two]) - z
    slope, _ = two.line(z)
    normal = slope / slope.norm(dim=1, keepdim=True)
    torch.testing.assert_close(step, (step * normal).sum(1, keepdim=True) * normal, atol=1e-5, rtol=0)
    sure = two.reading(z) > DISTANCE * slope.norm(dim=1)
    assert sure.any()
    torch.testing.assert_close(step[sure], torch.zeros_like(step[sure]), atol=1e-6, rtol=0)


def test_the_way_is_the_shortest_by_the_texts_covariance():
    """Of all latents of the same reading none is nearer in Mahalanobis distance."""
    rng = np.random.default_rng(4)
    root = rng.normal(size=(DIM, DIM))
    two = attribute(values=("good", "bad"))
    goal = Goal(Attribute(**{**vars(two), "covariance": root @ root.T}), "bad")
    z = latents(1)
    step = projection(z, [goal]) - z
    slope, _ = goal.line(z)
    level = torch.linalg.svd(slope)[2][1:]  # directions in which the reading stays
    precision = torch.linalg.inv(torch.from_numpy(root @ root.T))
    torch.testing.assert_close(level @ precision @ step[0], torch.zeros(DIM - 1).double(), atol=1e-5, rtol=0)


def test_the_opposite_lies_as_far_on_the_other_side():
    two = Goal(attribute(values=("good", "bad")), "bad")
    far = opposite(latents(), [two], strength=1.5)
    slope, _ = two.line(far)
    assert float((two.reading(far) / slope.norm(dim=1)).max()) <= -1.5 * DISTANCE + 1e-6


def test_the_mean_difference_is_added_as_often_as_asked():
    z, mood = latents(), attribute(values=("good", "bad"))
    moved = mean_difference(z, [Goal(mood, "good")], strength=0.5)
    expected = torch.from_numpy(mood.means[0] - mood.means[1]) / 2
    torch.testing.assert_close(moved - z, expected.expand_as(z))


def test_the_flow_raises_the_probability_and_begins_where_z_is():
    z, goals = latents(), both()
    after = gradient(z, goals, strength=0.2)
    gains = [
        goal.attribute.log_prob(after, goal.value) - goal.attribute.log_prob(z, goal.value) for goal in goals
    ]
    assert float(torch.stack(gains).sum(0).min()) > 0
    nothing = gradient(z, goals, strength=1e-9)
    torch.testing.assert_close(nothing, z, atol=1e-6, rtol=0)


def scaled(one, factor):
    """An attribute that is surer by a factor: its flow is stiffer by the factor's square."""
    return dataclasses.replace(one, weight=factor * one.weight)


TIME = 20.1 / 4
"""The integral of beta / 2 over the times 0 to 1."""


@pytest.mark.parametrize("factor", [1, 10, 100, 3000])
@pytest.mark.parametrize("strength", [0.25, 1.0, 2.0])
def test_the_flow_to_a_number_is_the_exponential_decay_of_what_it_is_off(factor, strength):
    goal, z = Goal(scaled(number(), factor), 10, weight=2.0), latents()
    rate = 2.0 * float(np.square(goal.attribute.weight).sum()) / goal.attribute.deviation**2
    expected = goal.reading(z) * np.exp(-rate * strength * TIME)
    torch.testing.assert_close(goal.reading(gradient(z, [goal], strength)), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("factor", [1, 10, 100])
@pytest.mark.parametrize("strength", [0.25, 1.0, 2.0])
def test_the_flow_between_two_categories_is_that_of_its_closed_form(factor, strength):
    """The log odds u obey du = |w|^2 / (1 + e^u) dtau, of which u + e^u = u_0 + e^u_0 + |w|^2 tau."""
    goal, z = Goal(scaled(attribute(values=("good", "bad")), factor), "bad"), latents()
    slope, _ = goal.line(z)
    steepness = float(slope[0].square().sum())
    before, after = goal.reading(z), goal.reading(gradient(z, [goal], strength))
    low, high = before, before.clamp(min=0) + steepness * strength * TIME + 1
    for _ in range(100):
        middle = (low + high) / 2
        early = middle + middle.exp() < before + before.exp() + steepness * strength * TIME
        low, high = torch.where(early, middle, low), torch.where(early, high, middle)
    torch.testing.assert_close(after, low, atol=0.02, rtol=2e-3)


@pytest.mark.parametrize("factor", [3, 70])
@pytest.mark.parametrize("strength", [0.5, 2.0])
def test_a_stiff_flow_ends_where_a_converged_solver_does(factor, strength):
    """Three categories and a number at once, curved by up to 1e5, beside SciPy's Radau at a tolerance of 1e-8."""
    mood, length = scaled(attribute(), factor), scaled(number(), factor)
    line = length.weight[0] / length.deviation

    def slope(_, z):
        logits = mood.weight @ z + mood.bias
        odds = np.exp(logits - logits.max())
        return mood.weight[1] - odds / odds.sum() @ mood.weight - (line @ z - 3 / length.deviation) * line

    def curvature(_, z):
        logits = mood.weight @ z + mood.bias
        odds = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        mean = odds @ mood.weight
        return np.outer(mean, mean) - mood.weight.T * odds @ mood.weight - np.outer(line, line)

    z = latents(3)
    for start, end in zip(z, gradient(z, [Goal(mood, "bad"), Goal(length, 10)], strength), strict=True):
        span, near = (0, strength * TIME), {"rtol": 1e-8, "atol": 1e-8}
        reference = solve_ivp(slope, span, start.numpy(), method="Radau", jac=curvature, **near).y[:, -1]
        np.testing.assert_allclose(end.numpy(), reference, atol=5e-4)


def test_the_flow_of_a_row_does_not_depend_on_the_others():
    goals = [Goal(scaled(one.attribute, 30), one.value) for one in both()]
    z = latents(4) * torch.logspace(-2, 1, 4, dtype=torch.float64).unsqueeze(1)
    alone = torch.cat([gradient(row.unsqueeze(0), goals) for row in z])
    torch.testing.assert_close(gradient(z, goals), alone, atol=1e-10, rtol=1e-10)


def test_the_mean_of_those_without_a_value_is_that_of_all_their_texts():
    z = np.random.default_rng(1).normal(size=(300, DIM))
    labels = ["a"] * 100 + ["b"] * 180 + ["c"] * 20
    z[280:] += 20
    found = fit_attribute(z, labels, name="letter", model="m")
    expected = torch.from_numpy(z[:100].mean(0) - z[100:].mean(0))
    moved = mean_difference(latents(4), [Goal(found, "a")])
    torch.testing.assert_close(moved - latents(4), expected.expand(4, -1))
    old = dataclasses.replace(found, counts=())  # as it was kept before counts were
    equal = torch.from_numpy(
        found.means[found.place("a")] - found.means[[found.place("b"), found.place("c")]].mean(0)
    )
    torch.testing.assert_close(
        mean_difference(latents(4), [Goal(old, "a")]) - latents(4), equal.expand(4, -1)
    )


@pytest.mark.parametrize("of", [attribute, number])
def test_where_nothing_is_read_nothing_moves(of):
    """Weights of 0, and texts that all have one z: there is no way to the goal."""
    for flat in ({"weight": np.zeros_like(of().weight)}, {"covariance": np.zeros((DIM, DIM))}):
        goals = [Goal(dataclasses.replace(of(), **flat), "bad" if of is attribute else 10)]
        torch.testing.assert_close(projection(latents(), goals), latents())
        torch.testing.assert_close(opposite(latents(), goals), latents())


def test_weights_count():
    z = latents()
    light, heavy = (mean_difference(z, [Goal(attribute(), "bad", weight)]) - z for weight in (1.0, 3.0))
    torch.testing.assert_close(heavy, 3 * light)


# Texts


@pytest.fixture(scope="module", params=[ENGLISH, CHINESE], ids=["english", "chinese"])
def corpus(request):
    return request.param


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpus):
    folder = tmp_path_factory.mktemp("editing") / "run"
    vae = TextVAE.train(corpus, folder, config=tiny_config(), device="cpu")
    vae.attributes.keep(vae.fit_attribute(corpus, length_of, name="length", kind="categorical"))
    return folder


def length_of(text):
    return "long" if len(text) % 2 else "short"


def test_an_edit_is_one_of_its_candidates_and_reads_as_it_says(run, corpus):
    vae = TextVAE.from_pretrained(run)
    for text in corpus[:3]:
        for one in vae.edits([text], 4, set={"length": "short"})[0]:
            assert one.original == text
            assert vae.read([one.text], "length") == [one.readings["length"]]
            assert one.met == (one.readings["length"] == "short")
            assert "".join(span.text for span in one.changes if span.kind != "removed") == one.text


@pytest.mark.parametrize("method", ["rewrite", "best", "projection", "mean-difference", "gradient"])
def test_a_batch_is_edited_as_its_texts_alone(run, corpus, method):
    vae = TextVAE.from_pretrained(run)
    together = vae.edit(corpus[:4], length="long", method=method)
    assert [one.text for one in together] == [
        vae.edit(text, length="long", method=method).text for text in corpus[:4]
    ]


def test_a_text_that_is_as_wanted_stays(run, corpus):
    vae = TextVAE.from_pretrained(run)
    for text, said in zip(corpus[:6], vae.read(corpus[:6], "length"), strict=True):
        assert vae.edit(text, length=said).text == text


def test_a_single_move_gives_its_own_decode(run, corpus):
    vae = TextVAE.from_pretrained(run)
    goals = goals_of(vae.attributes, {"length": "long"})
    moved = mean_difference(vae.codec.encode(corpus[:6]), goals)
    found = vae.edit(corpus[:6], length="long", method="mean-difference")
    assert [one.text for one in found] == vae.decode(moved, decoding=DecodingConfig(temperature=0))


def test_words_that_are_kept_stay(run, corpus):
    vae = TextVAE.from_pretrained(run)
    word = corpus[0].split()[-1] if " " in corpus[0] else corpus[0][1:3]
    other = {"long": "short", "short": "long"}[vae.read(corpus[:1], "length")[0]]
    for one in vae.edits(corpus[:1], 5, set={"length": other}, strength=5.0, keep=[word])[0]:
        assert word in one.text


def test_kept_tokens_are_those_of_the_word(run, corpus):
    tokenizer = TextVAE.from_pretrained(run).codec.tokenizer
    [row] = tokenizer.encode(corpus[:1])
    word = corpus[0].split()[1] if " " in corpus[0] else corpus[0][1:3]
    kept = kept_tokens(tokenizer, row.tolist(), [word])
    said = tokenizer.decode([[int(token) for token, stays in zip(row, kept, strict=True) if stays]])[0]
    assert word in said
    assert len(said) < len(corpus[0])


def test_words_stay_whose_text_the_tokens_spell_otherwise():
    """Unknown words are shorter in what a word tokenizer spells, and normalised ones longer."""
    words = Tokenizer.train(["the food is great", "the room is nice"], kind="word")
    pieces = Tokenizer.train(
        ["wait… the food is great"] * 3 + ENGLISH, kind="bpe", vocab_size=330, normalize="nfkc"
    )
    for tokenizer, text in (
        (words, "the extraordinarily food is great"),
        (words, "the   food is great"),
        (pieces, "wait……… the food is great"),
    ):
        [row] = tokenizer.encode([text])
        kept = kept_tokens(tokenizer, row.tolist(), ["food"])
        said = tokenizer.decode([[int(token) for token, stays in zip(row, kept, strict=True) if stays]])[0]
        assert said.strip() == "food"


def test_examples_stand_for_an_attribute(run, corpus):
    vae = TextVAE.from_pretrained(run)
    assert isinstance(vae.edit(corpus[0], like=corpus[1:7]).text, str)
    with pytest.raises(DataError, match="4 examples"):
        vae.edit(corpus[0], like=corpus[1:5])


def test_a_style_lies_where_its_examples_do(run, corpus):
    vae = TextVAE.from_pretrained(run)
    z = vae.encode(corpus[:8])
    style = vae.style(corpus[:8])
    np.testing.assert_allclose(style.distribution.loc.numpy(), z.mean(0), atol=1e-5)
    drawn = style.draw(4000, seed=0).numpy()
    np.testing.assert_allclose(drawn.std(0), style.distribution.scale.numpy(), rtol=0.1)
    assert vae.sample(2, like=corpus[:8], seed=1) == vae.sample(2, like=corpus[:8], seed=1)
    assert vae.sample(2, like=np.array(corpus[:8]), seed=1) == vae.sample(2, like=corpus[:8], seed=1)
    assert vae.edit(corpus[0], like=np.array(corpus[1:7])).text == vae.edit(corpus[0], like=corpus[1:7]).text
    assert "few examples (2)" in vae.style(corpus[:2]).warnings()[0]
    with pytest.raises(DataError, match="1 examples"):
        vae.sample(2, like=corpus[:1])


def test_random_texts_come_from_where_the_attribute_is_read(run):
    vae = TextVAE.from_pretrained(run)
    goals = goals_of(vae.attributes, {"length": "long"})
    z = projection(vae.codec.prior_sample(50, seed=3), goals)
    assert set(vae.attributes["length"].read(z)) == {"long"}
    once = {"tries": 1, "seed": 3}
    assert vae.compose(4, length="long", method="projection", **once) == vae.decode(z[:4], seed=3)
    z = mean_difference(vae.codec.prior_sample(4, seed=3), goals)
    assert vae.compose(4, length="long", **once) == vae.decode(z, seed=3)
    with pytest.raises(AttributeValueError, match="needs a goal"):
        vae.compose(2)


def test_a_random_text_is_the_one_of_its_tries_that_reads_best(run):
    vae = TextVAE.from_pretrained(run)
    goals = goals_of(vae.attributes, {"length": "long"})
    drawn = DecodingConfig(temperature=1.5, candidates=12)
    found = vae.compose(20, length="long", tries=6, decoding=drawn, seed=3)
    z = mean_difference(vae.codec.prior_sample(120, seed=3), goals)
    texts = vae.codec.decode(z, dataclasses.replace(drawn, candidates=2), seed=3)
    missed = shortfall(goals, vae.codec.posterior(vae.codec.store(texts)).loc.double(), SURE).view(6, 20)
    for place, text in enumerate(found):
        assert text == texts[20 * int(missed[:, place].argmin()) + place]
    assert missed.min(dim=0).values.mean() < missed[0].mean()
    assert vae.compose(0, length="long") == []


def test_what_cannot_be_done_is_said(run, corpus):
    vae = TextVAE.from_pretrained(run)
    with pytest.raises(AttributeNotFittedError, match="there are length"):
        vae.edit(corpus[0], mood="good")
    with pytest.raises(ConfigError, match="method"):
        vae.edit(corpus[0], length="long", method="magic")
    with pytest.raises(ConfigError, match="words are kept by the method rewrite"):
        vae.edit(corpus[0], length="long", method="gradient", keep=["x"])
    foreign = vae.attributes["length"]
    vae.attributes.keep(Attribute(**{**vars(foreign), "name": "foreign", "model": "other"}), overwrite=True)
    with pytest.raises(AttributeNotFittedError, match="other weights"):
        vae.edit(corpus[0], foreign="long")
    vae.attributes.delete("foreign")
    vae.run = None
    with pytest.raises(RunNotFoundError):
        vae.edit(corpus[0], length="long")
    assert vae.edit([], like=corpus[:6]) == []


# On a sphere


@pytest.fixture
def sphere(tmp_path, monkeypatch):
    """A von Mises-Fisher model with an attribute, and the latents that it decodes and rewrites by."""
    vae, seen = TextVAE(untrained(posterior="von-mises-fisher", kappa=20.0)), []
    vae.run = tmp_path
    found = vae.fit_attribute(ENGLISH[:60], length_of, name="length", kind="categorical")
    vae.attributes.keep(dataclasses.replace(found, weight=9 * found.weight))
    decode = Codec.decode

    def decoded(codec, z, *others, **named):
        seen.append(z)
        return decode(codec, z, *others, **named)

    def rewritten(codec, texts, z, opposite, how, **named):
        seen.extend((z, opposite))
        return list(texts)

    monkeypatch.setattr(Codec, "decode", decoded)
    monkeypatch.setattr("textvae.control.editing.edit.rewrite_texts", rewritten)
    return vae, seen


def on_the_sphere(seen):
    norms = torch.cat([z.flatten(0, -2).norm(dim=1) for z in seen])
    return bool(len(norms)) and bool(((norms - 1).abs() < 1e-6).all())


@pytest.mark.parametrize("method", METHODS)
def test_on_a_sphere_edits_stay_on_it(sphere, method):
    vae, seen = sphere
    vae.edit(ENGLISH[:2], length="long", method=method, strength=2.0)
    assert on_the_sphere(seen)


@pytest.mark.parametrize("method", MOVES)
def test_on_a_sphere_what_is_composed_stays_on_it(sphere, method):
    vae, seen = sphere
    vae.compose(2, length="long", method=method, tries=2, seed=1)
    assert on_the_sphere(seen)


@pytest.mark.parametrize("method", ["lerp", "slerp"])
def test_on_a_sphere_paths_stay_on_it(sphere, method):
    vae, seen = sphere
    assert len(vae.interpolate(ENGLISH[0], ENGLISH[40], steps=5, method=method)) == 5
    assert on_the_sphere(seen)


def test_the_verbs(run, corpus, tmp_path):
    table = tmp_path / "labels.tsv"
    rows = "".join(f"{length_of(text)}\t{text}\n" for text in corpus)
    table.write_text("size\ttext\n" + rows, encoding="utf-8")
    said = done("attribute", "fit", run, table, "--name", "size", "--overwrite").stdout
    assert "size" in said
    assert "short" in done("attribute", "list", run).stdout
    first = done("edit", run, corpus[0], "--set", "size=short", "-n", "2").stdout
    assert corpus[0] in first
    assert first == done("edit", run, corpus[0], "--set", "size=short", "-n", "2").stdout
    assert "it can be" in failed("edit", run, corpus[0], "--set", "size=huge")
    assert "cannot be read" in failed("edit", run, corpus[0], "--set", "size")
    assert "already" in failed("attribute", "fit", run, table, "--name", "size")
    assert "size" in json.loads(done("info", run, "--json").stdout)["attributes"]
    examples = tmp_path / "examples.txt"
    examples.write_text("\n".join(corpus[:6]), encoding="utf-8")
    assert len(done("sample", run, "-n", "3", "--like", examples, "--seed", "1").stdout.splitlines()) == 3
    composed = done("sample", run, "-n", "3", "--set", "size=short", "--seed", "1").stdout
    assert (
        composed
        == done("sample", run, "-n", "3", "--set", "size=short", "--seed", "1", "--tries", TRIES).stdout
    )
    assert len(composed.splitlines()) == 3
    assert "is deleted" in done("attribute", "delete", run, "size").stderr
