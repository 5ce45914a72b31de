import csv
import gzip
import io
import json
import sys
import tracemalloc
import types
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from textvae.data.detection import detect_encoding
from textvae.data.embedded import embedded_texts
from textvae.data.histograms import DistinctCounter, LengthCounter
from textvae.data.inspection import inspect_corpus
from textvae.data.scripts import is_spaceless, script_counts
from textvae.data.sources import count_texts, open_corpus
from textvae.errors import ConfigError, DataError, MissingColumnError, MissingExtraError, TextEncodingError

SIMPLIFIED = "这家餐厅的菜很好吃，服务也不错，下次还会再来。\n电影情节有点拖沓，但是演员的表演非常精彩。\n"
TRADITIONAL = "這家餐廳的菜很好吃，服務也不錯，下次還會再來。\n電影情節有點拖沓，但是演員的表演非常精彩。\n"
FRENCH = "Le déjeuner était très bon, mais le café à côté de la gare était fermé.\nNous avons été reçus à l'hôtel.\n"
JAPANESE = "今日はとてもいい天気なので、公園へ散歩に行きましょう。\n"
KOREAN = "오늘은 날씨가 아주 좋아서 공원에 산책하러 갑시다.\n"
RUSSIAN = "Сегодня хорошая погода, и мы пошли гулять в парк. Фильм был интересный.\n"
POLISH = "Zażółć gęślą jaźń, proszę państwa, to jest bardzo dobra restauracja i świetna obsługa.\n"

texts_kept = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda t: t.strip()
)
one_line = texts_kept.filter(lambda t: "\n" not in t and not t.endswith("\r"))


def no_mark(texts):
    return not (texts and texts[0].startswith("\ufeff"))


@pytest.fixture
def write(tmp_path):
    def write(name, content, encoding="utf-8"):
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode(encoding)
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def write_csv(path, rows, **options):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows(rows)
    return path


