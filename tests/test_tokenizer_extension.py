"""Extended tokenizers: old ids, old rows, exact round trips of anything."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CHINESE, ENGLISH

from textvae.data.normalization import normalized
from textvae.data.tokenizer_extension import extended, spelling
from textvae.data.tokenizers import KINDS, Tokenizer

TEXTS = [*ENGLISH[:30], *CHINESE[:10], "née 𝒳", ""]
NEW = ["naïve ☃☃ snowmen", "snowmen melt 雪人 雪人", "quizzical \0\0 ï\ud800\ud800\uffff\uffff", "𝒴𝒴 Ωmega Ω"]


def tokenizer(kind: str, **options) -> Tokenizer:
    size = 360 if kind in ("bpe", "unigram") else None
    return Tokenizer.train(TEXTS, kind=kind, vocab_size=size, **options)


PAIRS = {kind: (tokenizer(kind), extended(tokenizer(kind), NEW)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_old_ids_keep_their_meaning_and_frequent_units_get_new_ones(kind):
    before, after = PAIRS[kind]
    assert [after.piece(i) for i in range(before.vocab_size)] == [
        before.piece(i) for i in range(before.vocab_size)
    ]
    new = [after.piece(i) for i in range(before.vocab_size, after.vocab_size)]
    assert new == (["snowmen", "雪人"] if kind == "word" else new)
    if kind != "word":
        assert {"☃", "雪", "ï", "𝒴", "Ω"} <= set(new)
        assert not {"q", "\0", "\ud800", "\uffff", "𝒳"} & set(new)
    for text in TEXTS:
        assert after.encode([text])[0].tolist() == before.encode([text])[0].tolist()


@pytest.mark.parametrize("kind", ["char", "bpe", "unigram"])
@given(text=st.text(st.one_of(st.sampled_from("".join(NEW) + " the née雪大"), st.characters(codec=None))))
@settings(max_examples=150)
def test_any_text_makes_the_round_trip_and_only_new_units_are_spelt_anew(kind, text):
    before, after = PAIRS[kind]
    rows = after.encode([text])
    assert after.decode(rows) == [text]
    spelt = [
        old
        for index in rows[0].tolist()
        for old in (spelling(after, index) if index >= before.vocab_size else [index])
    ]
    assert spelt == before.encode([text])[0].tolist()


@given(words=st.lists(st.sampled_from([*"ab", "cat", "snowmen", "雪人", "☃☃", "melt"])))
def test_words_that_are_new_to_both_are_unknown(words):
    before, after = PAIRS["word"]
    rows = after.encode([" ".join(words)])[0].tolist()
    assert [3 if index >= before.vocab_size else index for index in rows] == before.encode([" ".join(words)])[
        0
    ].tolist()


def test_the_most_frequent_come_first_and_a_limit_is_kept():
    before = tokenizer("char")
    after = extended(before, ["☃☃☃☃ ΩΩΩ 雪雪"], vocab_size=before.vocab_size + 2)
    assert [after.piece(i) for i in range(before.vocab_size, after.vocab_size)] == ["☃", "Ω"]
    assert extended(before, ["☃☃"], vocab_size=before.vocab_size) is before
    assert extended(before, ["the cat ☃"]) is before


def test_texts_are_normalised_first():
    before = tokenizer("char", normalize="nfkc")
    text = "ＡＡ ﬀ"
    after = extended(before, [text])
    pieces = {after.piece(i) for i in range(before.vocab_size, after.vocab_size)}
    assert pieces <= set(normalized([text], "nfkc")[0])


def test_an_extended_tokenizer_is_saved_and_extended_again(tmp_path):
    for before, after in PAIRS.values():
        after.save(tmp_path)
        loaded = Tokenizer.load(tmp_path)
        assert loaded.fingerprint == after.fingerprint != before.fingerprint
        assert extended(loaded, NEW) is loaded
        assert loaded.encode(NEW)[1].tolist() == after.encode(NEW)[1].tolist()
