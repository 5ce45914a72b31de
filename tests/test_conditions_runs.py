"""Conditional runs: trained, killed and resumed, saved and loaded, measured, asked."""

import dataclasses
import re

import numpy as np
import pytest
import torch
from conditioned import ENGLISH, FRAMES, LENGTHS, REST, ROWS, SUBJECTS, conditional, conditional_config
from tiny import CHINESE, tiny_config, train_tiny

import textvae.storage.atomic
from textvae import TextVAE
from textvae.codec import load_codec
from textvae.codec.files import load_weights, unshared
from textvae.config import GREEDY, DecodingConfig, RunConfig
from textvae.config.conditions import Columns
from textvae.config.presets import language_model, unconditional
from textvae.data.tokenizers import Tokenizer
from textvae.distributions import GaussianMixture
from textvae.errors import (
    ConditionError,
    ConfigError,
    CorruptRunError,
    DataError,
    ExportError,
    LatentError,
    MissingColumnError,
    UnknownLabelError,
)
from textvae.storage.atomic import write_folder
from textvae.tasks import measuring
from textvae.tasks.answers import answers, first_answers
from textvae.tasks.latents import first_latents, prior_points, several_latents
from textvae.tasks.measuring import answer_all, asked, measure_answers
from textvae.tasks.omissions import Wanted, fuller
from textvae.tasks.recipes import RECIPES, recipe
from textvae.tasks.talk import Conversation
from textvae.training.baseline import train_baseline
from textvae.training.checkpoints import checkpoints
from textvae.training.preparation import prepare
from textvae.training.records import read_metrics
from textvae.training.run import resumed_config, train_run

BILINGUAL = [
    {"text": text, "rest": other, "who": who, "length": len(text)}
    for text, other, who in zip(ENGLISH, CHINESE * 3, SUBJECTS, strict=True)
]


def train(folder, data=ROWS, *, resume=False, config=None, **sections):
    config = config or (resumed_config(folder) if resume else conditional_config(**sections))
    return train_run(data, folder, config, resume=resume, device="cpu", cache_dir=folder.parent / "cache")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(
        tmp_path_factory.mktemp("conditional") / "run",
        model={"copy": True, "prior": "conditional"},
        training={"epochs": 2},
    )


@pytest.fixture(scope="module")
def vae(run):
    return TextVAE.from_pretrained(run)


@pytest.fixture(scope="module")
def bilingual(tmp_path_factory):
    return train(tmp_path_factory.mktemp("bilingual") / "run", BILINGUAL, training={"epochs": 2})


def kept(schema):
    """What files keep of conditions."""
    return schema.to_json(), schema.source_tokenizer.fingerprint


# ---------------------------------------------------------------- training


def test_a_run_learns_and_writes_what_its_conditions_are(run, vae):
    held = [record for record in read_metrics(run) if record["kind"] == "held_out"]
    assert held[-1]["distortion"] < held[0]["distortion"]
    assert np.isfinite(held[-1]["condition_shuffle_gain"])
    assert vae.codec.schema.names == ("who", "length", "source")
    assert vae.codec.schema.source_tokenizer is None
    config = vae.codec.model.config
    assert (config.label_codes, config.source_shared, config.copy) == (7, True, True)
    assert (run / "conditions.json").exists()


def test_sources_in_another_script_keep_their_tokenizer(bilingual):
    schema = TextVAE.from_pretrained(bilingual).codec.schema
    assert schema.source_tokenizer.kind == "char"
    assert schema.source_tokenizer.decode(schema.source_tokenizer.encode(["大海"])) == ["大海"]
    assert not resumed_config(bilingual).model.source_shared
    assert resumed_config(bilingual).data.source_tokenizer == "own"


class Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bits(tmp_path, monkeypatch, bilingual):
    whole, steps = bilingual, iter(range(60))

    def step(name):
        if next(steps, None) is None:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(textvae.storage.atomic, "_step", step)
        with pytest.raises(Killed):
            train(tmp_path / "killed", BILINGUAL, training={"epochs": 2})
    assert not (tmp_path / "killed" / "model").exists() or len(read_metrics(tmp_path / "killed")) < len(
        read_metrics(whole)
    )
    killed = train(tmp_path / "killed", BILINGUAL, resume=True)
    assert read_metrics(killed) == read_metrics(whole)
    for name in ("model.safetensors", "optimizer.safetensors"):
        assert (checkpoints(killed)[-1] / name).read_bytes() == (checkpoints(whole)[-1] / name).read_bytes()


