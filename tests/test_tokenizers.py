import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.data import tokenizer_training
from textvae.data.normalization import normalized
from textvae.data.tokenizers import KINDS, Tokenizer, default_kind, default_vocab_size
from textvae.data.unigram import weigh_pieces
from textvae.data.vocabulary import BOS, EOS, FIRST_BYTE, NUM_BYTES, NUM_SPECIAL, PAD, UNK
from textvae.errors import TokenizerError

ENGLISH = [
    "The oldest known cat lived for thirty-eight years.",
    "Honey never spoils; pots of honey were found in tombs 3,000 years old.",
    "Don't count the years, count the cats that don't count you.",
    "A group of cats is called a clowder, and a group of owls a parliament.",
    "The shortest war lasted 38 minutes.",
    "Bananas are berries, but strawberries aren't.",
] * 4
CHINESE = [
    "今天天气很好，我们去公园吧。",
    "我们的老师今天没有来学校。",
    "你好，很高兴认识你！",
    "这个学校有很多学生和老师。",
    "他今天早上八点去学校了。",
    "我很喜欢在公园里看书。",
] * 4
CORPORA = {"english": ENGLISH, "chinese": CHINESE}
REVERSIBLE = ("char", "bpe", "unigram")
ADVERSARIAL = [
    *("</s>", "<unk>", "<s> <pad>", "<0x41>", "< >", "▁a▁", "Ġa", "##a"),
    *("", " ", "  ", " a", "a ", "  two  spaces  ", "\t\n\r\n\v\f\x1c\x85\u2028\xa0\u3000\u200b"),
    *("\0a\0", "\ud800", "\udfff\ud800", "a\ud83d b \udc00", "\uffff", "\ufeff", "\U0010ffff"),
    *("👩‍👩‍👧‍👦🏳️‍🌈", "e\u0301\u0301\u0323", "مرحبا بالعالم", "\u202eabc\u202c", "क्षि", "می‌خواهم", "ไทย"),
    *(
        "ﬁ Å ① Ⅷ",
        "don't can’t '' ''a",
        "12345 ١٢٣ 一二三",
        "，。！？",
        "臺灣",
        "naïve café",
        "a" * 1000,
        "好" * 1000,
    ),
]
TOKENIZERS = {
    (kind, language): Tokenizer.train(texts, kind=kind, vocab_size=None if kind in ("word", "char") else 400)
    for kind in KINDS
    for language, texts in CORPORA.items()
}
reversible = pytest.mark.parametrize(
    ("kind", "language"), [pair for pair in TOKENIZERS if pair[0] in REVERSIBLE]
)
every = pytest.mark.parametrize(("kind", "language"), list(TOKENIZERS))
anything = st.text(st.characters(), max_size=60)  # surrogates included


@reversible
@pytest.mark.parametrize("text", ADVERSARIAL)
def test_every_text_comes_back_exactly(kind, language, text):
    tokenizer = TOKENIZERS[kind, language]
    assert tokenizer.decode(tokenizer.encode([text])) == [text]


@reversible
@given(
    texts=st.lists(st.one_of(anything, st.text("  \n'aбé好\u0301\u200d19.<>\ud800", max_size=30)), max_size=4)
)
@settings(max_examples=60, deadline=None)
def test_arbitrary_unicode_comes_back_exactly(kind, language, texts):
    tokenizer = TOKENIZERS[kind, language]
    assert tokenizer.decode(tokenizer.encode(texts)) == texts


@every
@given(texts=st.lists(anything, max_size=4))
@settings(max_examples=25, deadline=None)
def test_ids_are_ordinary_int32_and_rows_do_not_depend_on_their_batch(kind, language, texts):
    tokenizer = TOKENIZERS[kind, language]
    rows = tokenizer.encode([*texts, *CORPORA[language]])
    for text, row in zip(texts, rows, strict=False):
        assert row.dtype == np.int32
        assert np.array_equal(row, tokenizer.encode([text])[0])
        smallest = UNK if kind == "word" else NUM_SPECIAL
        assert all(smallest <= i < tokenizer.vocab_size for i in row)


