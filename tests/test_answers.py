"""Measures of answers to sources and labels: identities, sums by hand, what is refused, and records that compare."""

import dataclasses
import json

import numpy as np
import pytest
from answered import ANSWERS, LABELLED, LABELS, REFERENCES, SOURCES
from conditioned import conditional
from tiny import CHINESE, ENGLISH
from untrained import untrained

from textvae.cli.evaluate import show
from textvae.cli.screen import Screen
from textvae.errors import ConfigError, DataError
from textvae.evaluation import coherence
from textvae.evaluation.bootstrap import FORMULAS, Tally
from textvae.evaluation.comparison import compare
from textvae.evaluation.pages import Examples, comparison_page, evaluation_page, summary
from textvae.evaluation.record import Part
from textvae.evaluation.report import evaluate
from textvae.evaluation.scored import num_words
from textvae.evaluation.tasks.families import TASK_FAMILIES
from textvae.evaluation.tasks.fluency import before_answer
from textvae.evaluation.tasks.report import evaluate_answers
from textvae.evaluation.tasks.slots import is_said, slots_of

MAIN = [several[0] for several in ANSWERS]


@pytest.fixture(scope="module")
def judge():
    return untrained(encoder="none", injection="none", max_length=60)


def measures(*args, **options):
    return evaluate_answers(*args, **options).measures


# ---------------------------------------------------------------- against references


@pytest.mark.parametrize("texts", [ENGLISH[:8], CHINESE[:8]], ids=["english", "chinese"])
def test_identical_texts_score_the_most(texts):
    found = evaluate_answers([[text, text] for text in texts], texts)
    for key in ("answer_bleu", "answer_chrf", "oracle_bleu", "multi_bleu_recall", "multi_bleu_precision"):
        assert found.measures[key] == pytest.approx(100), key
    for key in (
        "rouge_1",
        "rouge_2",
        "rouge_l",
        "oracle_rouge_l",
        "length_ratio",
        "length_exact",
        "length_near",
    ):
        assert found.measures[key] == 1, key
    assert found.measures["answer_diversity"] == pytest.approx(0, abs=1e-12)
    assert found.measures["different_answers"] == 0.5
    tokenizer = "13a" if texts[0].isascii() else "zh"
    assert f"tok:{tokenizer}" in found.settings_of("answer_bleu")["signature"]


def test_the_best_of_several_answers_is_no_worse_than_the_first():
    found = measures(ANSWERS, REFERENCES)
    assert found["oracle_bleu"] > found["answer_bleu"]
    assert found["oracle_rouge_l"] > found["rouge_l"]
    first_only = measures([[text, text] for text in MAIN], REFERENCES)
    assert first_only["oracle_bleu"] == pytest.approx(first_only["answer_bleu"])
    assert first_only["oracle_rouge_l"] == first_only["rouge_l"] == found["rouge_l"]


def test_bleu_recall_and_precision_by_hand():
    """Two answers that are one of two references each time, or nothing like either: sentence BLEU is 100 or 0."""
    a, b, x = "one two three four", "five six seven eight", "nine ten eleven twelve"
    found = measures([[a, x, x], [a, a, x]], [[a, b], [a]])
    assert found["multi_bleu_recall"] == pytest.approx(100 * ((1 + 0) / 2 + 1) / 2)
    assert found["multi_bleu_precision"] == pytest.approx(100 * (1 / 3 + 2 / 3) / 2)
    assert found["answer_diversity"] == pytest.approx(((1 - 2 / 6) + (1 - 2 / 6)) / 2)
    assert found["answer_diversity_references"] == pytest.approx(1)  # of the one source that has two


def test_rouge_takes_the_reference_that_gives_the_most():
    assert measures(["b c"], [["x y z", "a b c"]])["rouge_l"] == pytest.approx(2 * 2 / 5)


