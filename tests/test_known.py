"""What decoding may keep to: words or pairs of characters, chosen by script and tokenizer, saved under its kind."""

import pytest
from tiny import CHINESE, ENGLISH
from untrained import untrained

from textvae.codec import codec_files, load_codec
from textvae.data.known import PAIRS, WORDS, Known, known_entries, word_list
from textvae.data.tokenizers import Tokenizer
from textvae.decoding.known import lexicon_of
from textvae.decoding.lexicon import Lexicon
from textvae.errors import ConfigError, CorruptRunError, DataError
from textvae.storage.atomic import write_folder


def test_the_word_list_is_stripped_ordered_and_limited():
    texts = ["I don't know a (thirty-eight) a.", '"3,000 strawberries", a word: don\'t!', "-- ... !"]
    words = word_list(texts)
    assert words == ["a", "don't", "3,000", "I", "know", "strawberries", "thirty-eight", "word"]
    assert word_list(texts, limit=3) == words[:3]
    assert word_list(["-- ... !"]) == []


@pytest.mark.parametrize(
    ("texts", "kind", "expected"),
    [
        (ENGLISH, "unigram", WORDS),
        (ENGLISH, "bpe", WORDS),
        (ENGLISH, "char", None),
        (ENGLISH, "word", None),
        (CHINESE, "char", PAIRS),
        (CHINESE, "unigram", None),
    ],
)
def test_what_is_known_fits_script_and_tokenizer(texts, kind, expected):
    tokenizer = Tokenizer.train(texts, kind=kind, vocab_size=400 if kind in ("bpe", "unigram") else None)
    known = known_entries(texts, tokenizer)
    assert (known and known.kind) == expected


def test_the_kind_and_not_the_tokenizer_says_what_the_entries_are(tmp_path):
    codec = untrained(kind="char")
    codec.known = Known(WORDS, ("cat", "the"))
    write_folder(tmp_path / "model", codec_files(codec), metadata={})
    loaded = load_codec(tmp_path / "model")
    assert loaded.known == codec.known
    assert isinstance(lexicon_of(loaded.known, loaded.tokenizer), Lexicon)
    assert set(word_list(loaded.decode(loaded.prior_sample(20), seed=1))) <= {"cat", "the"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'["zebra"]', "kind and entries"),
        (b"{", "kind and entries"),
        (b'{"kind": "words", "entries": "zebra"}', "no list of strings"),
        (b'{"kind": "words", "entries": [1]}', "no list of strings"),
        (b'{"kind": "syllables", "entries": []}', "kind is 'syllables'"),
    ],
)
def test_a_file_that_is_no_lexicon(content, words, tmp_path):
    with pytest.raises((DataError, ConfigError), match=words):
        Known.from_json(content)
    write_folder(tmp_path / "model", codec_files(untrained()) | {"lexicon.json": content}, metadata={})
    with pytest.raises(CorruptRunError, match=r"lexicon\.json cannot be read as a lexicon: .*" + words):
        load_codec(tmp_path / "model")