@every
def test_the_pieces_of_known_text_spell_it(kind, language):
    tokenizer = TOKENIZERS[kind, language]
    for text, row in zip(CORPORA[language], tokenizer.encode(CORPORA[language]), strict=True):
        pieces = [tokenizer.piece(int(i)) for i in row]
        if kind == "word":
            assert " ".join(pieces) == text
        elif None not in pieces:
            assert "".join(pieces).removeprefix(" ") == text


def test_an_empty_text_and_an_empty_batch_have_no_ids():
    for tokenizer in TOKENIZERS.values():
        assert tokenizer.encode([]) == []
        assert [len(row) for row in tokenizer.encode(["", "a", ""])][::2] == [0, 0]
        assert tokenizer.decode([[]]) == [""]


def test_literal_specials_never_become_special_ids():
    for kind in REVERSIBLE:
        rows = TOKENIZERS[kind, "english"].encode(["</s><s><pad><unk>", "<0x0A>"])
        assert all(row.min() >= NUM_SPECIAL for row in rows)
        assert "\n" not in TOKENIZERS[kind, "english"].decode(rows)[1]


def test_decoding_skips_specials_and_repairs_broken_bytes():
    tokenizer = TOKENIZERS["char", "english"]
    (row,) = tokenizer.encode(["cat"])
    assert tokenizer.decode([[BOS, *row, EOS, PAD, PAD]]) == ["cat"]
    assert tokenizer.decode([[UNK, *row]]) == ["cat"]
    half = [FIRST_BYTE + byte for byte in "好".encode()[:2]]
    assert tokenizer.decode([[*row, *half, *row]]) == ["cat\ufffdcat"]


@pytest.mark.parametrize("index", [-1, 10**6])
def test_an_id_outside_the_vocabulary_is_named(index):
    with pytest.raises(
        TokenizerError, match=rf"^token id {index} is outside the vocabulary; ids are 0 to \d+$"
    ):
        TOKENIZERS["bpe", "english"].decode([[5, index]])


def test_words_hold_all_training_words_and_render_the_unknown():
    tokenizer = Tokenizer.train(["the cat <unk> sat", "the dog"], kind="word")
    assert tokenizer.vocab_size == NUM_SPECIAL + 5
    assert tokenizer.piece(NUM_SPECIAL) == "the"
    (row,) = tokenizer.encode(["the  <unk>\tdog barked"])
    assert row[-1] == UNK
    assert UNK not in row[:-1]
    assert tokenizer.decode([row]) == ["the <unk> dog <unk>"]


def test_a_word_limit_keeps_the_most_frequent():
    tokenizer = Tokenizer.train(["a a a b b c"], kind="word", vocab_size=NUM_SPECIAL + 2)
    assert tokenizer.decode(tokenizer.encode(["a b c"])) == ["a b <unk>"]


def test_characters_are_single_pieces_and_others_are_bytes():
    tokenizer = TOKENIZERS["char", "chinese"]
    known, other = tokenizer.encode(["学校", "猫"])
    assert [tokenizer.piece(int(i)) for i in known] == ["学", "校"]
    assert other.tolist() == [FIRST_BYTE + byte for byte in "猫".encode()]
    assert tokenizer.vocab_size == FIRST_BYTE + NUM_BYTES + len(set("".join(CHINESE)))


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_the_first_word_has_the_pieces_of_a_later_one(kind):
    tokenizer = TOKENIZERS[kind, "english"]
    first, later, start = tokenizer.encode(["cats", "the cats", "the"])
    assert later.tolist() == [*start, *first]
    assert tokenizer.starts_word(int(first[0]))


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_stay_within_a_word_and_numbers_stand_apart(kind):
    tokenizer = TOKENIZERS[kind, "english"]
    for index in range(FIRST_BYTE + NUM_BYTES, tokenizer.vocab_size):
        piece = tokenizer.piece(index)
        assert " " not in piece[1:]
        digits = [char.isnumeric() for char in piece.removeprefix(" ")]
        assert all(digits) or not any(digits)
        assert len(piece) <= tokenizer_training.MAX_PIECE_CHARS
        assert tokenizer.starts_word(index) == piece.startswith(" ")
    assert tokenizer.piece(EOS) == ""
    assert tokenizer.piece(FIRST_BYTE + 65) is None
    assert not tokenizer.starts_word(FIRST_BYTE + 32)