def test_chinese_by_characters_or_by_words():
    answers, references = ["我喜欢苹果。"], ["我喜欢大海。"]
    assert measures(answers, references)["rouge_1"] == pytest.approx(3 / 5)
    by_words = evaluate_answers(answers, references, chinese_words=True)
    assert by_words.measures["rouge_1"] == pytest.approx(2 / 3)
    assert "rjieba" in by_words.settings["units"]
    assert "tok:none" in by_words.settings_of("answer_bleu")["signature"]


# ---------------------------------------------------------------- variety, source, lengths


def test_repetition_and_distinct_by_hand():
    found = measures(["a b a b a b", "c d"], ["a b c d", "e f"])
    assert found["repetition"] == pytest.approx(3 / 6)
    assert found["repetition_references"] == 0
    assert (found["answer_distinct_1"], found["answer_distinct_1_references"]) == (4 / 8, 1)
    assert found["answer_distinct_2"] == 3 / 6


def test_answers_to_other_sources_are_less_coherent():
    main = [several[0] for several in REFERENCES]
    own = measures(main, sources=SOURCES)
    other = measures(main[1:] + main[:1], sources=SOURCES)
    assert own["lexical_coherence"] == 1 > other["lexical_coherence"]
    assert measures(["?"] * 4, sources=SOURCES)["lexical_coherence"] == 0.5  # fits all alike
    assert own["source_overlap"] > other["source_overlap"]


def test_copies_of_the_source():
    found = measures([["The cat.", "b"], ["c", "d"]], sources=["the cat", "x"])
    assert found["source_copies"] == 0.25
    assert measures(["the cat the"], sources=["The cat!"])["source_overlap"] == pytest.approx(2 / 3)


def test_lengths_are_those_wanted_or_those_of_the_reference():
    answers = ["a b c d e", "a b c d e f", "a b c d e f g", "a b"]
    found = evaluate_answers(answers, lengths=[5, 5, 5, 2])
    assert found.measures["length_exact"] == 2 / 4
    assert found.measures["length_near"] == 3 / 4  # 6 of 5 is within 20 %, 7 is not
    assert found.measures["length_ratio"] == 20 / 17
    assert found.settings_of("length_exact")["wanted"] == "as given"
    couplets = measures(["春眠不觉晓", "处处闻啼鸟。"], ["夜来风雨声", "花落知多少"])
    assert couplets["length_exact"] == 0.5


# ---------------------------------------------------------------- slots


def test_slots_are_found_as_whole_words():
    assert slots_of("name[The Eagle], area[], near[-]") == [("name", "The Eagle")]  # what has nothing to say
    assert slots_of("店名[老王饭馆]，菜系[川菜]") == [("店名", "老王饭馆"), ("菜系", "川菜")]
    assert slots_of("name[a]\nfood[b],") == [("name", "a"), ("food", "b")]
    for text in ("The Eagle is a pub", "name[The Eagle] is", "name[a", "[a]", ""):
        assert slots_of(text) is None, text
    assert is_said(("food", "fast  food"), "It serves Fast-food.")
    assert not is_said(("food", "art"), "It is a party.")
    assert is_said(("price", "£20-25"), "For £20-25 you eat.")
    assert is_said(("菜", "川菜"), "这家店做川菜很好")


def test_names_and_numbers_beside_chinese_letters_are_found():
    given = {"sources": ["name[KFC], area[河边], price[50]"]}
    assert measures(["KFC在河边，人均50元。"], **given)["slot_coverage"] == 1
    assert measures(["KFCs在河边，人均150元。"], **given)["slot_coverage"] == pytest.approx(1 / 3)