class TestPlainText:
    def test_only_line_feeds_split_and_the_rest_is_kept(self, write):
        content = "  two  spaces \r\na\u2028b\x0bc\x85d\n\tNUL\0 here\nlast"
        assert list(open_corpus(write("a.txt", content))) == [
            "  two  spaces ",
            "a\u2028b\x0bc\x85d",
            "\tNUL\0 here",
            "last",
        ]

    def test_blank_lines_are_skipped_and_counted_again_at_each_pass(self, write):
        corpus = open_corpus(write("a.txt", "one\n\n \t\u3000\ntwo\n"))
        for _ in range(2):
            assert list(corpus) == ["one", "two"]
            assert corpus.num_skipped == 2

    def test_paragraphs(self, write):
        path = write("a.txt", "\n\none\ntwo\r\n \nthree\n\n\n")
        assert list(open_corpus(path, blank_line=True)) == ["one\ntwo", "three"]

    def test_iterators_of_one_corpus_do_not_disturb_each_other(self, write):
        corpus = open_corpus(write("a.txt", "1\n2\n3\n"))
        assert list(zip(corpus, corpus, strict=True)) == [("1", "1"), ("2", "2"), ("3", "3")]

    @pytest.mark.slow
    def test_a_line_of_ten_megabytes(self, write):
        text = "好字ab" * 2_000_000
        assert list(open_corpus(write("a.txt", f"short\n{text}\nend"))) == ["short", text, "end"]

    @pytest.mark.slow
    def test_reading_is_streamed(self, write):
        path = write("a.txt", "a line of a long file\n" * 300_000)
        tracemalloc.start()
        assert count_texts(open_corpus(path)) == 300_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < path.stat().st_size / 2

    def test_a_column_named_for_plain_text_is_noted(self, write):
        assert open_corpus(write("a.txt", "x\n"), text="review").notes == (
            "a.txt is plain text: the column 'review' is not used",
        )

    @given(st.lists(one_line, max_size=5).filter(no_mark))
    def test_round_trip(self, tmp_path_factory, texts):
        path = tmp_path_factory.mktemp("t") / "a.txt"
        path.write_bytes("\n".join([*texts, ""]).encode())
        assert list(open_corpus(path)) == texts


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
    def test_marks_are_read_and_removed(self, write, encoding):
        assert list(open_corpus(write("a.txt", "你好\nça\n", encoding))) == ["你好", "ça"]

    def test_big_endian_utf16(self, write):
        assert list(open_corpus(write("a.txt", "\ufeff你好\nça", "utf-16-be"))) == ["你好", "ça"]

    @pytest.mark.parametrize(
        ("text", "encoding", "found"),
        [
            (SIMPLIFIED, "gbk", "gb18030"),
            (SIMPLIFIED[:24], "gbk", "gb18030"),
            (TRADITIONAL, "gbk", "gb18030"),
            (TRADITIONAL, "big5", "big5"),
            (TRADITIONAL[:24], "big5", "big5"),
            (FRENCH, "latin-1", "cp1252"),
            ("It’s a “great” film – really\n", "cp1252", "cp1252"),
            (JAPANESE, "shift_jis", "cp932"),
            (JAPANESE, "euc_jp", "euc_jp"),
            (KOREAN, "euc_kr", "cp949"),
            (RUSSIAN, "cp1251", "cp1251"),
            (RUSSIAN, "koi8_r", "koi8_r"),
            (POLISH, "cp1250", "cp1250"),
        ],
    )
    def test_other_encodings_are_named_and_can_be_read(self, write, text, encoding, found):
        path = write("reviews.txt", text, encoding)
        with pytest.raises(
            TextEncodingError, match=f"it looks like {found}: read it with --encoding {found}$"
        ):
            list(open_corpus(path))
        assert list(open_corpus(path, encoding=found)) == text.splitlines()

    def test_the_message_has_byte_and_offset(self, write):
        with pytest.raises(TextEncodingError) as caught:
            list(open_corpus(write("reviews.txt", b"good\nfine\n\xb5\xc4\xca\xc7\n")))
        assert str(caught.value).startswith(
            "reviews.txt is not UTF-8 (byte 0xb5 at offset 10); it looks like "
        )

    def test_an_error_deep_in_the_file(self, write):
        head = "a plain line\n" * 200_000
        iterator = iter(open_corpus(write("a.txt", head.encode() + SIMPLIFIED.encode("gbk"))))
        assert next(iterator) == "a plain line"
        with pytest.raises(TextEncodingError, match=rf"at offset {len(head)}\); it looks like gb18030"):
            list(iterator)

    def test_a_damaged_line_in_utf8_is_called_so(self, write):
        with pytest.raises(TextEncodingError, match="repair or remove that line"):
            list(open_corpus(write("a.txt", SIMPLIFIED.encode() + b"caf\xe9\n" + SIMPLIFIED.encode())))

    def test_a_file_cut_inside_a_character(self, write):
        with pytest.raises(TextEncodingError, match=r"is not UTF-8 \(byte 0xe5 at offset 3\)"):
            list(open_corpus(write("a.txt", "你好".encode()[:-1])))

    def test_a_wrong_encoding_given(self, write):
        with pytest.raises(TextEncodingError, match=r"is not ascii .* it looks like gb18030"):
            list(open_corpus(write("a.txt", SIMPLIFIED, "gbk"), encoding="ascii"))

    def test_gb2312_reads_its_successors(self, write):
        assert list(open_corpus(write("a.txt", "朱镕基㐀", "gb18030"), encoding="gb2312")) == ["朱镕基㐀"]

    @pytest.mark.parametrize("name", ["gb18031", "base64"])
    def test_unknown_encodings(self, write, name):
        with pytest.raises(ConfigError, match=f"unknown encoding '{name}'"):
            open_corpus(write("a.txt", "x"), encoding=name)

    def test_the_nearest_encoding_is_named(self):
        with pytest.raises(ConfigError, match=r"did you mean gb18030\?"):
            open_corpus(["x"], encoding="gb18031")

    def test_an_ascii_mark_inside_is_text(self, write):
        assert list(open_corpus(write("a.txt", "a\n\ufeffb\n"))) == ["a", "\ufeffb"]

    def test_nothing_is_guessed_from_noise_without_an_answer_or_crash(self):
        assert detect_encoding(bytes(range(128, 256)) * 3) is None or isinstance(
            detect_encoding(b"\xff\xfe\xfd"), str
        )