def test_a_rare_label_may_be_held_out(tmp_path):
    rows = [
        row | {"who": f"{row['who']} {number}" if number % 3 else "often"} for number, row in enumerate(ROWS)
    ]
    prepared = prepare(rows, conditional_config())
    assert any(
        re.search("texts? with a label that no training text has (is|are) left out", text)
        for text in prepared.warnings
    )
    assert 0 < len(prepared.valid) == len(prepared.valid.conditions)


def test_labels_of_one_value_and_of_very_many_are_told(monkeypatch):
    monkeypatch.setattr("textvae.data.labels.MANY_VALUES", 60)
    rows = [row | {"one": "x", "many": number // 2} for number, row in enumerate(ROWS)]
    said = " ".join(prepare(rows, conditional_config(data={"labels": "one,many,length:numeric"})).warnings)
    assert "the label 'one' has one value, 'x'" in said
    assert "write many:numeric" in said
    assert "length" not in said


def test_rows_without_a_text_and_texts_without_a_label_are_counted(tmp_path):
    rows = [row | {"who": None if i % 20 == 1 else row["who"]} for i, row in enumerate(ROWS)]
    rows[7] |= {"text": " "}
    prepared = prepare(rows, conditional_config(data={"labels": "who"}), cache_dir=tmp_path)
    assert "1 of 180 rows have no text and are left out" in prepared.warnings
    trained, missing = len(prepared.train), int((prepared.train.conditions.weights == 0).sum())
    assert 0 < missing <= 9
    assert f"{missing} of {trained} texts have no 'who' and are trained on without it" in prepared.warnings
    plain = prepare(rows, tiny_config(data={"text": "text"}), cache_dir=tmp_path)
    assert "1 of 180 rows have no text and are left out" in plain.warnings


def test_few_texts_are_those_that_are_trained_on(tmp_path):
    """Of dialogues the replies, not the dialogues; a row without a source is none."""
    talks = [{"turns": ENGLISH[i : i + 16]} for i in range(150)]
    config = conditional_config(data={"source": None, "labels": None, "pairs": "dialogue", "text": "turns"})
    assert not [said for said in prepare(talks, config, cache_dir=tmp_path).warnings if "only" in said]
    rows = [row | {"rest": row["rest"] if i % 2 else ""} for i, row in enumerate(ROWS)]
    prepared = prepare(rows, conditional_config(data={"labels": None}), cache_dir=tmp_path)
    assert any(said.startswith(f"only {len(prepared.train)} texts: ") for said in prepared.warnings)


@pytest.mark.parametrize("pairs", ["completion", "infill"])
def test_sources_made_from_the_texts(pairs):
    data = {"source": None, "labels": None, "pairs": pairs}
    prepared = prepare(ENGLISH, conditional_config(data=data))
    assert prepared.config.model.source_shared
    tokenizer, store = prepared.tokenizer, prepared.train
    for row in range(5):
        source = tokenizer.decode([list(store.conditions.sources[row])])[0]
        text = tokenizer.decode([list(store[row])])[0]
        whole = source.replace("___", text) if pairs == "infill" else f"{source} {text}"
        assert any(known.startswith(whole) for known in ENGLISH)  # long sources are cut


def test_features_of_a_file(tmp_path):
    features = FRAMES
    np.savez(tmp_path / "f.npz", train=features)
    place = f"{tmp_path}/f.npz:{{split}}"
    data = {"source": None, "labels": None, "feature": place}
    config = conditional_config(data=data, training={"epochs": 1, "samples": 1})
    trained = TextVAE.from_pretrained(train(tmp_path / "run", ENGLISH, config=config))
    assert trained.generate(1, feature=features[3], seed=0) == trained.generate(
        1, feature=features[3:4], seed=0
    )
    assert len(trained.sample(2, seed=0)) == 2  # of no condition
    with pytest.raises(ConditionError, match="features have shape"):
        trained.generate(1, feature=features[3][..., :2])


def test_halves_of_a_conditional_model_are_all_of_it():
    from textvae.training.halves import decoder_only, encoder_only

    for codec in (conditional(share_embeddings=True), conditional(own=True, prior="conditional")):
        model = codec.model
        parts = [{id(weights) for weights in part(model)} for part in (encoder_only, decoder_only)]
        assert not parts[0] & parts[1]
        shared = {id(model.embedding.weight)} if model.config.share_embeddings else set()
        assert parts[0] | parts[1] | shared == {id(weights) for weights in model.parameters()}
        assert id(model.condition.nothing) in parts[1]
        assert id(model.encoder.ahead[0].weight_hh_l0) in parts[0]


# ---------------------------------------------------------------- settings


def test_settings_that_need_a_condition():
    for settings, message in (
        ({"model": {"prior": "conditional"}}, "answer to nothing"),
        ({"model": {"copy": True}}, "no source to copy from"),
        ({"model": {"copy": True, "source_vocab_size": 9}}, "tokenizer of its own"),
        (
            {"model": {"encoder": "none"}, "objective": {"target_rate": None}},
            "model.encoder is 'none' and model.injection",
        ),
        ({"data": {"source": "a", "pairs": "infill"}}, "makes sources itself"),
        (
            {"data": {"source": "a"}, "model": {"posterior": "delta", "prior": "conditional"}},
            "goes with prior standard",
        ),
        (
            {
                "model": {
                    "label_codes": 3,
                    "source_vocab_size": 9,
                    "source_encoder": "transformer",
                    "source_dim": 10,
                }
            },
            "source_dim is 10",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            RunConfig().updated(settings)


def test_the_twin_without_z_reads_the_condition_and_nothing_else(run, tmp_path):
    config = resumed_config(run)
    twin = language_model(config)
    assert not twin.model.has_latent
    assert twin.model.has_condition
    assert twin.data.columns == config.data.columns
    free = unconditional(config)
    assert not free.model.has_condition
    assert (free.model.prior, free.data.columns.labels) == ("standard", None)
    assert not language_model(free).model.has_condition
    for bad in ({"model": {"injection": "none"}}, {"model": {"prior": "conditional"}}):
        with pytest.raises(ConfigError):
            twin.updated(bad)


@pytest.mark.slow
def test_the_baseline_of_a_run_is_its_twin(bilingual):
    baseline = train_baseline(BILINGUAL, bilingual, device="cpu")
    vae = TextVAE.from_pretrained(bilingual)
    assert kept(baseline.schema) == kept(vae.codec.schema)
    found = vae.diagnose(BILINGUAL[:40], run=bilingual, baseline=TextVAE(baseline), num_samples=3)
    assert np.isfinite(found.vitals.baseline_nll)
    assert np.isfinite(found.vitals.condition_gain)


def test_recipes():
    for name, task in RECIPES.items():
        given = dict.fromkeys(task.needs, "x")
        columns = {need: given.get(need) for need in ("source", "labels", "feature")}
        config = RunConfig().updated(recipe(name, given), {"data": {k: v for k, v in columns.items() if v}})
        assert config.data.has_condition
        for _ in task.needs:
            with pytest.raises(ConfigError, match=f"the task {name} needs --"):
                recipe(name, {})
    assert recipe("completion", {})["data"]["pairs"] == "completion"
    assert "pairs" not in recipe("dialogue", {"source": "x"}).get("data", {})
    with pytest.raises(ConfigError, match="translation"):
        recipe("translate", {})


# ---------------------------------------------------------------- saving


def test_a_model_that_copied_by_content_alone_loads_and_does_so_still(tmp_path):
    codec = conditional(copy=True)
    weights = unshared(codec.model, codec.model.state_dict())
    [name] = [name for name in weights if name.endswith("going_on")]
    load_weights(codec.model, {key: value for key, value in weights.items() if key != name}, tmp_path)
    assert codec.model.state_dict()[name].tolist() == [0, 0]


def test_a_saved_model_answers_the_same(bilingual, tmp_path):
    vae = TextVAE.from_pretrained(bilingual)
    vae.save(tmp_path / "copy")
    other = TextVAE.from_pretrained(tmp_path / "copy")
    given = {"source": "小猫喜欢大海。", "who": "a dog"}
    assert other.generate(2, seed=3, **given) == vae.generate(2, seed=3, **given)
    assert kept(other.codec.schema) == kept(vae.codec.schema)
    found = [model.score(ENGLISH[:4], conditions=given) for model in (vae, other)]
    assert np.array_equal(*found)
    (tmp_path / "copy" / "conditions.json").write_text("{}")
    with pytest.raises(CorruptRunError):
        TextVAE.from_pretrained(tmp_path / "copy")


def test_a_schema_that_is_no_schema(run, tmp_path):
    codec = load_codec(run / "model")
    from textvae.codec.files import codec_files

    write_folder(tmp_path / "bad", codec_files(codec) | {"conditions.json": b"{}"}, metadata={})
    with pytest.raises(CorruptRunError, match="does not describe conditions"):
        load_codec(tmp_path / "bad")


def test_what_a_conditional_model_cannot_do(vae, tmp_path):
    with pytest.raises(ExportError, match="a conditional model cannot be exported"):
        vae.export(tmp_path / "export")
    with pytest.raises(ConfigError, match="depends on the condition"):
        vae.fit_prior(ROWS)
    with pytest.raises(MissingColumnError):
        vae.evaluate(ENGLISH)


# ---------------------------------------------------------------- answers


def test_answers_are_different_scored_and_ranked(vae):
    given = {"who": "the cat", "source": "a red house."}
    decoding = DecodingConfig(temperature=1.0)
    found = answers(vae.codec, given, 6, decoding=decoding, seed=1)
    texts = [answer.text for answer in found]
    assert len(set(texts)) == len(texts) == 6
    ranked = answers(vae.codec, given, 6, decoding=decoding, rerank=True, seed=1)
    assert {answer.text for answer in ranked} == set(texts)
    scores = [answer.score for answer in ranked]
    assert scores == sorted(scores, reverse=True)
    bounds = vae.score(texts, conditions=given, num_samples=16, seed=1)
    assert np.array([a.score for a in found]) == pytest.approx(bounds / (vae.codec.store(texts).lengths + 1))
    for values, message in (
        ({}, "a condition is needed to answer to; it takes who"),
        ({"mood": "x"}, "takes no condition 'mood'"),
        ({"who": "nobody"}, "a label not seen in training; known: "),
    ):
        with pytest.raises(ConditionError, match=message):
            answers(vae.codec, values, 1)


def test_the_space_that_a_tokenizer_sets_before_the_first_word_is_not_said(monkeypatch):
    codec = conditional(source=False)
    assert codec.tokenizer.prefix_space
    given = {"who": "a dog"}
    said = iter(("  here .", " here .", "here .", " there ."))
    monkeypatch.setattr(codec, "decode", lambda z, *rest, **named: [next(said, "") for _ in z])
    codec.decoding = DecodingConfig(temperature=1.0)
    assert [answer.text for answer in answers(codec, given, 4)] == ["here .", "there ."]
    said = iter([" here ."] * 9)
    assert first_answers(codec, codec.conditions(given, 1), GREEDY) == ["here ."]
    assert answer_all(codec, codec.conditions(given, 1), 2) == [["here .", "here ."]]
    assert TextVAE(codec).sample(1, conditions=given, seed=1) == ["here ."]
    spaceless = Tokenizer.train(ENGLISH, kind="char")
    assert spaceless.said(" as it is") == " as it is"


def test_several_conditions_are_answered_together_each_as_if_alone(vae):
    sources, whos = ["a red house.", "the sea.", "an apple."], ["the cat", "a dog", "the cat"]
    options = {"decoding": DecodingConfig(temperature=1.0), "seed": 1}
    found = vae.generate_each({"source": sources, "who": whos}, 4, **options)
    assert [len({answer.text for answer in several}) for several in found] == [4, 4, 4]
    alone = vae.generate(4, source=sources[0], who=whos[0], **options)
    assert [answer.text for answer in found[0]] == [answer.text for answer in alone]
    for source, who, several in zip(sources, whos, found, strict=True):
        given = {"who": who, "source": source}
        texts = [answer.text for answer in several]
        scores = vae.score(texts, conditions=given, num_samples=300) / (vae.codec.store(texts).lengths + 1)
        assert [answer.score for answer in several] == pytest.approx(scores, rel=0.1)  # K = 16
    same = vae.generate_each({"source": sources, "who": "a dog"}, 1, **options)
    assert len(same) == 3
    arrays = vae.generate_each({"source": np.array(sources), "who": whos}, 1, **options)
    assert arrays == vae.generate_each({"source": sources, "who": whos}, 1, **options)
    with pytest.raises(ConditionError, match="2 values of who for 3 texts"):
        vae.generate_each({"source": sources, "who": whos[:2]})
    with pytest.raises(ConditionError, match="a condition is needed to answer to"):
        vae.generate_each({})


def test_without_drawn_tokens_the_first_answer_is_that_of_the_priors_mean(vae):
    sources = ["a red house.", "the sea."]
    given = vae.codec.conditions({"source": sources}, 2)
    greedy = DecodingConfig(temperature=0, min_length=2)
    middle = vae.codec.decode(first_latents(vae.codec, given), greedy, conditions=given)
    assert all(middle)
    found = vae.generate_each({"source": sources}, 3, decoding=greedy, seed=5)
    assert [several[0].text for several in found] == middle
    assert vae.codec.prior(given).loc.shape[-1] == vae.latent_dim
    other = vae.generate_each({"source": sources}, 1, decoding=greedy, seed=6)
    assert [several[0].text for several in other] == middle


def test_several_latents_are_draws_of_the_prior_spread_by_its_temperature(vae):
    sources = ["a red house.", "the sea."] * 100
    given = vae.codec.conditions({"source": sources}, 200)
    prior = vae.codec.prior(given)
    wide = several_latents(vae.codec, given, 5, 1.5, seed=1)
    assert wide.shape == (200, 5, vae.latent_dim)
    units = (wide - prior.loc.unsqueeze(1)) / prior.scale.unsqueeze(1)
    assert float(units.std()) == pytest.approx(1.5, rel=0.1)
    narrow = several_latents(vae.codec, given, 5, seed=1)
    middle = prior.loc.unsqueeze(1).numpy()
    assert wide.numpy() == pytest.approx(middle + 1.5 * (narrow.numpy() - middle), abs=1e-5)
    still = DecodingConfig(temperature=0, prior_temperature=0.0, min_length=2)
    found = answer_all(vae.codec, given.rows(np.arange(2)), 3, decoding=still)
    assert all(len(set(several[1:])) == 1 for several in found)


def test_the_first_answer_is_the_likeliest_where_z_is_integrated_out(vae):
    sources = ["a red house.", "the sea.", "the cat sees the sea."]
    given = vae.codec.conditions({"source": sources}, 3)
    config = DecodingConfig(temperature=0, num_beams=3, num_latents=4, min_length=2)
    z = prior_points(vae.codec, given, 4)
    prior = vae.codec.prior(given)
    assert z.shape == (3, 4, vae.latent_dim)
    assert ((z.mean(1) - prior.loc) / prior.scale).abs().max() < 1
    expected = [
        vae.codec.decode(z[[row]], config, conditions=given.rows(np.array([row])))[0] for row in range(3)
    ]
    assert first_answers(vae.codec, given, config) == expected
    found = vae.generate_each({"source": sources}, 2, decoding=config, seed=5)
    assert [several[0].text for several in found] == expected


def test_a_first_answer_to_data_is_the_attempt_that_says_most(vae, monkeypatch):
    codec, asked_for = vae.codec, []
    sources = ["name[cat], food[fish]", "name[dog]", "no data"]
    said = {
        1: ["the cat .", "a dog .", "what ?"],
        2: ["nothing", "a cat and fish", "fish and a cat"],
    }

    def decode(z, config=None, *, conditions, **rest):
        asked_for.append((len(z), config.num_beams, config.temperature))
        return said[len(asked_for)][: len(z)]

    monkeypatch.setattr(codec, "decode", decode)
    given = codec.conditions({"source": sources}, 3)
    config = DecodingConfig(temperature=0, num_beams=2, complete_of=4)
    found = first_answers(codec, given, config, Wanted.of(sources))
    assert found == ["a cat and fish", "a dog .", "what ?"]  # the first of those that say most
    assert asked_for == [(3, 2, 0), (3, 2, 0)]  # three more, of the one that left a slot out
    for wanted, num in ((Wanted.of(sources), 1), (Wanted(), 4), (Wanted.of([None, "x", "y"]), 4)):
        asked_for.clear()
        changed = dataclasses.replace(config, complete_of=num)
        assert first_answers(codec, given, changed, wanted) == said[1]


def test_of_mixtures_the_component_is_drawn_as_ever(vae, monkeypatch):
    loc = torch.tensor([[-9.0], [9.0]]).expand(2, vae.latent_dim)
    mixture = GaussianMixture(torch.tensor([0.8, 0.2]), loc, torch.ones_like(loc))
    monkeypatch.setattr(vae.codec, "fitted_prior", mixture)
    given = vae.codec.conditions({"source": ["the sea."] * 100}, 100)
    z = several_latents(vae.codec, given, 5, 3.0, seed=1)
    assert float((z[..., 0] > 0).float().mean()) == pytest.approx(0.2, abs=0.04)
    within = z[..., 0] - 9 * z[..., 0].sign()
    assert float(within[within.abs() < 8].std()) == pytest.approx(3, rel=0.2)


def test_of_persons_the_first_latent_is_their_own_also_beside_a_fitted_prior(vae, monkeypatch):
    given = vae.codec.conditions({"source": ["the sea."] * 2}, 2)
    means = np.array([-5.0, 5.0]).reshape(2, 1, 1)
    ones = np.ones((2, 1, vae.latent_dim))
    profiles = np.concatenate([means * ones, ones], axis=1).astype(np.float32)
    loc = torch.zeros(1, vae.latent_dim)
    monkeypatch.setattr(vae.codec, "fitted_prior", GaussianMixture(torch.ones(1), loc, loc + 1))
    found = first_latents(vae.codec, dataclasses.replace(given, profiles=profiles))
    assert found.tolist() == profiles[:, 0].tolist()


def test_first_answers_are_decoded_as_the_run_decodes(vae, monkeypatch):
    own = DecodingConfig(temperature=0.6, top_p=0.9, known_words=False, no_repeat_ngram=2, max_length=5)
    used = []
    monkeypatch.setattr(vae.codec, "decoding", own)
    monkeypatch.setattr(vae.codec, "decode", lambda z, config, **k: used.append(config) or ["x"] * len(z))
    answer_all(vae.codec, vae.codec.conditions({"source": ["the sea."]}, 1), 1)
    assert used == [dataclasses.replace(own, temperature=0.0)]


def test_no_conditions_have_no_answers(vae):
    assert vae.sample(0, conditions={"source": "the sea."}) == []
    for temperature in (0, 1):
        decoding = DecodingConfig(temperature=temperature)
        assert vae.generate_each({"source": []}, 2, decoding=decoding) == []


def test_attempts_are_those_of_the_row_whatever_else_is_asked(vae, monkeypatch):
    sources = ["name[nobody]", "the sea.", "name[the sea]"]
    given = vae.codec.conditions({"source": sources}, 3)
    config = DecodingConfig(temperature=0, complete_of=3, min_length=2)
    drawn, decode = [], vae.codec.decode
    monkeypatch.setattr(vae.codec, "decode", lambda z, *a, **k: drawn.append(z) or decode(z, *a, **k))
    firsts = ["?"] * 3
    fuller(vae.codec, given, Wanted.of(sources), firsts, config)
    fuller(vae.codec, given, Wanted.of(["", "", sources[2]]), firsts, config)
    both, last = drawn
    assert len(both) == 4
    assert both[2:].tolist() == last.tolist()


def test_answers_to_data_are_ranked_by_what_they_leave_out(vae, monkeypatch):
    source, texts = "name[sea]", ["the cat sees the sea.", "the cat.", "a sea"]
    monkeypatch.setattr(vae.codec, "decode", lambda z, *rest, **named: texts[: len(z)])
    options = {"rerank": True, "seed": 1}
    whole = DecodingConfig(temperature=1, complete_of=2)
    for sources in (source, [source]):
        found = vae.generate(3, source=sources, decoding=whole, **options)
        assert found[-1].text == "the cat."
        assert found[0].score >= found[1].score
    plain = vae.generate(3, source=source, decoding=DecodingConfig(temperature=1), **options)
    assert [one.score for one in plain] == sorted((one.score for one in plain), reverse=True)


def test_a_mixture_of_one_latent_many_times_is_that_latent(vae):
    given = vae.codec.conditions({"source": ["a red house.", "the sea."]}, 2)
    z = vae.codec.prior_sample(2, seed=3, conditions=given)
    config = DecodingConfig(temperature=0, num_beams=3, min_length=3, guidance=2.0)
    same = vae.codec.decode(z.unsqueeze(1).repeat(1, 5, 1), config, conditions=given)
    assert same == vae.codec.decode(z, config, conditions=given)
    np.testing.assert_array_equal(vae.decode(z.unsqueeze(1), decoding=config), vae.decode(z, decoding=config))
    with pytest.raises(LatentError, match="one latent or more"):
        vae.decode(z.new_zeros(2, 0, vae.latent_dim))


def test_under_a_prior_without_a_mean_the_first_answer_follows_the_seed(vae, monkeypatch):
    greedy, given = DecodingConfig(temperature=0, min_length=2), {"source": ["a red house."]}
    mean = first_latents(vae.codec, vae.codec.conditions(given, 1))
    decoded = []
    monkeypatch.setattr(
        vae.codec, "decode", lambda z, *args, **kwargs: decoded.append(z.clone()) or ["x"] * len(z)
    )
    vae.generate_each(given, 1, decoding=greedy, seed=1)
    assert decoded[0][0].tolist() == mean[0].tolist()
    mixture = GaussianMixture(torch.ones(1), torch.zeros(1, vae.latent_dim), torch.ones(1, vae.latent_dim))
    monkeypatch.setattr(vae.codec, "fitted_prior", mixture)
    for seed in (1, 2):
        vae.generate_each(given, 1, decoding=greedy, seed=seed)
    assert decoded[-1].tolist() != decoded[-2].tolist()


def test_a_conversation_marks_turns_as_training_did(vae, monkeypatch):
    heard = []

    def answered(codec, values, n, **options):
        heard.append(values["source"])
        return []

    monkeypatch.setattr("textvae.tasks.talk.answers", answered)
    talk = Conversation(vae.codec)
    talk.say("hello")
    talk.say("you  there")
    assert talk.turns == []  # what found no answer was not heard
    assert heard == ["hello", "you there"]  # sources came from a column: what was said last is one


def test_encoding_and_sampling_take_conditions(vae):
    other = [{"who": who, "source": REST[0], "length": 20} for who in ("the cat", "no one")]
    z = [vae.encode(ENGLISH[:3], conditions=given) for given in other]
    assert np.abs(z[0] - z[1]).max() > 1e-6
    assert vae.posterior(ENGLISH[:3], conditions=other[0]).loc.numpy() == pytest.approx(z[0])
    assert len(vae.sample(3, conditions=other[0], seed=0)) == 3
    assert len(vae.interpolate(ENGLISH[0], ENGLISH[1], steps=3, conditions=other[0])) == 3
    assert len(vae.reconstruct(ENGLISH[:2], conditions={"who": ["a dog", None]})) == 2
    with pytest.raises(UnknownLabelError):
        vae.sample(1, conditions={"who": "me"})
    with pytest.raises(ConditionError, match="2 values of who for 3 texts"):
        vae.encode(ENGLISH[:3], conditions={"who": ["a dog", "no one"]})


class TestBeginningFromAnother:
    """A run that begins from another's weights answers to the same, under the same names."""

    @pytest.fixture(scope="class")
    @classmethod
    def labelled(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("origin")
        config = tiny_config(data={"labels": "who,length:numeric", "text": "text"}, training={"epochs": 1})
        return train_run(ROWS, folder / "run", config, device="cpu", cache_dir=folder / "cache")

    def begin(self, origin, folder, rows, **data):
        settings = {"data": {"text": "text", **data}, "training": {"epochs": 1, "samples": 0}}
        return TextVAE.train(
            rows,
            folder / "run",
            init_from=origin,
            settings=settings,
            device="cpu",
            cache_dir=folder / "cache",
        )

    def test_labels_belong_together_by_name(self, labelled, tmp_path):
        rows = [{"text": row["text"], "n": row["length"], "actor": row["who"]} for row in ROWS]
        vae = self.begin(labelled, tmp_path, rows, labels="length=n:numeric,who=actor")
        assert [label.name for label in vae.codec.schema.labels] == ["who", "length"]
        assert vae.codec.schema.columns.labels == "who=actor:categorical,length=n:numeric"
        own = vae.score(ENGLISH[:4], conditions={"who": SUBJECTS[:4], "length": LENGTHS[:4]}, num_samples=1)
        texts, conditions = vae._texts(rows[:4])
        assert texts == ENGLISH[:4]
        given = vae.codec.conditions({"who": SUBJECTS[:4], "length": LENGTHS[:4]}, 4)
        assert given.digest == conditions.digest
        assert np.isfinite(own).all()

    @pytest.mark.parametrize("labels", ["who", "who,length", "actor=who,length:numeric", None])
    def test_others_are_refused_before_anything_is_written(self, labelled, tmp_path, labels):
        with pytest.raises(ConfigError, match=r"answers to something else: it takes who \("):
            self.begin(labelled, tmp_path, ROWS, labels=labels)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("data", [{"labels": "who"}, {"source": "rest"}])
    def test_a_run_without_conditions_has_no_place_for_one(self, tmp_path, data):
        plain = train_tiny(tmp_path / "plain", training={"epochs": 1})
        with pytest.raises(ConfigError, match="plain takes no condition"):
            self.begin(plain, tmp_path, ROWS, **data)
        assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("sections", "guidance"),
    [
        ({"data": {"labels": "who"}}, 2),
        ({"data": {"labels": "who"}, "decoding": {"guidance": 1.0}}, 1),
        ({"data": {"labels": "who"}, "training": {"condition_dropout": 0.0}}, 1),
        ({"data": {"labels": "who", "source": "rest"}}, 1),
        ({"data": {"source": "rest"}}, 1),
        ({}, 1),
    ],
)
def test_labels_alone_are_heard_twice(tmp_path, sections, guidance):
    data = {"text": "text"} | sections.get("data", {})
    config = tiny_config(**sections | {"data": data, "model": {"num_heads": 2}})
    prepared = prepare(ROWS, config, cache_dir=tmp_path)
    assert prepared.config.decoding.guidance == guidance


def test_the_first_answer_is_guided_as_the_others(monkeypatch):
    codec, used = conditional(source=False), []
    codec.decoding = DecodingConfig(temperature=0.5, guidance=2.0)
    monkeypatch.setattr(
        codec, "decode", lambda z, config=None, **_: used.append(config or codec.decoding) or [""] * len(z)
    )
    answer_all(codec, codec.conditions({"who": "the cat"}, 1), 2)
    assert [(config.temperature, config.guidance) for config in used] == [(0, 2.0), (0.5, 2.0)]


def of_labels(rows):
    """Return a codec that takes a label and a number, and the rows it is asked for."""
    codec = conditional(source=False)
    codec.schema = dataclasses.replace(codec.schema, columns=Columns(labels="who,length:numeric"))
    return codec, rows


def test_labels_alone_are_asked_for_as_often_as_they_are_held_out(monkeypatch):
    """Two labels are not two sources: there is a text for each held-out one, and no reference that it should say."""
    codec, rows = of_labels(
        [{"text": text, "who": "a dog" if i % 4 else "the cat", "length": 9} for i, text in enumerate(ENGLISH[:20])]
        + [{"text": "nobody knows .", "who": None, "length": 9}]
    )  # fmt: skip
    codec.decoding = DecodingConfig(temperature=1.0, max_length=8)
    seen = []
    draw = codec.prior_sample
    monkeypatch.setattr(codec, "prior_sample", lambda num, **options: seen.append(draw(num, **options)) or seen[-1])  # fmt: skip
    found = measure_answers(codec, rows, num_answers=5, seed=1)
    assert (found.settings["N"], found.settings["M"]) == (20, 1)
    assert len(seen[0].unique(dim=0)) == 20  # each from a z of its own
    assert {"answer_distinct_1", "repetition", "answer_distinct_1_references"} <= found.measures.keys()
    assert not {"answer_bleu", "rouge_l", "length_ratio", "oracle_bleu"} & found.measures.keys()
    wanted = asked(codec, rows, apart=True)
    assert [wanted.labels.count(label) for label in ("the cat, 9", "a dog, 9")] == [5, 15]
    monkeypatch.setattr(measuring, "LABELLED_TEXTS", 8)
    assert measure_answers(codec, rows, seed=1).settings["N"] == 8


def test_labels_that_nobody_has_are_no_conditions():
    codec, rows = of_labels([{"text": "nobody knows .", "who": None, "length": 9}])
    with pytest.raises(DataError, match="no text has all labels"):
        measure_answers(codec, rows)


def test_a_deterministic_twin_has_judges_too():
    """Without a condition and without z nothing is left for the decoder to be given."""
    twin = language_model(conditional_config())
    judge = unconditional(twin)
    assert (judge.model.injection, judge.data.has_condition, judge.model.has_latent) == ("none", False, False)