def test_slots_of_dialogue_acts_are_what_words_can_say():
    act = "inform(name='the eagle';near=bridge street;kidsallowed=yes;area=dontcare;count='2')"
    assert slots_of(act) == [("name", "the eagle"), ("near", "bridge street"), ("count", "2")]
    assert slots_of("inform(name='Bar; (Old)';price-range=cheap;)") == [
        ("name", "Bar; (Old)"),
        ("price-range", "cheap"),
    ]
    assert slots_of("?request(area)") == slots_of("goodbye()") == []
    for text in ("inform(name=a", "he left (at 5;30!)", "a(b) c"):
        assert slots_of(text) is None, text
    acts = ["inform(name='the eagle';food=fish)", "goodbye()"]
    found = measures(["the eagle has meat", "bye"], sources=acts)
    assert found["slot_coverage"] == 1 / 2
    assert "slot_coverage" not in measures(["bye"], sources=["goodbye()"])


def measured(answers, sources):
    return measures(answers, sources=sources)["slot_coverage"]


def test_slot_coverage_by_hand():
    sources = ["name[The Eagle], food[English]", "name[Zizzi], familyFriendly[yes]"]
    answers = ["The Eagle serves french food.", "Zizzi is family friendly."]
    found = measures(answers, ["The Eagle, English.", "Zizzi!"], sources=sources)
    assert found["slot_coverage"] == 3 / 4
    assert found["slots_complete"] == 1 / 2
    assert found["slot_coverage_references"] == 3 / 4
    assert "slot_coverage" not in measures(answers, sources=[sources[0], "plain"])
    assert measures([*answers, ""], sources=[*sources, ""])["slot_coverage"] == measured(answers, sources)
    many = evaluate_answers([*answers * 6, "x"], sources=[*sources * 6, "plain"])
    assert many.measures["slot_coverage"] == measured(answers, sources)
    assert "1 of 13 sources could not be read as slots, and count as without any" in many.notes


# ---------------------------------------------------------------- labels


@pytest.mark.slow
def test_label_accuracy_stands_beside_the_judges_own():
    answers = [["tasty soup !", "lovely food here ."], ["rude staff !", "good food !"]]
    options = {"training": LABELLED, "training_labels": LABELS}
    found = evaluate_answers(answers, labels=["good", "bad"], **options)
    assert found.measures["label_accuracy"] == 0.75
    assert found.measures["label_accuracy_judge"] == 1
    assert found.measures["label_accuracy_ratio"] == 0.75
    assert found.settings_of("label_accuracy") == {"N": 2, "M": 2, "T": 48}
    assert found.settings_of("label_accuracy_judge")["N"] == 4
    unknown = evaluate_answers(answers, labels=["good", "odd"], **options)
    assert unknown.measures["label_accuracy"] == 0.5
    assert any("no training text has the label 'odd'" in note for note in unknown.notes)


def test_what_has_no_label_is_not_judged_by_one():
    training, labels = [*LABELLED, "nothing here"], [*LABELS, None]
    given = {"training": training, "training_labels": labels}
    found = evaluate_answers(["tasty soup !", "rude", "good"], labels=["good", None, "bad"], **given)
    assert found.measures["label_accuracy"] == 0.5
    assert found.settings_of("label_accuracy")["N"] == 2
    assert found.settings_of("label_accuracy")["T"] == 48
    numbers = evaluate_answers(
        ["tasty", "rude"], labels=[1, 0], training=LABELLED, training_labels=[1] * 24 + [0] * 24
    )
    assert numbers.measures["label_accuracy"] == 1
    assert "label_accuracy" not in measures(["tasty"], labels=[None], **given)
    with pytest.raises(DataError, match="number 2 of sources is None; a string is needed"):
        measures(["a", "b"], sources=["a", None])


def test_a_judge_that_learned_nothing_says_so():
    """Labels that are noise: what is measured on held-out texts is chance, not what was fitted."""
    texts = [f"{word} {i} {i * i}" for i in range(200) for word in ("a", "b")]
    noise = np.random.default_rng(0).choice(["good", "bad"], len(texts)).tolist()
    found = measures(texts[:4], labels=noise[:4], training=texts, training_labels=noise)
    assert 0.2 < found["label_accuracy_judge"] < 0.8
    assert found["label_accuracy_ratio"] == pytest.approx(
        found["label_accuracy"] / found["label_accuracy_judge"]
    )