class TestTables:
    def test_messy_csv(self, write):
        content = 'id,review,stars\r\n1,"line one\nline, two",5\r\n2\r\n3,"a ""quote""",4,extra\r\n\r\n4,,1\r\n5,ok\r\n'
        corpus = open_corpus(write("a.csv", content))
        assert list(corpus) == ["line one\nline, two", 'a "quote"', "ok"]
        assert corpus.num_skipped == 3

    @pytest.mark.parametrize(
        ("text", "expected"), [("label", "pos"), (" LABEL ", "pos"), (1, "pos"), ("-1", "7"), ("0", "hi")]
    )
    def test_columns_by_name_and_number(self, write, text, expected):
        assert list(open_corpus(write("a.csv", "sentence,label,year\nhi,pos,7\n"), text=text)) == [expected]

    def test_a_header_that_is_a_number_is_a_name(self, write):
        assert list(open_corpus(write("a.csv", "5,1\nfive,one\n"), text="1")) == ["one"]

    def test_a_label_in_the_first_row_is_no_header(self, write):
        path = write("a.tsv", "1\talways delish !\n0\tnever again .\n")
        assert list(open_corpus(path, text="1")) == ["always delish !", "never again ."]

    def test_chinese_column_names(self, write):
        assert list(open_corpus(write("a.csv", "编号,评论\n1,很好\n2,不好\n"))) == ["很好", "不好"]

    def test_a_missing_column_lists_those_found(self, write):
        with pytest.raises(MissingColumnError, match=r"a.csv has no column 'body'; it has 'id', 'text'"):
            open_corpus(write("a.csv", "id,text\n1,x\n"), text="body")
        with pytest.raises(MissingColumnError, match="choose one with --text"):
            open_corpus(write("b.csv", "id,label\n1,x\n"))

    def test_without_a_header_numbers_count(self, write):
        path = write("a.csv", '5,"Great, really."\n1,Bad food.\n')
        assert list(open_corpus(path, text=1)) == ["Great, really.", "Bad food."]
        with pytest.raises(MissingColumnError, match="choose the text with --text 0 to 1"):
            open_corpus(path)
        with pytest.raises(
            MissingColumnError, match=r"no column 'text'; its first row is '5', 'Great, really.'"
        ):
            open_corpus(path, text="text")

    def test_a_header_of_unusual_names_is_known_by_the_numbers_below(self, write):
        assert list(open_corpus(write("a.csv", "wert,satz\n5,gut\n1,nein\n"), text=1)) == ["gut", "nein"]

    def test_short_texts_are_no_header(self, write):
        assert list(open_corpus(write("a.csv", "good\nbad\n"))) == ["good", "bad"]

    def test_a_headerless_tsv_gives_its_last_column_and_says_so(self, write):
        corpus = open_corpus(write("a.tsv", "1\tIt works.\n0\tIt does not.\n"))
        assert list(corpus) == ["It works.", "It does not."]
        assert corpus.notes == (
            "a.tsv has no header row: its column 1 is read as the text, which begins 'It works.'",
        )

    def test_bare_quotes_in_a_tsv_are_text(self, write):
        lines = ['1\t"Good" was what he said', "0\tno", '1\tthe end"']
        assert list(open_corpus(write("a.tsv", "\n".join(lines)))) == [line[2:] for line in lines]

    def test_paired_quotes_in_a_tsv_are_text_where_no_field_needs_them(self, write):
        assert list(open_corpus(write("a.tsv", 'n\ttext\n1\t"Good"\n2\tno\n'))) == ['"Good"', "no"]

    def test_a_quoted_tsv(self, tmp_path):
        path = write_csv(tmp_path / "a.tsv", [["text", "n"], ['two\nlines "x"', 1]], delimiter="\t")
        assert list(open_corpus(path)) == ['two\nlines "x"']

    def test_semicolons(self, write):
        assert list(open_corpus(write("a.csv", "id;text\n1;bon\n2;mal\n"))) == ["bon", "mal"]

    def test_large_fields(self, write):
        assert len(next(iter(open_corpus(write("a.csv", f"text\n{'x' * 1_000_000}\n"))))) == 1_000_000

    def test_an_unclosed_quote(self, write, monkeypatch):
        monkeypatch.setattr("textvae.data.tables._FIELD_LIMIT", 1000)
        before = csv.field_size_limit(1000)
        try:
            with pytest.raises(
                DataError, match=r"b\.csv cannot be read near line 127: .* is a quote unclosed"
            ):
                list(open_corpus(write("b.csv", 'text\n"' + "abcdefg\n" * 1000)))
        finally:
            csv.field_size_limit(before)

    def test_empty(self, write):
        assert list(open_corpus(write("a.csv", ""))) == []

    @given(st.lists(st.tuples(texts_kept, texts_kept), max_size=5), st.sampled_from([",", "\t"]))
    def test_round_trip(self, tmp_path_factory, rows, delimiter):
        path = tmp_path_factory.mktemp("t") / "a.csv"
        write_csv(path, [("label", "text"), *rows], delimiter=delimiter, quoting=csv.QUOTE_ALL)
        assert list(open_corpus(path.rename(path.with_suffix(".csv" if delimiter == "," else ".tsv")))) == [
            text for _, text in rows
        ]


