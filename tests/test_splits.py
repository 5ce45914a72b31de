import sys
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textvae.config import DataConfig
from textvae.data import splits
from textvae.data.split_names import split_name
from textvae.data.splits import open_splits, text_hash
from textvae.errors import DataError, TextEncodingError

words = st.lists(st.text("abcd", min_size=1, max_size=3), min_size=2, max_size=30)


def opened(data, **settings):
    return open_splits(data, DataConfig(**settings))


class TestSplittingOff:
    @given(words, st.integers(0, 2**70), st.floats(0.01, 0.5))
    def test_partition_without_leakage(self, texts, seed, fraction):
        if len(set(texts)) < 2:
            texts = [*texts, "other"]
        found = opened(texts, split_seed=seed, valid_fraction=fraction)
        train, valid = list(found.train), list(found.valid)
        assert train
        assert valid
        assert not set(train) & set(valid)
        assert sorted(train + valid) == sorted(texts)
        assert train == [text for text in texts if text in set(train)]
        assert found.num_texts == len(texts)

    def test_it_depends_on_text_and_seed_not_on_order_or_company(self):
        texts = [f"text {n}" for n in range(2000)]
        held_out = set(opened(texts).valid)
        assert held_out == set(opened(texts[::-1]).valid)
        assert held_out != set(opened(texts, split_seed=1).valid)
        assert len(held_out) == pytest.approx(100, abs=40)  # 4 standard errors
        assert held_out & set(texts[:1500]) == set(opened(texts[:1500]).valid)

    def test_hashes_are_what_they_were(self):
        assert text_hash("你好", 0) != text_hash("你好", 1)
        assert text_hash("你好", 0) == 6132876256205393628

    def test_large_corpora_hold_out_few(self, monkeypatch):
        monkeypatch.setattr(splits, "MAX_VALID_TEXTS", 50)
        assert len(list(opened([f"text {n}" for n in range(5000)]).valid)) == pytest.approx(50, abs=29)

    def test_files_are_streamed_again_and_again(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("".join(f"line {n}\n" for n in range(1200)))
        found = opened(path)
        assert list(found.valid) == list(found.valid)
        assert found.warnings == ()
        assert found.test is None
        assert found.train.name == "a.txt (train)"
        assert found.valid.name == "a.txt (valid)"
        assert found.train.fingerprint != found.valid.fingerprint

    def test_a_small_corpus_is_warned_of(self):
        (warning,) = opened([f"line {n}" for n in range(200)]).warnings
        assert warning.startswith("only 200 texts: ")

    @pytest.mark.parametrize(
        ("texts", "message"),
        [
            (["one"], "holds one text; training needs at least two different texts"),
            (["one"] * 3, "holds one text, 3 times; training needs at least two"),
            ([], "no texts in 0 texts; it is empty or every line is blank"),
            ([" ", "\t"], "every line is blank"),
        ],
    )
    def test_too_little(self, texts, message):
        with pytest.raises(DataError, match=message):
            opened(texts)

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "a.txt").touch()
        with pytest.raises(DataError, match=r"no texts in a\.txt"):
            opened(tmp_path / "a.txt")

    def test_another_encoding_is_found_at_once(self, tmp_path):
        (tmp_path / "a.txt").write_bytes("这家餐厅的菜很好吃\n电影非常精彩\n".encode("gbk"))
        with pytest.raises(TextEncodingError, match="gb18030"):
            opened(tmp_path / "a.txt")
        assert opened(tmp_path / "a.txt", encoding="gb18030").num_texts == 2


class TestGivenSplits:
    @pytest.fixture
    def folder(self, tmp_path):
        for name, texts in (
            ("ptb.train.txt", "a b c"),
            ("ptb.dev.txt", "d a"),
            ("test.txt", "e"),
            ("notes.txt", "z"),
        ):
            (tmp_path / name).write_text(texts.replace(" ", "\n"))
        return tmp_path

    def test_a_folder_with_split_names(self, folder):
        found = opened(folder)
        assert (list(found.train), list(found.valid), list(found.test)) == (
            ["a", "b", "c"],
            ["d", "a"],
            ["e"],
        )

    def test_settings_come_first(self, folder, tmp_path):
        found = opened(str(folder), valid=str(tmp_path / "notes.txt"), test=str(tmp_path / "ptb.dev.txt"))
        assert (list(found.valid), list(found.test)) == (["z"], ["d", "a"])

    def test_a_folder_without_valid_splits_it_off(self, folder):
        (folder / "ptb.dev.txt").unlink()
        found = opened(folder)
        assert sorted([*found.train, *found.valid]) == ["a", "b", "c"]
        assert list(found.test) == ["e"]

    def test_a_folder_without_train_is_one_corpus(self, folder):
        (folder / "ptb.train.txt").unlink()
        found = opened(folder)
        assert sorted([*found.train, *found.valid]) == ["a", "d", "e", "z"]

    def test_several_files_a_split(self, tmp_path):
        for number in range(3):
            (tmp_path / f"train-0000{number}-of-00003.txt").write_text(f"text {number}\n")
        (tmp_path / "validation.txt").write_text("v\n")
        assert list(opened(tmp_path).train) == ["text 0", "text 1", "text 2"]

    def test_mappings(self):
        found = opened({"train": ["a", "b"], "validation": ["c"]})
        assert (list(found.train), list(found.valid), found.test) == (["a", "b"], ["c"], None)
        with pytest.raises(DataError, match="no train split in the data, which hold left, right"):
            opened({"left": ["a"], "right": ["b"]})

    def test_hub_splits(self, monkeypatch):
        class Table(list):
            column_names = ("text",)

        def load_dataset(path, name=None, *, split=None, streaming=False):
            parts = {
                key: Table({"text": f"{key} {n}"} for n in range(2))
                for key in ("train", "validation", "test")
            }
            return parts if split is None else parts[split]

        monkeypatch.setitem(sys.modules, "datasets", types.SimpleNamespace(load_dataset=load_dataset))
        found = opened("hf://owner/name")
        assert (list(found.valid), list(found.test)) == (
            ["validation 0", "validation 1"],
            ["test 0", "test 1"],
        )
        assert opened("hf://owner/name?split=train").test is None

    @pytest.mark.parametrize("split", ["valid", "test"])
    def test_blank_held_out_data(self, tmp_path, split):
        (tmp_path / "v.txt").write_text("\n\n")
        with pytest.raises(DataError, match=rf"no texts in v\.txt, the {split} data"):
            opened(["a", "b"], **{split: str(tmp_path / "v.txt")})

    @pytest.mark.parametrize("name", ["testimonials.csv", "values.txt", "device.txt", "training-free.txt"])
    def test_names_that_only_look_like_splits(self, name):
        assert split_name(name) == ("train" if name.startswith("training") else None)