# ---------------------------------------------------------------- training texts, judge, scenarios


def test_novelty_of_answers_beside_references():
    found = measures(
        ["The cat sat", "a b c d e"], ["x y", "the cat"], training=["the cat sat.", "a b c d e f"]
    )
    assert found["answer_copy_rate"] == 0.5
    assert found["answer_distance"] == pytest.approx((2 / 3 + 1 / 6) / 2)  # case and the full stop are edits
    assert found["answer_near_copy_rate"] == 0.5
    assert found["answer_distance_references"] > found["answer_distance"]


def test_perplexity_and_fluency_under_a_judge(judge):
    main = [several[0] for several in REFERENCES]
    found = evaluate_answers(main, REFERENCES, sources=SOURCES, judge=judge)
    assert found.measures["answer_ppl"] == pytest.approx(found.measures["answer_ppl_references"])
    assert 0.5 < found.measures["fluency"] <= 1
    assert found.settings_of("answer_coherence") == {"P": 4}
    broken = ["xq zj kv qx", *main[1:]]
    worse = measures(broken, REFERENCES, judge=judge)
    nats = judge.log_likelihood(judge.store(broken), judge.prior_sample(4))
    assert worse["answer_ppl"] == pytest.approx(np.exp(-nats.sum().item() / num_words(broken).sum()))
    assert worse["fluency_references"] == found.measures["fluency_references"]


def test_a_judge_divides_by_the_words_that_it_has_read():
    """What is longer than it reads is as likely a word as its beginning, and that it was cut is told."""
    judge = untrained(encoder="none", injection="none", max_length=10)
    whole = " ".join(ENGLISH[:20])
    [beginning] = judge.tokenizer.decode([judge.store([whole])[0]])
    found, short = (evaluate_answers([text, "a"], judge=judge) for text in (whole, beginning))
    assert found.measures["answer_ppl"] == pytest.approx(short.measures["answer_ppl"])
    assert found.notes == [
        "1 of 2 texts are longer than the judge reads, 10 tokens; the rest of them is not judged"
    ]
    assert short.notes == []


def test_one_word_answers_repeat_nothing(judge, monkeypatch):
    monkeypatch.setattr(
        "textvae.evaluation.tasks.scenarios.fluency", lambda texts, _: Tally.mean([1.0] * len(texts))
    )
    monkeypatch.setattr(
        "textvae.evaluation.tasks.scenarios.coherence", lambda texts, _: Tally.mean([1.0] * len(texts))
    )
    given = {"references": ["fine"] * 3, "sources": ["a?", "b?", "c?"], "judge": judge}
    short = measures(["OK", "Yes", "No"], **given)
    assert (short["repetition"], short["naturalness"]) == (0, 1)
    again = measures(["no no no no", "Yes", "No"], **given)
    assert again["naturalness"] == pytest.approx((1 / 3) ** (1 / 3))


def test_a_judge_that_reads_conditions_is_refused():
    twin = conditional(encoder="none", injection="none")
    with pytest.raises(ConfigError, match="the judge answers to conditions"):
        measures(["a"], sources=["b"], judge=twin)


def test_there_is_no_naturalness_where_coherence_is_unknown(judge, monkeypatch):
    nothing = Tally.ratio([0.0, 0.0], [0.0, 0.0])
    monkeypatch.setattr("textvae.evaluation.tasks.scenarios.coherence", lambda texts, _: nothing)
    given = {"references": ["fine"] * 2, "sources": ["a?", "b?"], "judge": judge}
    assert "naturalness" not in measures(["OK", "Yes"], **given)