def test_scripts_without_spaces_spend_no_token_on_a_leading_space():
    tokenizer = TOKENIZERS["unigram", "chinese"]
    assert "".join(tokenizer.piece(int(i)) for i in tokenizer.encode(["我们去公园"])[0]) == "我们去公园"


@every
def test_training_twice_gives_the_same_tokenizer(kind, language):
    again = Tokenizer.train(
        iter(CORPORA[language]), kind=kind, vocab_size=None if kind in ("word", "char") else 400
    )
    assert again.fingerprint == TOKENIZERS[kind, language].fingerprint


def test_the_chance_order_of_unneeded_characters_is_undone():
    ladders = [
        {"ab": -1.0, "x": -9.0, "y": -8.9999, "z": -8.9998},
        {"ab": -1.0, "z": -9.0, "x": -8.9999, "y": -8.9998},
    ]
    one, other = (tokenizer_training._reproducible(scores) for scores in ladders)
    assert one == other == {"ab": -1.0, "x": -9.0, "y": -9.0, "z": -9.0}


def test_vocabularies_respect_their_size():
    for kind in ("bpe", "unigram", "char"):
        tokenizer = Tokenizer.train(ENGLISH, kind=kind, vocab_size=300)
        assert tokenizer.vocab_size <= 300
        assert tokenizer.vocab_size > 280
        assert tokenizer.decode(tokenizer.encode(ENGLISH)) == ENGLISH


def test_large_corpora_are_subsampled_evenly(monkeypatch):
    monkeypatch.setattr(tokenizer_training, "MAX_TRAIN_TEXTS", 10)
    texts = [f"{'even' if i % 2 else 'odd'} number" for i in range(40)] + ["late arrival"] * 20
    sample = list(tokenizer_training._Familiar(texts, 100))
    assert len(sample) == 10
    assert Counter(sample)["late arrival"] == 3
    monkeypatch.setattr(tokenizer_training, "MAX_TRAIN_CHARS", 100)
    assert sum(map(len, tokenizer_training._Familiar(texts, 100))) <= 130


@every
def test_saving_and_loading_changes_nothing(kind, language, tmp_path):
    tokenizer = TOKENIZERS[kind, language]
    tokenizer.save(tmp_path / "new")
    loaded = Tokenizer.load(tmp_path / "new")
    assert (loaded.kind, loaded.normalize, loaded.vocab_size) == (kind, "none", tokenizer.vocab_size)
    assert loaded.fingerprint == tokenizer.fingerprint
    texts = [*CORPORA[language], *ADVERSARIAL]
    assert all(map(np.array_equal, loaded.encode(texts), tokenizer.encode(texts)))


def test_fingerprints_tell_tokenizers_apart():
    normalized_one = Tokenizer.train(ENGLISH, kind="char", normalize="nfkc")
    prints = {tokenizer.fingerprint for tokenizer in TOKENIZERS.values()} | {normalized_one.fingerprint}
    assert len(prints) == len(TOKENIZERS) + 1