@pytest.mark.parametrize(
    "content",
    [
        'text;label\n"good; very";pos\n"bad";neg\n"fine";pos\n',
        'text;label\n"good\nvery";pos\n"bad";neg\n"fine";pos\n',
        'text\tlabel\n"good\tvery"\tpos\n"bad"\tneg\n"fine"\tpos\n',
        '"text, long";label\n"good, very";pos\n"bad";neg\n"fine";pos\n',
    ],
)
def test_the_separator_is_found_whatever_quotes_enclose(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_text(content)
    corpus = open_corpus(path, text=0, columns=("label",))
    assert [(len(row.text), *row.cells) for row in corpus.rows()] == [
        (10 if "; " in content or ", v" in content else 9, "pos"),
        (3, "neg"),
        (4, "pos"),
    ]


@pytest.mark.parametrize("content", ["zh\ten\n你好\thello\n天气好\tfine\n", "src\ttgt\na b\tc d\ne f\tg h\n"])
def test_names_of_languages_are_a_header(tmp_path, content):
    path = tmp_path / "a.tsv"
    path.write_text(content, encoding="utf-8")
    assert len(list(open_corpus(path, text=1))) == 2
    with pytest.raises(MissingColumnError, match="does not say which column holds the text"):
        open_corpus(path)


def test_a_list_is_no_line_of_json(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"text": "a"}, {"text": "b"}]')
    with pytest.raises(DataError, match="line 1 holds a list; one text or object a line"):
        list(open_corpus(path))


