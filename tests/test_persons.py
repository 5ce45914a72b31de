"""Persons: fitted with the model frozen, kept as files, given as conditions."""

import copy
import dataclasses
import json

import numpy as np
import pytest
import torch
from conditioned import VECTORS, conditional
from tiny import ENGLISH
from typer.testing import CliRunner
from untrained import untrained

from textvae.cli.main import app
from textvae.codec import Codec, codec_files
from textvae.codec.identity import weights_digest
from textvae.config import DecodingConfig, ModelConfig
from textvae.config.conditions import Columns, LabelColumn
from textvae.config.names import checked_name
from textvae.data.batching import collate
from textvae.data.conditions import Conditions, ConditionSchema
from textvae.data.labels import Label
from textvae.data.persons import Person
from textvae.data.tokenizers import Tokenizer
from textvae.distributions import DiagonalGaussian, GaussianMixture, standard_normal
from textvae.errors import (
    ConditionError,
    ConfigError,
    CorruptRunError,
    DataError,
    PersonError,
    RunNotFoundError,
)
from textvae.models import ConditionTensors, GivenModel, VAEModel
from textvae.objectives.elbo import elbo_terms
from textvae.storage.arrays import packed, unpacked
from textvae.storage.atomic import write_folder
from textvae.tasks.persons.embedding import KnownValues, embeddings, total_elbo
from textvae.tasks.persons.fitting import fit_person
from textvae.tasks.persons.kept import Persons
from textvae.tasks.persons.merging import merged
from textvae.tasks.persons.profile import PSEUDO_TEXTS, shrunken_gaussian
from textvae.vae import TextVAE

OPENINGS = [f"{who}{how}" for who in ("我", "老师", "他们", "小猫") for how in ("看见", "喜欢", "忘了")]
FAVOURITES = {"李白": ("明月", "江水", "白云", "美酒"), "杜甫": ("长城", "战马", "秋风", "老屋")}
TEXTS = {author: [f"{o}{word}。" for o in OPENINGS for word in words] for author, words in FAVOURITES.items()}


