import dataclasses
import io
import json
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from textvae.config import RunConfig
from textvae.config.data import DataConfig
from textvae.config.presets import resolved
from textvae.data.embedded import embedded_texts
from textvae.data.inspection import inspect_corpus
from textvae.data.sources import open_corpus
from textvae.data.splits import open_splits
from textvae.data.survey import num_words, preview
from textvae.errors import DataError

CHINESE = "这家餐厅的菜很好吃，服务也不错，下次还会再来。\n电影情节有点拖沓，但是演员的表演非常精彩。\n"


def has(found, words):
    return any(words in note for note in found.notes)


def test_the_embedded_english():
    found = inspect_corpus(embedded_texts("english"))
    assert (found.num_texts, found.words.median, found.num_duplicates) == (7193, 13, 0)
    assert found.scripts["latin"] > 0.999
    assert found.suggestions.vocab_size
    assert found.notes == ()


def test_the_embedded_chinese():
    found = inspect_corpus(embedded_texts("chinese"))
    assert found.num_texts == 4354
    assert found.num_distinct + found.num_duplicates == 4354
    assert found.scripts["han"] > 0.99
    assert found.suggestions.tokenizer == "char"
    assert found.suggestions.max_length == found.characters.p99


def test_everything_is_json():
    found = inspect_corpus(["a b", "你好"])
    assert json.loads(json.dumps(dataclasses.asdict(found)))["characters"]["max"] == 3


@settings(max_examples=40)
@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_texts_at_all(texts):
    found = inspect_corpus(texts)
    kept = [text for text in texts if text.strip()]
    assert found.num_texts == len(kept)
    assert found.num_skipped == len(texts) - len(kept)
    assert found.characters.max == max(map(len, kept), default=0)
    assert found.num_characters == sum(map(len, kept))
    json.dumps(dataclasses.asdict(found))


def test_duplicates_blanks_and_smallness():
    found = inspect_corpus(["a", "a", "b", " "])
    assert (found.num_texts, found.num_distinct, found.num_duplicates, found.num_skipped) == (3, 2, 1, 1)
    assert has(found, "only 3 texts")
    assert has(found, "1 blank texts are left out")
    assert has(found, "33% of the texts repeat an earlier one")


@pytest.mark.parametrize(
    ("content", "number", "said"),
    [(b"", 0, "are no texts"), (b"\n\n", 0, "are no texts"), (b"line\nline", 2, "is one text only")],
)
def test_too_little_is_said_not_raised_and_nothing_is_suggested(tmp_path, content, number, said):
    (tmp_path / "a.txt").write_bytes(content)
    found = inspect_corpus(tmp_path / "a.txt")
    assert found.num_texts == number
    assert has(found, f"there {said}; training needs at least two")
    assert found.suggestions is None


def test_the_suggested_rate_is_the_one_that_training_takes(tmp_path):
    texts = [f"{word} " * 11 + f"end{row} ." for row, word in enumerate(("a", "b", "c", "d"))]
    rate = resolved(
        RunConfig(), vocab_size=9, max_length=20, num_tokens=78, num_texts=4
    ).objective.target_rate
    assert f"about {rate:g} nats to sample" in inspect_corpus(texts).suggestions.target_rate