def test_an_answer_that_says_nothing_known_has_no_label():
    kinds = {"positive": "good nice great food", "negative": "bad awful poor food"}
    training = [f"{words} {i}" for words in kinds.values() for i in range(30)]
    labels = [kind for kind in kinds for _ in range(30)]
    for wanted in kinds:
        given = {"labels": ["positive"] + [wanted] * 9, "training": training, "training_labels": labels}
        assert measures(["ok good", *[""] * 9], **given)["label_accuracy"] == 0.1


def test_coherence_under_a_judge_falls_where_answers_change_places(judge, monkeypatch):
    """A judge to whom only words that the answer shares with what stands before it matter."""

    def sharing(judge, texts):
        words = [text.split() for text in texts]
        return np.array([len(row) - 5.0 * (len(row) - len(set(row))) for row in words])

    monkeypatch.setattr(coherence, "nats", sharing)
    sources = ["where is the cat ?", "who saw a dog ?", "my sister ?"]
    answers = ["cat sleeps", "dog ran", "sister sings"]
    own = measures(answers, sources=sources, judge=judge)
    other = measures(answers[1:] + answers[:1], sources=sources, judge=judge)
    assert own["answer_coherence"] == 1
    assert other["answer_coherence"] <= 0.5


def test_what_the_judge_reads_before_an_answer():
    assert before_answer("Hi.", "Hi!") == "Hi. "
    assert before_answer("你好。", "OK，好的") == "你好。"


def test_scenarios_are_geometric_means_of_parts_shown_beside(judge):
    found = measures(ANSWERS, REFERENCES, sources=SOURCES, judge=judge, training=ENGLISH)
    parts = found["answer_distance"], found["fluency"], found["answer_diversity"]
    assert found["creativity"] == pytest.approx(np.prod(parts) ** (1 / 3))
    coherent = max(0, 2 * found["answer_coherence"] - 1)
    parts = found["fluency"], coherent, 1 - found["repetition"]
    assert found["naturalness"] == pytest.approx(np.prod(parts) ** (1 / 3))


def test_a_part_below_nothing_is_nothing():
    tally = Tally.geometric(Tally.mean([0.5, 0.5]), Tally.mean([-1.0, 0.5]))
    assert tally.value == 0
    assert FORMULAS["geometric"](np.array([[1.0, 4.0, 1.0, 1.0]])) == pytest.approx(0.5)


# ---------------------------------------------------------------- the record


def test_every_measure_is_found_where_all_is_given_and_its_settings_are_known(judge):
    sources = [f"place[{number}]" for number in ("sofa", "sea", "there", "house")]
    found = evaluate_answers(
        ANSWERS, REFERENCES, sources=sources, labels=LABELS[:4], training=LABELLED, training_labels=LABELS, judge=judge
    )  # fmt: skip
    assert set(found.measures) == {one.key for family in TASK_FAMILIES for one in family.definitions}
    for key in found.measures:
        assert None not in found.settings_of(key, hidden=True).values(), key
    low, high = found.intervals["oracle_bleu"]
    assert low <= found.measures["oracle_bleu"] <= high


def test_what_is_given_decides_what_is_measured():
    assert set(evaluate_answers(MAIN).parts) == {"variety"}
    assert set(evaluate_answers(MAIN, sources=SOURCES).parts) == {"variety", "source"}
    assert set(evaluate_answers(MAIN, REFERENCES).parts) == {"against references", "variety", "lengths"}
    assert "several answers" in evaluate_answers(ANSWERS, REFERENCES).parts
    assert set(evaluate_answers(["a"], ["a"], sources=["a"]).parts) >= {"source"}  # one source alone