class TestColumnsOfOneName:
    def test_a_header_may_hold_a_name_twice(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("text,text,mood\na b,c d,good\ne f,g h,bad\n")
        assert list(open_corpus(path)) == ["a b", "e f"]

    def test_one_that_is_chosen_by_name_is_refused_with_its_numbers(self, tmp_path):
        path = tmp_path / "a.csv"
        path.write_text("text,label,text,label\na b,good,c d,x\ne f,bad,g h,y\n")
        told = "a.csv has 2 columns called 'text', numbers 0, 2; choose one by its number"
        for options in ({"text": "text"}, {"expected": "text"}):
            with pytest.raises(MissingColumnError) as refused:
                open_corpus(path, **options)
            assert str(refused.value) == told
        assert told in open_corpus(path).notes
        with pytest.raises(MissingColumnError, match="2 columns called 'label', numbers 1, 3"):
            open_corpus(path, text=2, columns=("label",))
        corpus = open_corpus(path, text="2", columns=(3,))
        assert [(row.text, *row.cells) for row in corpus.rows()] == [("c d", "x"), ("g h", "y")]
        assert corpus.notes == ()

    def test_inspection_tells_of_all(self, tmp_path):
        (tmp_path / "a.csv").write_text("text,label,text,label\na b,good,c d,x\ne f,bad,g h,y\n")
        notes = " ".join(inspect_corpus(tmp_path / "a.csv", text="text").notes)
        assert "2 columns called 'text', numbers 0, 2" in notes
        assert "2 columns called 'label', numbers 1, 3" in notes

    def test_a_frame_gives_the_first(self):
        frame = pd.DataFrame([["a dog", "x", "p", "q"]] * 3, columns=["text", "text", "label", "label"])
        corpus = open_corpus(frame, columns=("label",))
        assert [(row.text, *row.cells) for row in corpus.rows()] == [("a dog", "p")] * 3

    def test_parquet_cannot(self, tmp_path):
        table = pa.table([pa.array(["a"]), pa.array(["c"])], names=["text", "text"])
        parquet.write_table(table, tmp_path / "twice.parquet")
        with pytest.raises(MissingColumnError, match="2 columns called 'text'"):
            open_corpus(tmp_path / "twice.parquet")

    def test_numbers_may_be_names(self):
        assert list(open_corpus([{0: "a b", 1: "c"}, {0: "d e", 1: "f"}], text=0)) == ["a b", "d e"]


class TestJsonLines:
    def test_objects_and_strings(self, write):
        rows = [{"id": 1, "text": "一"}, "二", {"id": 3}, {"text": None}, {"text": 5}]
        corpus = open_corpus(write("a.jsonl", "\n\n".join(json.dumps(row) for row in rows)))
        assert list(corpus) == ["一", "二", "5"]
        assert corpus.num_skipped == 6

    def test_missing_column(self, write):
        with pytest.raises(MissingColumnError, match=r"a.jsonl has no column 'text'; it has 'q', 'a'"):
            open_corpus(write("a.jsonl", '{"q": "x", "a": "y"}\n'), text="text")

    def test_not_json(self, write):
        with pytest.raises(DataError, match=r"a.jsonl line 2 is not JSON"):
            list(open_corpus(write("a.jsonl", '"x"\n{"text": \n')))

    def test_a_list_in_the_column(self, write):
        with pytest.raises(DataError, match="line 1 holds a list, not text"):
            list(open_corpus(write("a.jsonl", '{"text": ["a"]}\n')))

    def test_surrogates_become_writable(self, write):
        assert list(open_corpus(write("a.jsonl", '"\\ud83d\\ude00 \\ud83d!"\n'))) == ["😀 \ufffd!"]

    @given(st.lists(texts_kept, max_size=5), st.booleans())
    def test_round_trip(self, tmp_path_factory, texts, as_objects):
        path = tmp_path_factory.mktemp("t") / "a.jsonl.gz"
        rows = [{"text": text, "n": 1} if as_objects else text for text in texts]
        path.write_bytes(
            gzip.compress("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())
        )
        assert list(open_corpus(path)) == texts


class TestOtherSources:
    @pytest.mark.parametrize(
        ("name", "content"),
        [("a.txt.gz", "x\ny\n"), ("a.csv.gz", "text\nx\ny\n"), ("a.tsv.gz", "1\tx\n2\ty\n")],
    )
    def test_gzip(self, write, name, content):
        assert list(open_corpus(write(name, content))) == ["x", "y"]

    def test_damaged_gzip(self, tmp_path):
        (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"hello\n" * 100)[:-12])
        with pytest.raises(DataError, match="is damaged gzip"):
            list(open_corpus(tmp_path / "a.txt.gz"))

    def test_parquet(self, tmp_path):
        path = tmp_path / "a.parquet"
        parquet.write_table(pa.table({"id": [1, 2, 3], "text": ["一", None, "three\nlines"]}), path)
        corpus = open_corpus(path)
        assert list(corpus) == ["一", "three\nlines"]
        assert corpus.num_skipped == 1
        with pytest.raises(MissingColumnError, match="it has 'id', 'text'"):
            open_corpus(path, text="review")

    def test_parquet_damaged_or_without_pyarrow(self, write, monkeypatch):
        with pytest.raises(DataError, match="is not a parquet file that can be read"):
            open_corpus(write("a.parquet", b"PAR1 no"))
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingExtraError, match=r"needs pyarrow.*textvae\[data\]"):
            open_corpus(write("a.parquet", b"PAR1"))

    def test_several_files_and_a_folder(self, write, tmp_path):
        second, first = write("b.csv", "text\ntwo\n"), write("a.txt", "one\n")
        write("ignored.pdf", b"%PDF\xff")
        write(".hidden.txt", "no\n")
        assert list(open_corpus([second, first])) == ["two", "one"]
        assert list(open_corpus([str(second), str(first)])) == ["two", "one"]
        assert list(open_corpus(str(tmp_path))) == ["one", "two"]

    def test_a_list_with_a_missing_file_is_no_list_of_texts(self, write):
        path = write("a.txt", "one\n")
        with pytest.raises(DataError, match=r"no file at .*typo.txt"):
            open_corpus([str(path), str(path.with_name("typo.txt"))])

    def test_a_folder_without_texts(self, tmp_path):
        with pytest.raises(DataError, match="no texts in the folder"):
            open_corpus(tmp_path)

    @pytest.mark.parametrize("path", ["absent.txt", "x" * 5000, "nul\0.txt"])
    def test_no_file(self, path):
        with pytest.raises(DataError, match=r"^no file at "):
            open_corpus(path)

    def test_a_kind_that_holds_no_texts(self, tmp_path):
        zipfile.ZipFile(tmp_path / "a.zip", "w").close()
        with pytest.raises(DataError, match=r"is a \.zip file; give one of \.txt, \.csv"):
            open_corpus(tmp_path / "a.zip")

    def test_standard_input_is_read_once_and_kept(self, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("一\n\ntwo\n".encode())))
        corpus = open_corpus("-")
        assert list(zip(corpus, corpus, strict=True)) == [("一", "一"), ("two", "two")]

    def test_iterables(self):
        corpus = open_corpus(text for text in ["a.b", " ", "c\nd"])
        assert list(corpus) == list(corpus) == ["a.b", "c\nd"]
        with pytest.raises(DataError, match=r"text 1 is '3' \(int\); texts are str"):
            open_corpus(["a", 3])

    @pytest.mark.parametrize(("data", "kind"), [(5, "int"), (b"bytes", "bytes"), (None, "NoneType")])
    def test_what_holds_no_texts(self, data, kind):
        with pytest.raises(DataError, match=f"cannot be read from a {kind}"):
            open_corpus(data)

    def test_data_frame(self):
        frame = pd.DataFrame({"label": [1, 0, 1], "review": ["好", None, "fine"]})
        corpus = open_corpus(frame)
        assert list(corpus) == ["好", "fine"]
        assert corpus.num_skipped == 1
        assert list(open_corpus(frame, text=0)) == ["1", "0", "1"]
        with pytest.raises(MissingColumnError, match="it has 'label', 'review'"):
            open_corpus(frame, text="body")
        assert list(open_corpus(frame["review"].dropna())) == ["好", "fine"]