def _edit_config(folder, **changes):
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "tokenizer.json").unlink(), r"no tokenizer file at .*tokenizer\.json: No such file"),
        (lambda f: (f / "tokenizer_config.json").unlink(), r"no tokenizer file at .*tokenizer_config\.json"),
        (
            lambda f: (f / "tokenizer.json").write_text("{}"),
            r"tokenizer\.json is damaged: .*; copy the folder again",
        ),
        (
            lambda f: (f / "tokenizer.json").write_bytes(b"\xff"),
            r"tokenizer\.json is damaged: it is not UTF-8",
        ),
        (lambda f: (f / "tokenizer_config.json").write_text("[]"), r"tokenizer_config\.json is damaged"),
        (lambda f: (f / "tokenizer_config.json").write_text("{"), r"tokenizer_config\.json is damaged"),
        (lambda f: _edit_config(f, format=99), r"has format 99, this textvae reads 1; update textvae"),
        (lambda f: _edit_config(f, kind="wrod"), r"tokenizer is 'wrod'; use one of word, char, bpe, unigram"),
        (lambda f: _edit_config(f, vocab_size=5), r"the two files belong to different tokenizers"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(tmp_path, damage, message):
    TOKENIZERS["bpe", "english"].save(tmp_path)
    damage(tmp_path)
    with pytest.raises(TokenizerError, match=message) as error:
        Tokenizer.load(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("texts", [[], [""], ["\0", "\ud800"]])
def test_a_corpus_with_nothing_to_learn_is_refused(kind, texts):
    with pytest.raises(
        TokenizerError, match=rf"^a {kind} tokenizer found 0 pieces to learn: .*; check the file"
    ):
        Tokenizer.train(texts, kind=kind)


def test_impossible_settings_are_refused():
    with pytest.raises(TokenizerError, match="tokenizer is 'words'; use one of word, char, bpe, unigram"):
        Tokenizer.train(ENGLISH, kind="words")
    with pytest.raises(TokenizerError, match="vocab_size is 260; a bpe tokenizer needs more than 260"):
        Tokenizer.train(ENGLISH, kind="bpe", vocab_size=260)
    with pytest.raises(TokenizerError, match="normalize is 'nfd'; use one of none, nfkc"):
        Tokenizer.train(ENGLISH, kind="bpe", normalize="nfd")


def test_normalisation_applies_to_training_and_encoding(tmp_path):
    tokenizer = Tokenizer.train(["ＡＢＣ ABC"], kind="char", normalize="nfkc")
    assert tokenizer.decode(tokenizer.encode(["ＣＡＢ"])) == ["CAB"]
    assert tokenizer.vocab_size == FIRST_BYTE + NUM_BYTES + 4
    tokenizer.save(tmp_path)
    assert Tokenizer.load(tmp_path).decode(tokenizer.encode(["Ａ"])) == ["A"]


def test_traditional_chinese_is_simplified_where_asked():
    pytest.importorskip("opencc", reason="needs the chinese extra")
    assert normalized(["漢語", "abc"], "simplified") == ["汉语", "abc"]
    assert normalized(["ＡＢ漢語"], "nfkc+simplified") == ["AB汉语"]
    assert normalized(["ＡＢ漢語"], "none") == ["ＡＢ漢語"]


def test_defaults_follow_script_and_size():
    assert default_kind(ENGLISH) == "unigram"
    assert default_kind(CHINESE) == "char"
    assert default_vocab_size("word", 10**6) is None
    assert default_vocab_size("char", 10**6) is None
    sizes = [default_vocab_size("unigram", num_chars) for num_chars in (0, 600_000, 2_400_000, 10**7, 10**10)]
    assert sizes == [1000, 4000, 8000, 16000, 16000]
    assert default_vocab_size("bpe", 0, spaceless=True) == 4000


def test_a_frequent_word_is_one_piece_of_a_unigram():
    """The library's trainer would spell it: it is part of no other word."""
    texts = [
        f"{adverb} {noun}" for adverb in ("quickly", "slowly", "gladly") for noun in ("zephyr", "ox", "fjord")
    ] * 9
    tokenizer = Tokenizer.train(texts, kind="unigram", vocab_size=320)
    rows = tokenizer.encode(["quickly zephyr", "slowly fjord"])
    assert [len(row) for row in rows] == [2, 2]


def test_pieces_are_weighed_by_the_corpus():
    units = Counter({"abab": 90, "ab": 9, "c": 1})
    found = {"a": -2.0, "b": -2.0, "c": -2.0, "ab": -3.0, "ba": -3.0, "abab": -9.0}
    pieces = dict(weigh_pieces(found, units, 5, max_chars=16))
    assert pieces.keys() == {"a", "b", "c", "ab", "abab"}  # "ba" is of no use
    assert pieces["abab"] == pytest.approx(math.log(0.9), abs=1e-5)
    assert pieces["ab"] == pytest.approx(math.log(0.09), abs=1e-5)
    assert weigh_pieces(found, units, 4, max_chars=16)[0][0] == "abab"  # of two, what loses least goes
