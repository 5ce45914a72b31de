"""Language models as judges of random texts, and the whole evaluation of a tiny run, kept and gone on with."""

import json
import math
import re

import numpy as np
import pytest
import torch
from tiny import ENGLISH, train_tiny
from untrained import untrained

from textvae import TextVAE
from textvae.config import RunConfig
from textvae.distributions import GaussianMixture
from textvae.errors import ConfigError, RunNotFoundError
from textvae.evaluation import coherence
from textvae.evaluation.coherence import Places, fits
from textvae.evaluation.digests import state_digest
from textvae.evaluation.judging import Judging, random_texts
from textvae.evaluation.kept import kept_evaluations
from textvae.evaluation.report import evaluate
from textvae.evaluation.subject import Subject
from textvae.training.folder import clear_folder


@pytest.fixture(scope="module", autouse=True)
def _no_curves():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.training.trainer.draw_curves", lambda run: None)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judges") / "vae"
    return train_tiny(folder, training={"checkpoint_every": 1000})


@pytest.fixture(scope="module")
def vae(run):
    return TextVAE.from_pretrained(run, device="cpu")


def judging(run, **options):
    return Judging.of_run(run, epochs=2, cache_dir=run.parent / "cache", **options)


def measured(vae, run, **options):
    options = {"training_texts": ENGLISH, "judging": judging(run)} | options
    return evaluate(vae.codec, ENGLISH[:40], num_samples=2, num_prior=60, num_pairs=4, **options)


@pytest.fixture(scope="module")
def kept(run):
    return run / "evaluation"


@pytest.fixture(scope="module")
def found(vae, run, kept):
    return measured(vae, run, keep=kept)


def test_forward_reverse_and_real_perplexity(found, run):
    measures = found.measures
    assert 1 < measures["real_ppl"] < measures["reverse_ppl"]  # it learned the real texts
    assert math.isfinite(measures["forward_ppl"])
    assert found.settings_of("reverse_ppl") == {"N": 40, "T": len(ENGLISH), "E": 2}
    assert found.settings_of("forward_ppl")["N"] == 60
    low, high = found.intervals["reverse_ppl"]
    assert low < measures["reverse_ppl"] < high


def test_reverse_perplexity_of_the_real_texts_themselves_is_the_yardsticks(vae, run, monkeypatch):
    """A model whose random texts are the training texts: both judges are of the same texts."""
    monkeypatch.setattr("textvae.evaluation.subject.random_texts", lambda *_: list(ENGLISH))
    own = measured(vae, run, judging=judging(run))
    assert own.measures["reverse_ppl"] == pytest.approx(own.measures["real_ppl"])


def test_coherence_is_left_out_with_a_note_where_texts_are_single_sentences(found):
    assert not {"coherence", "coherence_held_out"} & set(found.measures)
    assert any(
        "coherence is left out for held-out texts: 0 have several sentences" in note for note in found.notes
    )


def test_the_next_sentence_fits_where_the_judge_says_so(monkeypatch):
    """A judge to whom only agreement between the sentences matters, whatever each costs alone."""

    def agreeing(judge, texts):
        costs = {"x": 3.0, "y": 11.0}
        return np.array(
            [sum(costs[c] for c in text) - 5.0 * (len(set(text)) == 1) * (len(text) > 1) for text in texts]
        )

    class Judge:
        class model:  # noqa: N801
            class config:  # noqa: N801
                max_length = 2

        class tokenizer:  # noqa: N801
            encode = staticmethod(lambda texts: texts)

    monkeypatch.setattr(coherence, "nats", agreeing)
    assert fits(Judge, Places(["x", "y"], ["x", "y"])).tolist() == [1, 1]
    assert fits(Judge, Places(["x", "y"], ["y", "x"])).tolist() == [0, 0]
    assert fits(Judge, Places(["x", "x"], ["y", "y"])).tolist() == [0.5, 0.5]
    assert fits(Judge, Places(["xx", "x"], ["y", "y"])).tolist() == [0.5]  # longer than it reads


def test_coherence_of_texts_of_several_sentences(tmp_path, monkeypatch):
    texts = [f"{a} {b}" for a, b in zip(ENGLISH[:24], ENGLISH[24:48], strict=True)]
    judge = untrained(encoder="none", injection="none", max_length=60)
    monkeypatch.setattr("textvae.evaluation.subject.train_judge", lambda *_, **__: judge)
    monkeypatch.setattr(Subject, "samples", texts[:10])
    asked = Judging(folder=tmp_path, like=RunConfig(), epochs=1)
    options = {"num_samples": 1, "num_prior": 10, "num_pairs": 0, "training_texts": texts, "judging": asked}
    found = evaluate(untrained(max_length=60), texts, **options)
    assert found.measures["coherence_held_out"] * 48 % 1 == 0
    low, high = found.intervals["coherence_held_out"]
    assert 0 <= low < high <= 1
    assert found.settings_of("coherence_held_out") == {"P": 24, "T": 24, "E": 1}
    assert "coherence" not in found.measures
    assert any("random texts: 10 have several sentences" in note for note in found.notes)


def test_a_language_model_itself_has_no_latents_to_measure():
    found = evaluate(untrained(encoder="none", injection="none"), ENGLISH[:9], num_samples=1, num_prior=4)
    assert set(found.parts) == {"likelihoods", "diversity"}
    assert found.measures["rate"] == 0
    assert found.measures["iw_nll"] == pytest.approx(found.measures["distortion"])