def test_answers_compare_pair_by_pair_and_other_references_do_not():
    a = evaluate_answers(ANSWERS, REFERENCES, sources=SOURCES)
    b = evaluate_answers([several[::-1] for several in ANSWERS], REFERENCES, sources=SOURCES)
    c = evaluate_answers(ANSWERS, [several[:1] for several in REFERENCES], sources=SOURCES)
    row = compare({"a": a, "b": b}).rows["rouge_l"]
    assert row.differences["b"].value == pytest.approx(b.measures["rouge_l"] - a.measures["rouge_l"])
    assert row.differences["b"].interval is not None
    assert compare({"a": a, "b": b}).rows["oracle_rouge_l"].differences["b"].interval == (0, 0)
    assert compare({"a": a, "c": c}).rows["answer_bleu"].obstacle == "other texts"


def test_a_record_is_kept_and_shown_whole():
    found = evaluate_answers(ANSWERS, REFERENCES, sources=SOURCES, training=ENGLISH)
    for part in found.parts.values():
        again = Part.from_json(json.loads(json.dumps(part.to_json())))
        assert again == part
    json.dumps(found.to_json(), allow_nan=False)
    page = evaluation_page(found, Examples(answered=[("<q>", "a", "r")]), title="answers")
    assert "4 sources, 2 answers each, 2 references each at most" in page
    assert "&lt;q&gt;" in page
    assert "oracle BLEU-4" in comparison_page(compare({"a": found, "b": found}), title="both")


def test_the_order_of_sources_changes_no_corpus_score():
    a = measures(ANSWERS, REFERENCES, sources=SOURCES)
    b = measures(ANSWERS[::-1], REFERENCES[::-1], sources=SOURCES[::-1])
    for key in a.keys() - {"lexical_coherence", "lexical_coherence_references"}:
        assert a[key] == pytest.approx(b[key]), key


@pytest.mark.parametrize(
    ("answers", "options", "message"),
    [
        ("a b", {}, "answers is one string"),
        ([], {}, "no answers"),
        (["a"], {"references": ["a", "b"]}, "answers to 1 sources, but references for 2"),
        (["a", "b"], {"sources": ["x"]}, "answers to 2 sources, but sources for 1"),
        (["a"], {"labels": []}, "labels for 0"),
        (["a"], {"references": [["a", " "]]}, "a reference of source 1 is empty"),
        (["a", "b"], {"references": [["a"], []]}, "a reference of source 2 is empty"),
        ([[], []], {}, "every first answer is empty"),
        (["", " "], {}, "every first answer is empty"),
        (["a"], {"training": []}, "no training texts"),
        (["a"], {"training": ["a"], "training_labels": ["x", "y"]}, "2 labels for 1 training texts"),
        (["a"], {"labels": ["x"], "training": ["a"], "training_labels": ["x"]}, "a judge of labels needs ten"),
    ],
)  # fmt: skip
def test_what_is_refused(answers, options, message):
    with pytest.raises(DataError, match=message):
        evaluate_answers(answers, **options)


def test_a_judge_has_no_latent():
    with pytest.raises(ConfigError, match="a language model is needed"):
        evaluate_answers(["a"], ["a"], judge=untrained())


def test_an_empty_answer_is_counted_and_told(judge):
    found = evaluate_answers([["", "b"], ["the cat .", ""]], ["the dog .", "the cat ."], sources=["x", "y"], judge=judge, training=["a b"])  # fmt: skip
    assert found.measures["rouge_1"] == 0.5
    assert "empty answers, counted as they are: 2" in found.notes


def test_an_evaluation_says_what_its_answers_rest_on(capsys):
    found = evaluate(untrained(max_length=20), ENGLISH[:3], num_samples=2, num_prior=4, num_pairs=2)
    answered = evaluate_answers(ANSWERS, REFERENCES, sources=SOURCES)
    both = dataclasses.replace(found, parts=found.parts | answered.parts)
    assert summary(both).endswith("seed 0; answers to 4 conditions, 2 each")
    show(both, Screen())
    assert capsys.readouterr().out.splitlines().count("answers:") == 1
    show(answered, Screen())
    assert "answers:" not in capsys.readouterr().out.splitlines()