def trained(texts, authors, *, updates=80):
    """Train a conditional model in a few seconds: full batches, a small weight of the rate."""
    label = Label.fitted(LabelColumn(name="author", column="author"), authors)
    schema = ConditionSchema(labels=(label,), columns=Columns(labels="author"))
    sizes = {"embed_dim": 12, "encoder_dim": 8, "decoder_dim": 24, "latent_dim": 3, "max_length": 10}
    dropout = {"dropout": 0.0, "embed_dropout": 0.0, "encoder_dropout": 0.0}
    tokenizer = Tokenizer.train(texts, kind="char", vocab_size=None)
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size, label_codes=label.num_codes, condition_dim=6, **sizes, **dropout
    )
    decoding = DecodingConfig(candidates=1, known_words=False)
    codec = Codec(VAEModel(config).train(), tokenizer, schema=schema, decoding=decoding)
    optimizer = torch.optim.Adam(codec.model.parameters(), lr=0.02)
    store = codec.store(texts, codec.conditions({"author": authors}, len(authors)))
    batch = collate(store, np.arange(len(store)))
    tokens, lengths = torch.from_numpy(batch.tokens), torch.from_numpy(batch.lengths)
    given = ConditionTensors.of(store.conditions, codec.device, codec.dtype)
    for _ in range(updates):
        context = codec.model.condition(given, torch.rand(len(store)) < 0.1)
        terms = elbo_terms(GivenModel(codec.model, context), tokens, lengths, torch.randn(len(store), 3))
        optimizer.zero_grad()
        (terms.distortion + 0.3 * terms.rate).mean().backward()
        optimizer.step()
    codec.model.eval().requires_grad_(False)
    return codec


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder whose authors differ in their objects alone."""
    folder = tmp_path_factory.mktemp("persons")
    texts = [text for several in TEXTS.values() for text in several]
    authors = [author for author, several in TEXTS.items() for _ in several]
    write_folder(folder / "model", codec_files(trained(texts, authors)), metadata={})
    return folder


@pytest.fixture(scope="module")
def vae(run):
    return TextVAE.from_pretrained(run, device="cpu")


@pytest.fixture(scope="module")
def newcomer(vae):
    """Somebody who writes as 杜甫 does, in twelve texts."""
    return vae.fit_person(TEXTS["杜甫"][::4], name="新人")


def share_of(author, texts):
    return np.mean([any(word in text for word in FAVOURITES[author]) for text in texts])


def person(name="Anna", model="m", texts=4, **parts):
    return Person(name=name, model=model, num_texts=texts, **parts)


# ---------------------------------------------------------------- what a person does


def test_samples_move_to_the_words_of_the_person(vae, newcomer):
    free, own = vae.sample(100, seed=1), vae.sample(100, conditions={"author": newcomer}, seed=1)
    assert share_of("杜甫", own) > share_of("杜甫", free) + 0.3
    assert share_of("李白", own) < share_of("李白", free) - 0.3
    assert newcomer.gain > 0.5
    assert newcomer.warnings() == ()
    unseen = TEXTS["杜甫"][1::4]
    gained = vae.score(unseen, conditions={"author": newcomer}) - vae.score(unseen)
    assert gained.mean() > 0.5


def test_an_embedding_of_the_table_is_that_value(vae):
    table = vae.codec.model.condition.labels.weight
    known = vae.codec.schema.label("author").values
    for row, author in enumerate(known):
        same = person(model=weights_digest(vae.codec.model), label="author", embedding=table[row].numpy())
        texts = TEXTS[author][:5]
        expected = vae.score(texts, conditions={"author": author}, num_samples=2)
        np.testing.assert_array_equal(vae.score(texts, conditions={"author": same}, num_samples=2), expected)
        assert vae.sample(3, conditions={"author": same}, seed=0) == vae.sample(
            3, conditions={"author": author}, seed=0
        )


def test_a_text_is_scored_alike_beside_texts_of_others(vae, newcomer):
    texts, authors = TEXTS["杜甫"][:3], ["李白", newcomer, None]
    together = vae.score(texts, conditions={"author": authors}, num_samples=1)
    alone = vae.score([texts[1]], conditions={"author": newcomer}, num_samples=1)
    swapped = vae.score(texts, conditions={"author": ["李白", "杜甫", None]}, num_samples=1)
    assert together[[0, 2]] == pytest.approx(swapped[[0, 2]], rel=1e-5)
    assert together[1] != pytest.approx(swapped[1], rel=1e-5)
    assert np.isfinite(alone).all()


def test_answers_and_latents_take_a_person(vae, newcomer):
    assert len(vae.generate(3, author=newcomer, seed=0)) == 3
    z = vae.encode(TEXTS["杜甫"][:2], conditions={"author": newcomer})
    assert not np.allclose(z, vae.encode(TEXTS["杜甫"][:2]))
    assert len(vae.decode(z, conditions={"author": newcomer})) == 2


# ---------------------------------------------------------------- fitting an embedding


def test_the_model_stays_as_it_is_to_the_bit(vae):
    codec = copy.copy(vae.codec)
    codec.model = copy.deepcopy(vae.codec.model).requires_grad_(True)
    before = {name: tensor.clone() for name, tensor in codec.model.state_dict().items()}
    fit_person(codec, TEXTS["李白"][:3], name="Li", method="both")
    assert all(torch.equal(before[name], tensor) for name, tensor in codec.model.state_dict().items())
    assert all(weight.grad is None and weight.requires_grad for weight in codec.model.parameters())


@pytest.mark.slow
def test_the_same_seed_gives_the_same_person(vae):
    first, again, other = (
        vae.fit_person(TEXTS["李白"][:2], name="Li", method="both", seed=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(first.embedding, again.embedding)
    assert np.array_equal(first.profile, again.profile)
    assert first.record() == again.record()
    assert not np.array_equal(first.embedding, other.embedding)


def test_known_values_are_weighted_by_how_often_they_occur(vae):
    codec = copy.copy(vae.codec)
    label = dataclasses.replace(codec.schema.labels[0], counts=(3, 1))
    codec.schema = dataclasses.replace(codec.schema, labels=(label,))
    known = KnownValues.of(codec, "author")
    a, b = vae.codec.model.condition.labels.weight.double()
    assert torch.allclose(known.mean, 0.75 * a + 0.25 * b)
    assert known.variance == pytest.approx(float((a - b).square().mean()) * 0.75 * 0.25)


@pytest.mark.slow
def test_the_embedding_starts_at_the_mean_climbs_and_is_held_by_its_prior(vae):
    codec = copy.copy(vae.codec)
    codec.model = copy.deepcopy(vae.codec.model).double()
    store = codec.store(TEXTS["李白"][:4], codec.conditions({"author": [None] * 4}, 4))
    known = KnownValues.of(codec, "author")
    start, *_, last = embeddings(codec, store, known, 0)
    assert torch.equal(start, known.mean)
    assert total_elbo(codec, store, last, 5) > total_elbo(codec, store, start, 5) + 1
    *_, held = embeddings(codec, store, dataclasses.replace(known, variance=known.variance / 100), 0)
    assert (held - start).norm() < (last - start).norm() / 2


def two_labels(folder):
    """An untrained run of two labels, and a file of texts with a column for one of them."""
    names = {"author": ["A", "B"], "mood": ["good", "bad"]}
    labels = tuple(Label.fitted(LabelColumn(name=n, column=n), values) for n, values in names.items())
    codec = untrained(dtype=torch.float32, label_codes=4, condition_dim=5)
    codec.schema = ConditionSchema(labels=labels, columns=Columns(labels="author,mood"))
    write_folder(folder / "run" / "model", codec_files(codec), metadata={})
    rows = [f"{text}\t{mood}" for text, mood in zip(ENGLISH[:4], ["good", "bad"] * 2, strict=True)]
    (folder / "texts.tsv").write_text("\n".join(["text\tmood", *rows]))
    return folder / "run", folder / "texts.tsv"


@pytest.mark.slow
def test_other_conditions_are_read_from_the_columns(tmp_path):
    run, data = two_labels(tmp_path)
    said("person", "fit", run, data, "--name", "Anna", "--label", "author", "--text", "text")
    vae = TextVAE.from_pretrained(run, device="cpu")
    known = {"mood": ["good", "bad"] * 2}
    same = vae.fit_person(ENGLISH[:4], name="Anna", label="author", conditions=known)
    assert np.array_equal(vae.persons["Anna"].embedding, same.embedding)
    assert vae.persons["Anna"].record() == same.record()
    without = vae.fit_person(ENGLISH[:4], name="Anna", label="author")
    assert not np.array_equal(without.embedding, same.embedding)
    sampled = said(
        "sample", run, "--person", "Anna", "--label", "mood=bad", "-n", "1", "--seed", "0", "--json"
    )
    expected = vae.sample(1, conditions={"author": same, "mood": "bad"}, seed=0)
    assert json.loads(sampled.stdout)["texts"] == expected
    unknown = said("person", "fit", run, data, "--name", "Ben", "--text", "text", code=1)
    assert "say of which: author, mood" in unknown.stderr


# ---------------------------------------------------------------- latent profiles


def test_a_profile_has_the_moments_of_texts_and_pseudo_texts_together():
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    scale = torch.rand(6, 3, generator=generator, dtype=torch.float64) + 0.1
    own = standard_normal(3, like=loc)
    mean, deviation = shrunken_gaussian(DiagonalGaussian(loc, scale), own, 0)
    weights = torch.tensor([PSEUDO_TEXTS] + [1.0] * 6, dtype=torch.float64)
    pooled = GaussianMixture(
        weights / weights.sum(), torch.cat([own.loc[None], loc]), torch.cat([own.scale[None], scale])
    )
    np.testing.assert_allclose(mean, pooled.mean.numpy())
    np.testing.assert_allclose(deviation**2, pooled.variance.numpy())


def test_a_profile_takes_the_place_of_the_prior_in_a_model_without_labels():
    codec = untrained()
    vae = TextVAE(codec)
    anna = vae.fit_person(ENGLISH[:6], name="Anna")
    assert (anna.parts, anna.condition, anna.steps) == (("profile",), "person", 0)
    given = codec.conditions({"person": anna}, 4000)
    z = codec.prior_sample(4000, seed=2, conditions=given)
    np.testing.assert_allclose(z.mean(dim=0), anna.profile[0], atol=4 * anna.profile[1].max() / 4000**0.5)
    np.testing.assert_allclose(z.std(dim=0), anna.profile[1], rtol=0.05)
    codec.fitted_prior = GaussianMixture(torch.ones(1), torch.zeros(1, 3), torch.ones(1, 3))
    assert torch.equal(codec.prior_sample(4000, seed=2, conditions=given), z)
    assert len(vae.sample(2, conditions={"person": anna}, seed=0)) == 2
    assert anna.gain == pytest.approx(_crossed_gain(vae, ENGLISH[:6]), rel=1e-6)


def _crossed_gain(vae, texts):
    """The gain by its definition, for a prior in place: five parts, each under the profile of the others."""
    vae.codec.fitted_prior = None
    order = np.random.default_rng(0).permutation(len(texts))
    gains = []
    for rows in np.array_split(order, 5):
        held = [texts[row] for row in sorted(rows)]
        others = [text for row, text in enumerate(texts) if row not in rows]
        fitted = vae.fit_person(others, name="others")
        gains += list(
            vae.score(held, conditions={"person": fitted}, num_samples=16) - vae.score(held, num_samples=16)
        )
    return np.mean(gains)


def test_a_profile_under_a_label_is_of_no_label(vae):
    anna = vae.fit_person(TEXTS["李白"][:5], name="Anna", method="profile")
    assert (anna.label, anna.embedding) == (None, None)
    free = vae.codec.conditions({"person": anna}, 2)
    assert free.is_empty
    assert len(vae.sample(2, conditions={"person": anna, "author": "李白"}, seed=0)) == 2


# ---------------------------------------------------------------- merging


def test_merging_weighs_by_texts():
    one = person("A", texts=10, embedding=np.array([1.0, 0.0]), profile=np.array([[0.0, 1.0], [1.0, 2.0]]))
    two = person("B", texts=30, embedding=np.array([5.0, 4.0]), profile=np.array([[4.0, 1.0], [1.0, 2.0]]))
    both = merged([one, two], "C")
    np.testing.assert_allclose(both.embedding, [4.0, 3.0])
    np.testing.assert_allclose(both.profile, [[3.0, 1.0], [(1 + 0.75 * 0.25 * 16) ** 0.5, 2.0]])
    assert (both.name, both.num_texts, both.gain) == ("C", 40, None)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([], "two persons"),
        ([person("A", profile=np.ones((2, 2)))], "two persons"),
        ([person("B", model="other", profile=np.ones((2, 2)))], "cannot be merged"),
        ([person("B", embedding=np.ones(2), label="author")], "cannot be merged"),
    ],
)
def test_only_persons_alike_are_merged(others, message):
    with pytest.raises(PersonError, match=message):
        merged([person("A", profile=np.ones((2, 2))), *others], "C")


# ---------------------------------------------------------------- files


def test_a_person_survives_its_file_which_holds_no_text(tmp_path, newcomer):
    persons = Persons(tmp_path / "persons")
    persons.keep(newcomer)
    back = persons["新人"]
    assert back.record() == newcomer.record()
    assert np.array_equal(back.embedding, newcomer.embedding)
    assert back.profile is None
    assert (list(persons), "新人" in persons, "旧人" in persons) == (["新人"], True, False)
    [file] = (tmp_path / "persons").iterdir()
    content = file.read_bytes().decode("utf-8", "ignore")
    assert not any(word in content for word in FAVOURITES["杜甫"])


def test_names_are_taken_unknown_and_deleted(tmp_path):
    persons = Persons(tmp_path)
    with pytest.raises(PersonError, match="none yet"):
        persons["Anna"]
    persons.keep(person("Anna", profile=np.zeros((2, 3))))
    persons.keep(person("Ben", profile=np.ones((2, 3))))
    with pytest.raises(PersonError, match="already; choose another name"):
        persons.keep(person("Anna", profile=np.ones((2, 3))))
    persons.keep(person("Anna", profile=np.ones((2, 3))), overwrite=True)
    assert persons["Anna"].profile.all()
    with pytest.raises(PersonError, match=r"no person 'Carl'.*there are Anna, Ben"):
        persons.delete("Carl")
    persons.delete("Anna")
    assert [path.name for path in tmp_path.iterdir()] == ["Ben.safetensors"]


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", "../Anna", "a/b", "a\\b", "C:", ".hidden", "a\nb", "a\0", "a" * 61, "end."]
)
def test_no_name_is_a_path(name, tmp_path):
    with pytest.raises(ConfigError, match="cannot be named"):
        Persons(tmp_path)[name]


@pytest.mark.parametrize("name", ["李白", "Anna K. O'Hara", "Zoë", "r2-d2", "苏轼·东坡"])
def test_names_of_people_are_names(name):
    assert checked_name(f" {name} ", "person") == name
    assert checked_name("Zoe\u0308", "person") == "Zoë"


def test_damage_is_found(tmp_path):
    path = tmp_path / "Anna.safetensors"
    content = packed({"profile": np.ones((2, 3))}, person().record())
    for wrong in (content[:-8], content[:-1] + b"x", b"", b"\x80\x04rest", content.replace(b"Anna", b"Anne")):
        path.write_bytes(wrong)
        with pytest.raises(CorruptRunError, match="Anna"):
            unpacked(path)
    path.write_bytes(packed({}, {"name": "Anna", "age": 3}))
    with pytest.raises(CorruptRunError, match="describes no person"):
        Persons(tmp_path)["Anna"]


def test_persons_are_kept_in_run_folders_only(run, vae):
    assert vae.persons.folder == run / "persons"
    for nowhere in (run / "model", run / "absent", "hf://owner/name"):
        with pytest.raises(RunNotFoundError, match="are kept in a run folder, beside its model"):
            Persons.of(nowhere)
    with pytest.raises(RunNotFoundError, match="loaded from no folder"):
        TextVAE(vae.codec).persons  # noqa: B018


# ---------------------------------------------------------------- what is refused


def test_a_person_of_another_model_is_refused(vae, newcomer):
    stranger = dataclasses.replace(newcomer, model="0" * 16)
    with pytest.raises(PersonError, match="新人 was fitted with other weights"):
        vae.sample(1, conditions={"author": stranger})


@pytest.mark.parametrize("texts", [[], ["", "  "]])
def test_a_person_without_texts_is_refused(vae, texts):
    with pytest.raises(DataError, match=f"fitted to {len(texts)} texts"):
        vae.fit_person(texts, name="Anna")


def test_few_texts_and_no_gain_are_told(vae):
    anna = vae.fit_person(["我看见白云。", " "], name="Anna", method="profile")
    assert (anna.num_texts, anna.gain) == (1, None)
    [few] = anna.warnings()
    assert few.startswith("few texts (1) say little")
    [useless] = dataclasses.replace(anna, num_texts=9, gain=-0.5).warnings()
    assert "no likelier under it (-0.50 nats" in useless


def test_what_a_person_cannot_be(vae, newcomer):
    texts = ["我看见白云。"]
    with pytest.raises(ConditionError, match=r"cannot be a value of 'mood'; this model's labels.*: author"):
        vae.fit_person(texts, name="Anna", label="mood")
    with pytest.raises(ConfigError, match="method"):
        vae.fit_person(texts, name="Anna", method="magic")
    with pytest.raises(ConditionError, match="no label of which a person"):
        TextVAE(untrained()).fit_person(ENGLISH[:5], name="Anna", method="embedding")
    sphere = TextVAE(untrained(posterior="von-mises-fisher", kappa=10.0))
    with pytest.raises(ConfigError, match="sphere"):
        sphere.fit_person(ENGLISH[:5], name="Anna")
    with pytest.raises(ConfigError, match="has no z"):
        TextVAE(untrained(encoder="none", injection="none")).fit_person(ENGLISH[:5], name="Anna")
    with pytest.raises(ConditionError, match="新人 is a value of author, not of person"):
        vae.sample(1, conditions={"person": newcomer})
    other = dataclasses.replace(newcomer, label=None)
    with pytest.raises(ConditionError, match="by one person"):
        vae.sample(1, conditions={"author": newcomer, "person": other})


def test_a_number_is_no_person(vae):
    codec = copy.copy(vae.codec)
    year = Label(name="author", kind="numeric", mean=0.0, deviation=1.0)
    codec.schema = ConditionSchema(labels=(year,))
    with pytest.raises(ConditionError, match=r"cannot be a value of 'author'.*none"):
        fit_person(codec, ["白云"], name="Anna", label="author")
    both = (Label(name="a", kind="categorical"), Label(name="b", kind="categorical"))
    codec.schema = ConditionSchema(labels=both)
    with pytest.raises(ConditionError, match="say of which: a, b"):
        fit_person(codec, ["白云"], name="Anna")


def test_profiles_are_asked_for_by_all_or_none(vae, newcomer):
    half = dataclasses.replace(newcomer, profile=np.ones((2, 3)))
    with pytest.raises(ConditionError, match="ask for them apart"):
        vae.codec.conditions({"author": [half, newcomer]}, 2)


def test_rows_and_digests_of_conditions_see_persons(vae, newcomer):
    given = vae.codec.conditions({"author": [newcomer, "李白"]}, 2)
    assert np.array_equal(given.rows(np.array([1, 0])).vectors[1], newcomer.embedding)
    assert not given.vectors[1].any()
    plain = vae.codec.conditions({"author": [None, "李白"]}, 2)
    assert given.digest != plain.digest
    assert len(Conditions(profiles=np.ones((3, 2, 4)))) == 3


# ---------------------------------------------------------------- the command line


def said(*arguments, code=0):
    found = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert found.exit_code == code, found.output
    return found


@pytest.mark.slow
def test_persons_on_the_command_line(run, tmp_path, vae):
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(TEXTS["杜甫"][:5]), encoding="utf-8")
    fitted = said("person", "fit", run, texts, "--name", "甲", "--json", "--device", "cpu")
    record = json.loads(fitted.stdout)
    assert (record["name"], record["label"], record["num_texts"]) == ("甲", "author", 5)
    taken = said("person", "fit", run, texts, "--name", "甲", code=1)
    assert "already" in taken.stderr
    vae.persons.keep(dataclasses.replace(vae.persons["甲"], name="乙", num_texts=15))
    assert "20 texts, gain not measured" in said("person", "merge", run, "甲", "乙", "--name", "丙").stdout
    assert said("person", "list", run).stdout.count("\n") == 3
    sampled = said("sample", run, "--person", "甲", "-n", "2", "--seed", "0", "--json")
    assert json.loads(sampled.stdout)["texts"] == vae.sample(
        2, conditions={"author": vae.persons["甲"]}, seed=0
    )
    answered = said("generate", run, "--person", "丙", "-n", "1", "--seed", "0", "--json")
    assert json.loads(answered.stdout)["sources"][0]["answers"]
    twice = said("sample", run, "--person", "甲", "--label", "author=李白", code=1)
    assert "leave one of them out" in twice.stderr
    unknown = said("sample", run, "--person", "丁", code=1)
    assert "there are 丙, 乙, 甲" in unknown.stderr
    for name in "甲乙丙":
        said("person", "delete", run, name)
    assert "nobody in" in said("person", "list", run).stderr


def test_one_row_of_features_stands_for_all_texts():
    vae = TextVAE(conditional(labels=True, source=False, features=VECTORS))
    person = vae.fit_person(ENGLISH[:5], name="a", label="who", conditions={"feature": VECTORS[0]})
    each = vae.fit_person(ENGLISH[:5], name="a", label="who", conditions={"feature": VECTORS[[0] * 5]})
    np.testing.assert_array_equal(person.embedding, each.embedding)