def test_an_interrupted_evaluation_goes_on_to_the_same_record(vae, run, found, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    lines = []
    with monkeypatch.context() as patch:
        patch.setattr("textvae.evaluation.novelty.copies", interrupted)
        with pytest.raises(KeyboardInterrupt):
            measured(vae, run, keep=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("textvae.evaluation.diversity.self_bleus", interrupted)  # it is done already
        again = measured(vae, run, keep=tmp_path, tell=lines.append)
    assert again == found
    assert json.dumps(again.to_json()) == json.dumps(found.to_json())
    assert lines[0] == "as measured before: likelihoods, latents, reconstruction, diversity"
    assert lines[1] == "1/4 novelty"
    assert re.fullmatch(r"2/4 smoothness: about \d+:\d\d left in all", lines[2])


def test_what_is_kept_is_found_and_holds_no_text_that_was_measured(vae, run, found, kept, monkeypatch):
    [record] = kept.glob("*.json")
    content = record.read_text(encoding="utf-8")
    random = set(json.loads(content)["families"]["diversity"]["details"]["samples"])
    assert not [text for text in ENGLISH if text not in random and text in content]
    assert kept_evaluations(kept, state_digest(vae.codec)) == [found]
    assert kept_evaluations(kept, "another model's") == []
    with monkeypatch.context() as patch:
        patch.setattr(type(vae.codec.model), "posterior", None)  # nothing is measured again
        assert measured(vae, run, keep=kept) == found


def test_other_settings_and_fresh_measure_again(vae, run, found, kept, tmp_path, monkeypatch):
    lines = []
    measured(vae, run, keep=kept, tell=lines.append, judging=None, seed=1)
    assert lines[0] == "1/6 likelihoods"
    measured(vae, run, keep=kept, tell=lines.append, judging=None, fresh=True, training_texts=None)
    assert "1/5 likelihoods" in lines
    measured(vae, run, keep=kept, tell=lines.append, judging=None, training_texts=ENGLISH[:9])
    assert lines[-1] == "1/1 novelty"  # other training texts change nothing else


def test_a_damaged_record_is_measured_again(vae, run, found, tmp_path):
    plain = {"keep": tmp_path, "judging": None, "training_texts": None}
    first = measured(vae, run, **plain)
    [record] = tmp_path.glob("*.json")
    record.write_bytes(record.read_bytes()[:100])
    assert measured(vae, run, **plain) == first


def test_a_collapsed_model_has_no_reverse_perplexity(vae, run, monkeypatch):
    monkeypatch.setattr("textvae.evaluation.subject.random_texts", lambda *_: ["the same"] * 9)
    own = measured(vae, run, judging=judging(run))
    assert "reverse_ppl" not in own.measures
    assert "forward_ppl" in own.measures
    assert any(note.startswith("no language model of random texts, so no reverse PPL") for note in own.notes)


def test_judges_are_kept_and_their_texts_too(run, found, vae):
    folder = run / "evaluation" / "language-models"
    assert len(list(folder.glob("real-texts-*"))) == 1
    [texts] = folder.glob("random-texts-*-seed-0-*.json")
    source = texts.name.split("-")[2]

    def never(num):
        raise AssertionError

    kept = random_texts(judging(run), len(ENGLISH), 0, source, never)
    assert kept == json.loads(texts.read_bytes())
    with pytest.raises(AssertionError):  # another model's, or under another prior
        random_texts(judging(run), len(ENGLISH), 0, "another", never)


def test_another_prior_has_random_texts_of_its_own(run, found, vae, kept, monkeypatch):
    judged = []
    monkeypatch.setattr(
        "textvae.evaluation.subject.train_judge", lambda _, texts, codec, what: judged.append((what, texts))
    )
    for prior in (None, GaussianMixture(torch.ones(1), torch.full((1, 4), 9.0), torch.full((1, 4), 0.01))):
        monkeypatch.setattr(vae.codec, "fitted_prior", prior)
        subject = Subject(
            codec=vae.codec, texts=ENGLISH[:5], conditions=None, num_samples=1, num_prior=5, num_pairs=0,
            by_words=False, training=ENGLISH, metrics={}, judging=judging(run), seed=0,
        )  # fmt: skip
        assert subject.judge_of_samples is None
        assert judged[-1] == ("random", subject.sample(len(ENGLISH)))
    assert judged[0] != judged[1]


def test_judges_need_training_texts_and_a_run(vae, run, tmp_path):
    with pytest.raises(ConfigError, match="need the training texts"):
        measured(vae, run, training_texts=None)
    with pytest.raises(RunNotFoundError, match=r"config\.yaml is missing"):
        Judging.of_run(tmp_path)
    with pytest.raises(ConfigError, match="epochs is 0; it must be at least 1"):
        Judging.of_run(run, epochs=0)
    assert (Judging.of_run(run).epochs, Judging.of_run(run).num_texts) == (3, 2000)


def test_a_run_that_is_overwritten_loses_its_evaluation(run, found, tmp_path):
    import shutil

    copy = shutil.copytree(run, tmp_path / "copy")
    clear_folder(copy)
    assert not list(copy.iterdir())


def test_large_corpora_are_judged_by_a_share(vae, run):
    subject = Subject(
        codec=vae.codec, texts=ENGLISH[:3], conditions=None, num_samples=1, num_prior=2, num_pairs=1, by_words=False,
        training=ENGLISH, metrics={}, judging=judging(run, num_texts=30), seed=4,
    )  # fmt: skip
    assert len(set(subject.judged_texts)) == 30
    assert set(subject.judged_texts) < set(ENGLISH)
