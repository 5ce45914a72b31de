"""Texts with gaps: what is visible stays, gaps keep to their sizes, and the model's own endings are found."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from conditioned import conditional
from test_cli import done, failed
from tiny import CHINESE, ENGLISH, train_tiny
from untrained import counted, untrained

from textvae import TextVAE
from textvae.config import DecodingConfig
from textvae.data.units import units
from textvae.data.vocabulary import EOS
from textvae.decoding.template import Gap, Given, TemplateConstraint, UnitTable, filled
from textvae.errors import ConfigError, DataError
from textvae.tasks.answers import Answer
from textvae.tasks.infilling.answering import answered, takes_source
from textvae.tasks.infilling.filling import Filling, fill
from textvae.tasks.infilling.gapped import Gapped
from textvae.tasks.infilling.latents import refined, supposed
from textvae.tasks.infilling.plans import Planner, Sizes, visible_tokens

SAMPLED = DecodingConfig(temperature=1)
FREE = DecodingConfig(temperature=1, known_words=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_tiny(tmp_path_factory.mktemp("infill") / "run", data={"max_length": 20})


# Gaps


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("the ___ was ___ .", ("the ", " was ", " .")),
        ("___ sees the sea.", ("", " sees the sea.")),
        ("the cat (___), said ...", ("the cat (", "), said ", "")),
        ("a snake_case ___ and so___on…", ("a snake_case ", " and so___on", "")),
        ("我___喜欢___。", ("我", "喜欢", "。")),
        ("他昨天……", ("他昨天", "")),
        ("wait... what ___", ("wait... what ", "")),
    ],
)
def test_where_the_gaps_are(text, parts):
    assert Gapped.read(text).parts == parts


def test_texts_that_have_no_gaps_to_fill():
    with pytest.raises(DataError, match=r"'no gap here' has no gap; write ___ where words are missing"):
        Gapped.read("no gap here")
    with pytest.raises(DataError, match="two gaps with nothing between them"):
        Gapped.read("the ___ ___ sea")


# Filling


def check(filling, gapped, low, high):
    """What is visible stands as it stood, and every gap of words has its size."""
    rest = filling.text
    for part, inside in itertools.zip_longest(gapped.parts, filling.fillings):
        assert rest.startswith(part)
        rest = rest[len(part) :]
        if inside is not None:
            assert rest.startswith(inside)
            rest = rest[len(inside) :]
            count = len("".join(inside.split())) if gapped.spaceless else len(inside.split())
            assert low <= count <= high
    assert rest == ""


@pytest.mark.parametrize("kind", ["bpe", "unigram", "char", "word"])
@pytest.mark.parametrize("decoding", [SAMPLED, DecodingConfig(temperature=0, num_beams=3)])
def test_what_is_visible_stays_and_gaps_have_their_sizes(kind, decoding):
    codec = counted(kind=kind, words=kind != "word", max_length=90)
    texts = ["the ___ sees a red ___.", "___ likes (___), the sea", "a dog paints ...", "zebra ___ qux!"]
    gapped = [Gapped.read(text) for text in texts]
    found = fill(codec, gapped, n=2, sizes=Sizes(1, 3), attempts=6, rounds=2, decoding=decoding, seed=3)
    assert all(found)
    for one, fillings in zip(gapped, found, strict=True):
        for filling in fillings:
            check(filling, one, 1, 3)


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_gaps_of_chinese_are_counted_in_characters(kind):
    codec = untrained(CHINESE, kind, max_length=30)
    gapped = [Gapped.read(text) for text in ("小猫___大海。", "老师……", "___喜欢___！")]
    for one, fillings in zip(gapped, fill(codec, gapped, n=2, sizes=Sizes(2, 4), decoding=FREE), strict=True):
        assert fillings
        for filling in fillings:
            check(filling, one, 2, 4)


def test_known_words_hold_in_gaps():
    codec = counted(words=True, max_length=40)
    known = {word for text in ENGLISH for word in text.rstrip(".").split()}
    [found] = fill(codec, [Gapped.read("zebra ___ qux ___ sea")], n=8, decoding=SAMPLED, seed=1)
    words = [
        word.strip(".,!?\"'-:;()") for one in found for inside in one.fillings for word in inside.split()
    ]
    assert len(words) > 10
    assert {word for word in words if any(map(str.isalnum, word))} <= known


def test_words_to_include_are_in_the_gaps():
    codec = counted(words=True, max_length=60)
    sizes = Sizes(1, 4, include=("music", "the old man"))
    [found] = fill(
        codec, [Gapped.read("___ sees (___) too ___")], n=6, sizes=sizes, attempts=20, decoding=SAMPLED
    )
    assert len(found) == 6
    for one in found:
        inside = [part.split() for part in one.fillings]
        assert any("music" in words for words in inside)
        assert any("the old man" in " ".join(words) for words in inside)
        check(one, Gapped.read("___ sees (___) too ___"), 1, 4)
    codec = untrained(CHINESE, "char", max_length=30)
    [found] = fill(
        codec, [Gapped.read("老师___大海")], n=3, sizes=Sizes(1, 5, include=("忘了",)), decoding=FREE
    )
    assert all("忘了" in one.fillings[0] and len(one.fillings[0]) <= 5 for one in found)


def test_beams_find_the_likeliest_filling():
    """One attempt, one round, a gap of one token: beams against all of the vocabulary, tried one by one."""
    codec = untrained(kind="word", max_length=8)
    gapped = Gapped.read("the cat ___ the sea.")
    beams = DecodingConfig(temperature=0, num_beams=400)
    [[found]] = fill(codec, [gapped], sizes=Sizes(1, 1), attempts=1, rounds=1, decoding=beams)
    z, _ = supposed(codec, [gapped], 1, seed=0)
    words = [codec.tokenizer.piece(token) for token in range(4, codec.tokenizer.vocab_size)]
    store = codec.store([gapped.joined([word]) for word in words])
    best = codec.log_likelihood(store, z.expand(len(store), -1)).argmax()
    assert found.text == gapped.joined([words[best]])


def test_the_rest_of_many_texts_is_that_of_each_alone():
    codec = counted(words=True, max_length=40)
    gapped = [Gapped.read(" ".join(text.split()[:3]) + " ...") for text in ENGLISH[:7]]
    kept = {"attempts": 1, "decoding": DecodingConfig(temperature=0, num_beams=2), "sizes": Sizes(1, 8)}
    together = fill(codec, gapped, **kept)
    assert [len(one) for one in together] == [1] * 7
    assert [one[0].text for one in together] == [fill(codec, [one], **kept)[0][0].text for one in gapped]
    assert all(one[0].score is None for one in together)


def test_answers_come_by_log_p_and_are_the_same_for_a_seed(run):
    vae = TextVAE.from_pretrained(run, device="cpu")
    found = vae.infill("the cat ___ the sea.", n=4, seed=2)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len({one.text for one in found}) == len(found) > 1
    assert found == vae.infill("the cat ___ the sea.", n=4, seed=2)
    assert found != vae.infill("the cat ___ the sea.", n=4, seed=3, decoding=SAMPLED)


def test_a_language_model_fills_from_left_to_right():
    codec = counted(words=True, encoder="none", injection="none", max_length=40)
    gapped = [Gapped.read("the cat ..."), Gapped.read("my ___ paints")]
    for one, fillings in zip(gapped, fill(codec, gapped, n=2, sizes=Sizes(1, 6)), strict=True):
        for filling in fillings:
            check(filling, one, 1, 6)


# Templates


def test_a_template_permits_what_it_says_and_knows_it_again():
    codec = untrained(kind="word")
    table = UnitTable(codec.tokenizer, spaceless=False)
    template = (Given((5, 6)), Gap(1, 2, 0), Given((7,)), Gap(0, 1, 1))
    for row, whole in {
        (5, 6, 9, 7): [None, None, 0, None],
        (5, 6, 9, 9, 7, 8): [None, None, 0, 0, None, 1],
        (5, 6, 9, 7, 7): [None, None, 0, None, 1],
        (5, 6, 9): None,
        (5, 6): None,
    }.items():
        constraint = TemplateConstraint([template], [table], None, torch.device("cpu"))
        for token in row:
            assert bool(constraint.mask()[0, token])
            constraint.advance(torch.tensor([token]))
        assert filled(template, row, table) == whole
        assert bool(constraint.mask()[0, 2]) == (whole is not None)


# z of what is visible


def test_z_is_drawn_from_what_the_visible_words_leave_open():
    """A decoder whose log p of a text is -20 |z - a|^2, `</s>` or not, and a posterior that is far off."""
    codec = untrained(max_length=40, latent_dim=2)
    place = torch.tensor([0.5, -0.25])
    codec.model.log_likelihood = lambda tokens, lengths, z: -20 * (z - place).square().sum(-1)
    gapped = [Gapped.read("the cat ..."), Gapped.read("my ___ paints")]
    mean, draws = supposed(codec, gapped, 400, seed=1)
    wanted = place * 40 / 41  # of p(z) N(a, 1/40) normalised
    assert torch.allclose(mean.float(), wanted.expand(2, -1), atol=0.06)
    assert torch.allclose(draws.mean(1).float(), mean.float(), atol=0.02)  # systematic: hardly any noise
    assert 0.5 < float(draws.float().var(1).mean() * 41) < 1.5
    alone = supposed(codec, gapped[1:], 400, seed=1)
    assert torch.allclose(mean[1:], alone[0])
    assert torch.allclose(draws[1:], alone[1])


def test_the_end_counts_only_where_it_is_visible():
    codec, seen = untrained(max_length=40, latent_dim=2), []

    def log_likelihood(tokens, lengths, z):
        seen.extend(zip(tokens.tolist(), lengths.tolist(), strict=True))
        return z.sum(-1)

    codec.model.log_likelihood = log_likelihood
    for text, ends in (("the cat ...", False), ("the ___ cat", True)):
        seen.clear()
        supposed(codec, [Gapped.read(text)], 1, seed=0)
        assert len(seen) == 64  # a draw each
        assert all((tokens[length - 1] == EOS) == ends for tokens, length in seen)


def test_a_fitted_prior_counts():
    vae = TextVAE(untrained(max_length=40, latent_dim=2))
    vae.fit_prior(ENGLISH, kind="mixture")
    [[found]] = fill(vae.codec, [Gapped.read("the cat ...")], attempts=2, seed=1)
    check(found, Gapped.read("the cat ..."), 1, 40)


# Refining


def test_refining_makes_what_is_visible_likelier():
    codec = untrained(max_length=40, latent_dim=6)
    gapped = [Gapped.read("the cat ___ the sea.")] * 5
    planner = Planner(codec.tokenizer, Sizes(), 40)
    rng = np.random.default_rng(0)
    templates = [planner.plans(one, 1, rng)[0] for one in gapped]
    texts = [
        one.joined([word])
        for one, word in zip(gapped, ["sees", "likes", "finds", "paints", "a"], strict=True)
    ]
    rows = [row.tolist() for row in codec.tokenizer.encode(texts)]
    table = UnitTable(codec.tokenizer, spaceless=False)
    # "a" and the like may take another size than the plan's: what is visible is told by the text itself.
    templates = [
        tuple(Gap(1, 5, 0) if isinstance(piece, Gap) else piece for piece in template)
        for template in templates
    ]
    visible = [visible_tokens(t, filled(t, row, table)) for t, row in zip(templates, rows, strict=True)]
    assert all(0 < mask.sum() < len(mask) for mask in visible)

    def objective(z):
        store = codec.store(texts)
        [(indices, tokens, lengths)] = list(codec.batches(store))
        log_p = codec.model.token_log_likelihood(tokens, lengths, z[indices]).detach()
        known = torch.zeros(len(z), dtype=torch.float64)
        for i, row in enumerate(indices):
            known[row] = log_p[i, : len(visible[row])][torch.from_numpy(visible[row])].sum()
        return known + codec.prior().log_prob(z)

    z = codec.encode(texts)
    moved = refined(codec, rows, visible, z)
    assert bool((objective(moved) > objective(z)).all())


# A model trained for it


def test_a_model_that_takes_a_source_answers_to_the_gap(monkeypatch):
    vae, asked = TextVAE(conditional(labels=False)), []
    answer = "textvae.tasks.infilling.answering.answers"
    monkeypatch.setattr(answer, lambda codec, values, n, **k: asked.append(values) or [Answer("red", -1.0)])
    assert vae.infill("the ___ sea.", n=2, seed=1) == [Filling("the red sea.", ("red",), -1.0)]
    assert vae.infill("the sea is ...")[0].text == "the sea is red"
    assert asked == [{"source": "the ___ sea."}, {"source": "the sea is"}]
    with pytest.raises(ConfigError, match="has 2 gaps; a model of --task infill fills one"):
        vae.infill("the ___ sea ___")
    with pytest.raises(ConfigError, match="are for the method latent; leave them out"):
        vae.infill("the ___ sea", include=["red"])


def test_its_answers_go_into_the_gap_and_its_latents_fill_gaps_too():
    vae = TextVAE(conditional(labels=False))
    for filling in vae.infill("the ___ sea.", n=2, seed=1):
        check(filling, Gapped.read("the ___ sea."), 0, 99)
    assert vae.infill("the ___ sea.", n=1, method="latent", seed=1, decoding=FREE) is not None


def test_where_nothing_is_found_the_note_names_what_its_method_takes(run, monkeypatch):
    monkeypatch.setattr("textvae.vae.infilling.fill", lambda *_, **__: [[]])
    assert "allow more --max-words" in done("infill", run, "the ___ sea.").stderr
    monkeypatch.setattr("textvae.vae.infilling.answered", lambda *_, **__: [])
    monkeypatch.setattr("textvae.vae.infilling.takes_source", lambda codec: True)
    said = done("infill", run, "the ___ sea.").stderr
    assert "the model answers nothing to this gap; try --temperature 1, or --method latent" in said
    assert "--max-words" not in said


# Errors


def test_what_cannot_be_filled(run):
    vae = TextVAE.from_pretrained(run, device="cpu")
    with pytest.raises(ConfigError, match="takes no source with a gap; fill through its latents"):
        vae.infill("the ___ sea", method="source")
    with pytest.raises(ConfigError, match="method is 'latnt'; did you mean latent"):
        vae.infill("the ___ sea", method="latnt")
    with pytest.raises(ConfigError, match=r"more than the 2 words of a gap; raise max_words"):
        vae.infill("the ___ sea", include=["one two three"], max_words=2)
    with pytest.raises(ConfigError, match="max_words is 1; it must be at least 2"):
        vae.infill("the ___ sea", min_words=2, max_words=1)
    with pytest.raises(ConfigError, match="a word to include is empty"):
        vae.infill("the ___ sea", include=[" "])
    with pytest.raises(
        ConfigError, match=r"tokens with its gaps filled, and the model takes \d+; shorten it"
    ):
        vae.infill("the sea " * 300 + "___")
    with pytest.raises(ConfigError, match="attempts is 1; it must be at least 2"):
        vae.infill("the ___ sea", n=2, attempts=1)


def test_on_the_command_line(run):
    said = done("infill", run, "the cat ___ the sea.", "--seed", 1, "-n", 2, "--max-words", 2).stdout
    for line in said.splitlines():
        score, text = line.split(maxsplit=1)
        assert float(score) < 0
        assert 5 <= len(units(text)) <= 7
        assert text.startswith("the cat ")
        assert text.endswith(" the sea.")
    assert (
        "music"
        in done("infill", run, "the cat ...", "--include", "music", "--temperature", 1, "--seed", 1).stdout
    )
    assert "has no gap" in failed("infill", run, "the cat", "--seed", "1")


@pytest.mark.parametrize("any_words", [True, False])
def test_limits_are_where_the_decoder_is(any_words, monkeypatch):
    codec, seen = untrained(max_length=30), []
    own = codec.constraint
    monkeypatch.setattr(codec, "constraint", lambda num, config: None if any_words else own(num, config))
    mask = TemplateConstraint.mask
    monkeypatch.setattr(TemplateConstraint, "mask", lambda self: seen.append(self._device) or mask(self))
    fill(codec, [Gapped.read("the cat ___ a red house.")], n=1)
    assert set(seen) == {codec.device}
    table = UnitTable(codec.tokenizer, spaceless=False)
    elsewhere = TemplateConstraint([()], [table], None, torch.device("meta"))
    assert mask(elsewhere).device.type == "meta"


@pytest.mark.parametrize(
    ("pairs", "takes"), [("none", True), ("infill", True), ("completion", True), ("dialogue", False)]
)
def test_what_a_model_of_sources_fills(pairs, takes):
    codec = conditional(labels=False)
    columns = dataclasses.replace(codec.schema.columns, pairs=pairs)
    codec.schema = dataclasses.replace(codec.schema, columns=columns)
    assert takes_source(codec) is takes
    if pairs == "completion":
        with pytest.raises(ConfigError, match=r"writes ends: let the text end with \.\.\."):
            answered(codec, "the ___ sees", 1)
    if takes:
        answered(codec, "the cat ...", 1)