class FakeDataset:
    def __init__(self, rows, column_names=None):
        self.rows, self.column_names = rows, column_names

    def __iter__(self):
        return iter(self.rows)


class TestHub:
    @pytest.fixture
    def calls(self, monkeypatch):
        calls = []

        def load_dataset(path, name=None, *, split=None, streaming=False):
            calls.append((path, name, split, streaming))
            if path == "owner/gone":
                raise RuntimeError("404: no such data set\nmore")
            return FakeDataset([{"label": 0, "text": "hello"}, {"label": 1, "text": "你好"}])

        monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
        return calls

    def test_streaming(self, calls):
        assert list(open_corpus("hf://owner/name")) == ["hello", "你好"]
        assert list(open_corpus("hf://owner/name?split=test&config=zh", text="label")) == ["0", "1"]
        assert calls == [("owner/name", None, "train", True), ("owner/name", "zh", "test", True)]

    def test_failures(self, calls, monkeypatch):
        with pytest.raises(DataError, match=r"hf://owner/gone cannot be opened: 404: no such data set$"):
            open_corpus("hf://owner/gone")
        for uri in ("hf://name", "hf://a/b/c", "hf://a/b?splt=x"):
            with pytest.raises(DataError, match="write hf://owner/name"):
                open_corpus(uri)
        monkeypatch.setitem(sys.modules, "datasets", None)
        with pytest.raises(MissingExtraError, match="needs datasets"):
            open_corpus("hf://owner/name")

    def test_data_set_object(self):
        data = FakeDataset([{"a": 1, "sentence": "x"}], ["a", "sentence"])
        assert list(open_corpus(data)) == ["x"]