def test_rows_of_another_width_and_an_unclosed_quote_are_counted(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("id,text\n1,fine\n2,a comma, unquoted\n3,two, more, of them\n4\n5,fine too\n")
    found = inspect_corpus(table)
    assert has(found, "a.csv: 2 rows have more cells than the usual 2, and what is over is not read")
    assert has(found, "a.csv: 1 row has fewer cells than the usual 2")
    table.write_text("id,text\n1,fine\n" + '2,"never closed\n' + "3,lost\n" * 25)
    assert has(inspect_corpus(table), "the row from line 3 on goes on for 26 lines; is a quote unclosed?")
    table.write_text('id,text\n1,"two\nlines"\n2,fine\n')
    assert not has(inspect_corpus(table), "cells")
    assert not has(inspect_corpus(table), "lines")


def test_what_looks_odd_and_is_not(tmp_path):
    table = tmp_path / "a.csv"
    table.write_text("id,text\n" + "1,fine,\n2,fine too,\n")  # a separator behind the last cell
    assert not has(inspect_corpus(table), "cells")
    poem = "line\n" * 30
    table.write_text("id,text\n" + "".join(f'{n},"{n} {poem}"\n' for n in range(9)))
    assert not has(inspect_corpus(table), "lines; is a quote")


def test_one_wide_row_does_not_move_the_text_of_a_headerless_table(tmp_path):
    (tmp_path / "a.tsv").write_text("".join(f"{n}\tline {n}\n" for n in range(5)) + "5\tline 5\tmore\n")
    corpus = open_corpus(tmp_path / "a.tsv")
    assert list(corpus) == [f"line {n}" for n in range(6)]
    assert corpus.findings[0].startswith("a.tsv: 1 row has more cells than the usual 2")
    assert list(open_corpus(tmp_path / "a.tsv", text=2)) == ["more"]


def test_training_says_what_looks_wrong_about_a_table(tmp_path):
    (tmp_path / "a.tsv").write_text("n\ttext\n" + "".join(f"{n}\tline {n}\n" for n in range(9)) + "9\ta\tb\n")
    splits = open_splits(tmp_path / "a.tsv", DataConfig())
    assert splits.warnings[0].startswith("a.tsv: 1 row has more cells than the usual 2")


def test_another_encoding_is_found_and_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(CHINESE.encode("gbk"))
    found = inspect_corpus(tmp_path / "a.txt")
    assert (found.encoding, found.num_texts, found.scripts) == ("gb18030", 2, {"han": 1.0})
    assert has(found, "a.txt is not UTF-8 (byte 0xd5 at offset 0); it looks like gb18030")


def test_each_file_of_a_folder_has_its_own_encoding(tmp_path):
    (tmp_path / "a.txt").write_bytes(CHINESE.encode("big5", "ignore"))
    (tmp_path / "b.csv").write_bytes(("text\n" + CHINESE).encode("utf-16"))
    (tmp_path / "c.txt").write_bytes(CHINESE.encode())
    found = inspect_corpus(tmp_path)
    assert found.encoding.endswith("utf-16, utf-8")
    assert found.num_texts == 6


def test_damaged_bytes_are_counted(tmp_path):
    (tmp_path / "a.txt").write_bytes(CHINESE.encode() + b"caf\xff\n")
    found = inspect_corpus(tmp_path / "a.txt")
    assert (found.encoding, found.num_texts, found.num_replacement) == ("utf-8", 3, 1)


def test_noise(tmp_path):
    (tmp_path / "a.txt").write_bytes(bytes(range(256)) * 50)
    assert inspect_corpus(tmp_path / "a.txt").num_texts > 0


def test_nul_and_control_characters(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"some text with \0 in it\nbell \x07 and escape \x1b[0m\ttab\n")
    found = inspect_corpus(tmp_path / "a.txt")
    assert (found.num_nul, found.num_control) == (1, 2)
    (tmp_path / "b.txt").write_bytes("plain text\nno mark\n".encode("utf-16-le"))
    assert has(inspect_corpus(tmp_path / "b.txt"), "this may be UTF-16")


@pytest.mark.slow
def test_a_line_of_ten_megabytes(tmp_path):
    (tmp_path / "a.txt").write_text("short\n" + "words " * 1_700_000 + "\n")
    found = inspect_corpus(tmp_path / "a.txt")
    assert found.words.max == 1_700_000
    assert found.characters.max == 10_200_000
    assert len(found.longest) == 121
    assert has(found, "the longest text has 1,700,000 words")


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CHINESE.encode("gbk"))))
    found = inspect_corpus("-")
    assert (found.name, found.encoding, found.num_texts) == ("standard input", "gb18030", 2)


def test_held_out_texts_that_are_trained_on(tmp_path):
    (tmp_path / "v.txt").write_text("a\nb\nb\nz\n")
    found = inspect_corpus(["a", "b", "c"], valid=str(tmp_path / "v.txt"))
    assert (found.num_valid, found.num_valid_in_train) == (4, 3)
    assert has(found, "3 of the 4 held-out texts are trained on too")


def test_mixed_scripts():
    assert has(inspect_corpus(["hello", "你好世界"]), "two scripts are mixed, latin and han")


def test_what_is_not_odd_content_is_still_an_error(tmp_path):
    with pytest.raises(DataError, match="no file at"):
        inspect_corpus(tmp_path / "absent.txt")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("It's  fine.", 2),
        ("老师，您好！", 4),
        ("我用 Python 3 写", 5),
        ("Ça va très bien", 4),
        ("한국 사람", 2),
    ],
)
def test_words(text, number):
    assert num_words(text) == number


def test_preview_is_one_visible_line():
    assert preview("a\0b\nc\u2028") == r"a\x00b\nc\u2028"
    assert preview("字" * 200) == "字" * 120 + "…"