class TestFingerprint:
    def test_it_depends_on_content_and_column_alone(self, write):
        one, copy, other = (write(n, f"text,b\nx,{n[0] == 'o'}\n") for n in ("a.csv", "b.csv", "o.csv"))
        prints = [open_corpus(path).fingerprint for path in (one, copy, other)]
        assert prints[0] == prints[1] == open_corpus(one, text=0).fingerprint
        assert (
            len({*prints, open_corpus(one, text="b").fingerprint, open_corpus([one, copy]).fingerprint}) == 4
        )
        assert all(len(p) == 64 and int(p, 16) for p in prints)

    def test_lists_keep_boundaries(self):
        prints = [open_corpus(texts).fingerprint for texts in (["ab", "c"], ["a", "bc"], ["ab", "c"])]
        assert prints[0] == prints[2] != prints[1]

    def test_views_differ(self):
        corpus = open_corpus(["a", "b"])
        view = corpus.where(lambda text: text == "b", "half 1")
        assert list(view) == ["b"]
        assert view.fingerprint != corpus.fingerprint

    def test_it_tells_how_bytes_are_read(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_bytes("你好世界\n".encode("gb18030"))
        prints = {open_corpus(path, encoding=name).fingerprint for name in ("gb18030", "latin-1")}
        assert len(prints) == 2
        table = tmp_path / "a.csv"
        table.write_text("phrase\nhello you\nhi there\n")
        assert open_corpus(table, text=0).fingerprint != open_corpus(table, text="phrase").fingerprint

    def test_it_sees_every_number_of_an_array(self):
        def printed(number):
            rows = [{"text": "a", "f": np.arange(2000.0)}, {"text": "b", "f": np.arange(2000.0)}]
            rows[1]["f"][1000] = number
            return open_corpus(rows, columns=("f",)).fingerprint

        assert printed(5.0) == printed(5.0) != printed(6.0)


class TestScripts:
    def test_counts(self):
        counts = script_counts("Ab é ß 汉字々 かナー 한 Ж ع ไ 𠀀 ﾊ Ａ ԱԲ 123 ，。!?\n\0")
        assert counts == {
            "latin": 5, "han": 4, "kana": 4, "hangul": 1, "cyrillic": 1, "arabic": 1, "thai": 1, "other": 2,
        }  # fmt: skip
        assert script_counts("") == {}

    @pytest.mark.parametrize(
        ("text", "expected"),
        [(SIMPLIFIED, True), (JAPANESE, True), ("สวัสดี", True), ("用 PyTorch 训练模型很方便", True), (FRENCH, False),
         (KOREAN, False), ("An essay on 道 and 德, in English.", False), ("123", False)],
    )  # fmt: skip
    def test_spaceless(self, text, expected):
        assert is_spaceless(script_counts(text)) is expected


class TestEmbedded:
    def test_both(self):
        english, chinese = embedded_texts("english"), embedded_texts("chinese")
        assert (len(english), len(chinese)) == (7193, 4354)
        assert all(text.strip() == text and text for text in english + chinese)
        assert is_spaceless(script_counts("".join(chinese)))

    def test_absent(self, monkeypatch):
        monkeypatch.setattr("textvae.data.embedded.find_spec", lambda name: None)
        monkeypatch.setitem(sys.modules, "hsk_sentences_audio", None)
        with pytest.raises(MissingExtraError, match=r"randfacts.*textvae\[demo\]"):
            embedded_texts("english")
        with pytest.raises(MissingExtraError, match="hsk-sentences-audio"):
            embedded_texts("chinese")
        with pytest.raises(ConfigError, match="did you mean english"):
            embedded_texts("englsh")


class TestHistograms:
    @given(st.lists(st.integers(0, 999), min_size=1))
    def test_quantiles_below_a_thousand_are_exact(self, lengths):
        counter = LengthCounter()
        for length in lengths:
            counter.add(length)
        found, ordered = counter.summary(), sorted(lengths)
        assert (found.min, found.max, counter.total) == (ordered[0], ordered[-1], sum(lengths))
        assert found.median == ordered[(len(ordered) + 1) // 2 - 1]

    def test_long_lengths_keep_three_digits(self):
        counter = LengthCounter()
        for length in (123_456, 123_456, 10_000_007):
            counter.add(length)
        assert counter.summary().median == 123_000
        assert counter.summary().max == 10_000_007

    def test_distinct_is_exact_then_estimated(self):
        exact, estimated = DistinctCounter(), DistinctCounter(max_hashes=1000)
        for number in range(20_000):
            value = (number % 10_000) * 11400714819323198485 % 2**64  # spread evenly
            exact.add(value)
            estimated.add(value)
        assert exact.is_exact
        assert exact.count() == 10_000
        assert not estimated.is_exact
        assert estimated.count() == pytest.approx(10_000, rel=0.1)
