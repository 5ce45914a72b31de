"""Conditions as they are read: labels, features, sources made from texts, columns of every kind of table."""

import csv
import json
import math

import numpy as np
import pytest
import torch
from conditioned import ENGLISH, REST, ROWS, SUBJECTS, VECTORS, conditional, tokenizer_of
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CHINESE

from textvae.config import DataConfig
from textvae.config.conditions import Columns, LabelColumn, label_columns
from textvae.data.conditions import ConditionSchema
from textvae.data.derived import GAP, completions, fillings, history, replies, unmarked
from textvae.data.examples import (
    examples,
    fit_schema,
    known_rows,
    left_out,
    open_examples,
    read_cells,
    reading_options,
)
from textvae.data.features import Features, gathered, open_array
from textvae.data.labels import Label
from textvae.data.normalization import set_apart
from textvae.data.sharing import tokenizer_texts, with_source_tokenizer
from textvae.data.sources import open_corpus
from textvae.data.splits import open_splits
from textvae.data.tokenizers import Tokenizer
from textvae.errors import (
    ConditionError,
    ConfigError,
    DataError,
    MissingColumnError,
    UnknownLabelError,
)
from textvae.models.condition import ConditionTensors

# ---------------------------------------------------------------- labels


def fitted(cells, kind="categorical"):
    return Label.fitted(LabelColumn(name="a", column="a", kind=kind), cells)


def test_label_columns_as_people_write_them():
    assert label_columns("who, stars:ordinal,year = 3 : numeric") == (
        LabelColumn(name="who", column="who"),
        LabelColumn(name="stars", column="stars", kind="ordinal"),
        LabelColumn(name="year", column="3", kind="numeric"),
    )
    assert label_columns(None) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:nominal", "nominal"),
        ("a,a:ordinal", "name each column once"),
        ("a,,b", "write a column"),
        ("=3", "write a column"),
        ("a=", "write a column"),
        ("source", "cannot be called 'source'; give it another name, as kind=source"),
    ],
)
def test_label_columns_that_cannot_be_read(text, message):
    with pytest.raises(ConfigError, match=message):
        DataConfig(labels=text)


def test_categories_are_codes_most_frequent_first():
    label = fitted(["b", "a", None, "c", " b ", float("nan"), ""])
    assert (label.values, label.counts, label.num_codes) == (("b", "a", "c"), (2, 1, 1), 3)
    assert label.encode("b") == ((0, 1.0),)
    assert label.encode(None) == label.encode(float("nan")) == label.encode(" ") == ((0, 0.0),)


def test_ranks_are_a_code_and_a_place():
    label = fitted(["10", "2", 5, "5.0"], "ordinal")
    assert label.values == ("2", "5", "10")
    assert label.counts == (1, 2, 1)
    assert label.encode(2) == ((0, 1.0), (3, -1.0))
    assert label.encode("5.0") == ((1, 1.0), (3, 0.0))
    assert label.encode(np.float32(10)) == ((2, 1.0), (3, 1.0))
    assert label.encode(None) == ((0, 0.0), (0, 0.0))
    assert fitted(["20231105", "20231106"], "ordinal").values == ("20231105", "20231106")


def test_numbers_are_deviations_from_the_mean():
    label = fitted(["1", 2, "3.0"], "numeric")
    assert (label.values, label.num_codes, label.mean) == ((), 1, 2)
    ((place, weight),) = label.encode(4)
    assert place == 0
    assert weight == pytest.approx(2 / math.sqrt(2 / 3))
    assert fitted([7, 7], "numeric").encode(8) == ((0, 1.0),)


def test_whole_floats_are_the_numbers_they_were():
    assert fitted([1.0, float("nan"), 2.0]).values == ("1", "2")
    assert fitted([np.float32(1), np.int64(2), True]).values == ("1", "2", "True")


def test_what_no_label_can_be():
    with pytest.raises(
        UnknownLabelError, match=r"a is 'z', a label not seen in training; known: .* and 3 more"
    ):
        fitted([str(n) for n in range(15)]).encode("z")
    with pytest.raises(
        DataError, match=r"a is 'x', which is no number; give one, or train with a as a category"
    ):
        fitted(["1", "x"], "numeric")
    with pytest.raises(DataError, match="no number"):
        fitted(["inf"], "ordinal")
    for cell in (["a"], {"a": 1}, np.zeros(2)):
        with pytest.raises(DataError, match="it must be a word or a number"):
            fitted([cell])
    with pytest.raises(DataError, match="the label column 'a' is empty"):
        fitted([None, ""])


def test_a_number_that_is_the_mean_is_not_a_missing_one():
    label = fitted(["1", "2", "3", "4", "5"], "numeric")
    ((_, weight),) = label.encode("3")
    assert 0 < weight < 1e-30
    schema = ConditionSchema(labels=(label,))
    given = schema.encode({"a": ["3", None]}, tokenizer_of("bpe"))
    tensors = ConditionTensors.of(given, torch.device("cpu"), torch.float32)
    assert tensors.empty.tolist() == [False, True]


@pytest.mark.parametrize("kind", ["ordinal", "numeric"])
def test_cells_that_are_no_numbers_are_told_with_their_row_and_how_many_there_are(kind):
    rows = [{"text": f"text {i}", "stars": i % 5} for i in range(40)]
    for i in (11, 23):
        rows[i]["stars"] = "n/a"
    rows[3]["text"], rows[5]["stars"] = "", ""
    config = DataConfig(labels=f"stars:{kind}")
    cells = read_cells(open_corpus(rows, columns=("stars",)), config.columns)
    told = r"stars is 'n/a' in row 12, the header not counted, which is no number \(2 of 39 rows\); leave such cells empty"
    with pytest.raises(DataError, match=told):
        fit_schema(cells, config, tokenizer_of("bpe"))
    for i in (11, 23):
        rows[i]["stars"] = None
    fit = read_cells(open_corpus(rows, columns=("stars",)), config.columns)
    schema = fit_schema(fit, config, tokenizer_of("bpe"))
    with pytest.raises(DataError, match=told):
        known_rows(cells, schema)


def test_texts_too_short_for_a_gap_are_counted():
    columns = Columns(pairs="infill")
    for texts, told in (
        (["a"], "1 text is too short for an infill and left out"),
        (["a", "b"], "2 texts are too short for an infill and left out"),
    ):
        cells = read_cells(open_corpus([*texts, "one two three four five"]), columns)
        assert left_out(cells, columns) == (told,)


def test_a_column_of_texts_is_no_label():
    rows = [{"text": f"{text} {i}"} for i, text in enumerate(ENGLISH[:50])]
    config = DataConfig(labels="text")
    cells = read_cells(open_corpus(rows, columns=("text",)), config.columns)
    with pytest.raises(DataError, match=r"column 'text' has 50 values in 50 rows; is it a label\?"):
        fit_schema(cells, config, tokenizer_of("bpe"))


def test_long_labels_are_cut_in_messages():
    label = fitted(["a very long label that goes on and on " * 9, "short"])
    schema = ConditionSchema(labels=(label,))
    assert "a very long label that goes on…, short" in label.known()
    assert "(a very long label that goes on…, short)" in schema.described()
    with pytest.raises(UnknownLabelError) as refused:
        label.encode("another label that nobody has ever seen")
    assert len(str(refused.value)) < 140


def test_labels_that_will_not_work_well_are_told():
    assert fitted(["a", "b"]).warnings() == fitted(range(6000), "numeric").warnings() == ()
    assert "one value, 'a'" in fitted(["a", "a"]).warnings()[0]
    assert "6,000 values" in fitted(range(6000)).warnings()[0]


# ---------------------------------------------------------------- features


def test_features_are_scaled_as_the_training_rows():
    array = np.random.default_rng(0).normal(3, 2, size=(50, 4, 3))
    features = Features.fitted(array)
    found = features.encode(array)
    assert found.dtype == np.float32
    assert abs(found.mean()) < 1e-5
    assert found.std() == pytest.approx(1, abs=1e-5)
    assert (features.is_sequence, features.num_vectors, features.width) == (True, 4, 3)
    assert Features.fitted(np.full((5, 2), 7)).encode(np.full((1, 2), 8)).tolist() == [[1, 1]]


def test_images_are_cut_into_patches_row_by_row():
    image = np.arange(6 * 8).reshape(1, 6, 8, 1).astype(np.float32)
    features = Features(shape=(6, 8, 1), mean=0.0, deviation=1.0)
    assert (features.num_vectors, features.width) == (4, 16)
    (patches,) = features.encode(image)
    assert patches.shape == (4, 16)
    assert patches[1].reshape(4, 4).tolist() == image[0, :4, 4:, 0].tolist()
    assert patches[2].reshape(4, 4)[:2].tolist() == image[0, 4:, :4, 0].tolist()
    assert not patches[2].reshape(4, 4)[2:].any()


def test_features_of_another_shape_or_without_numbers():
    features = Features.fitted(VECTORS)
    with pytest.raises(
        ConditionError, match=r"features have shape \(2,\) a row; this model was trained with \(3,\)"
    ):
        features.encode(VECTORS[:, :2])
    for bad in (np.nan, np.inf):
        with pytest.raises(ConditionError, match="NaN or Inf"):
            features.encode(np.full((1, 3), bad, np.float32))
    with pytest.raises(ConditionError, match="rows of numbers of one shape"):
        gathered(["1 2", "1 2 3"], "f")
    with pytest.raises(ConditionError, match="rows without features"):
        gathered(["1 2", None], "f")
    with pytest.raises(ConditionError, match="rows of numbers of one shape"):
        gathered(["a b"], "f")


def test_cells_of_features_as_tables_write_them():
    for cell in ("1 2.5 3", "1, 2.5,3", "[1, 2.5, 3]", [1, 2.5, 3], np.array([1, 2.5, 3]), (1, 2.5, 3)):
        assert gathered([cell], "f").tolist() == [[1, 2.5, 3]]
    assert gathered([1, "2"], "f").tolist() == [[1], [2]]
    assert gathered(["[[1, 2], [3, 4]]"], "f").shape == (1, 2, 2)


def test_arrays_are_opened_and_never_unpickled(tmp_path):
    one, several, objects = tmp_path / "a.npy", tmp_path / "b.npz", tmp_path / "c.npy"
    np.save(one, VECTORS)
    np.savez(several, x=VECTORS, y=VECTORS[:, 0])
    np.save(objects, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert np.array_equal(open_array(str(one)), VECTORS)
    assert np.array_equal(open_array(f"{several}:x"), VECTORS)
    assert open_array(f"{several}:y").shape == (len(VECTORS), 1)
    np.savez(tmp_path / "d.npz", VECTORS)
    assert np.array_equal(open_array(str(tmp_path / "d.npz")), VECTORS)
    for place, message in (
        (str(several), "holds x, y; choose one, as .*b.npz:x"),
        (f"{several}:z", "holds no 'z'; it has x, y"),
        (str(objects), "no plain array of numbers"),
        (str(tmp_path / "missing.npy"), "cannot be read: No such file"),
    ):
        with pytest.raises(DataError, match=message):
            open_array(place)
    for name, content in (("e.npy", b""), ("f.npz", b"PK\x03\x04 and nothing"), ("g.npz", b"text")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match="no plain array of numbers"):
            open_array(str(tmp_path / name))
    np.save(one, np.array(["a"]))
    with pytest.raises(DataError, match="numbers are needed"):
        open_array(str(one))


# ---------------------------------------------------------------- sources made from texts

TEXTS = st.text(alphabet=st.sampled_from("ab \t红房子大海。,.e\u3000é"), max_size=60)


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_both_parts_of_a_text_make_the_text(text):
    for source, rest in completions(text):
        assert source.strip()
        assert rest == rest.strip() != ""
        whole = text.strip()
        assert whole.startswith(source)
        assert whole.endswith(rest)
        assert not whole[len(source) : len(whole) - len(rest)].strip()
    for source, missing in fillings(text):
        assert missing == missing.strip() != ""
        assert source.count(GAP) == 1
        assert source.replace(GAP, missing) == text.strip()


@pytest.mark.parametrize("texts", [ENGLISH, CHINESE])
def test_texts_are_cut_in_many_places_and_always_in_the_same(texts):
    cuts = {len(source) / len(text) for text in texts for source, _ in completions(text)}
    assert len(cuts) > 5
    assert min(cuts) < 0.4 < 0.7 < max(cuts) < 1
    assert [list(fillings(text)) for text in texts] == [list(fillings(text)) for text in texts]
    assert all(len(list(completions(text))) == 1 for text in texts)


def test_texts_too_short_to_be_cut():
    for text in ("", "one two three", "大海红"):
        assert list(completions(text)) == list(fillings(text)) == []


def test_turns_answer_those_before():
    assert list(replies("a\n\n b \nc\nd\ne")) == [
        ("[A] a", "b"),
        ("[B] a [A] b", "c"),
        ("[A] a [B] b [A] c", "d"),
        ("[A] b [B] c [A] d", "e"),
    ]
    assert list(replies("alone")) == []
    assert history(["x"]) == "[A] x"
    for turns in (["x"], ["a [B] b", "c"], ["我", "你", "他"]):
        assert unmarked(history(turns)) == " ".join(turn.replace("[B] ", "") for turn in turns)


# ---------------------------------------------------------------- columns of tables


@pytest.fixture(params=["csv", "tsv", "no header", "jsonl", "parquet", "frame", "dicts", "dataset"])
def table(request, tmp_path):
    """The same rows as every kind of table, and what its columns are called."""
    names, kind = list(ROWS[0]), request.param
    path = tmp_path / f"a.{'tsv' if kind == 'no header' else kind}"
    if kind in ("csv", "tsv", "no header"):
        with path.open("w", newline="") as file:
            writer = csv.writer(file, delimiter="," if kind == "csv" else "\t")
            writer.writerows([names] * (kind != "no header"))
            writer.writerows(row.values() for row in ROWS)
        return path, [str(i) for i in range(4)] if kind == "no header" else names
    if kind == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in ROWS))
        return path, names
    if kind == "dicts":
        return ROWS, names
    if kind == "dataset":
        return pytest.importorskip("datasets").Dataset.from_list(ROWS), names
    frame = pytest.importorskip("pandas").DataFrame(ROWS)
    if kind == "frame":
        return frame, names
    pytest.importorskip("pyarrow")
    frame.to_parquet(path)
    return path, names


def test_every_kind_of_table_gives_the_same_columns(table):
    data, (text, who, rest, length) = table
    columns = Columns(source=rest, labels=f"who={who},length={length}:numeric")
    corpus = open_corpus(data, text=text, **reading_options(columns))
    cells = read_cells(corpus, columns)
    assert (cells.texts, cells.sources) == (ENGLISH, REST)
    assert list(cells.labels[0]) == SUBJECTS
    assert [float(cell) for cell in cells.labels[1]] == [len(text) for text in ENGLISH]
    assert cells.num_left_out == 0


def test_a_column_that_is_not_there(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,who\nhello there,me\n")
    with pytest.raises(MissingColumnError, match="'rest'"):
        open_corpus(path, columns=("rest",))
    (tmp_path / "a.txt").write_text("hello")
    with pytest.raises(MissingColumnError, match="is plain text and has no column 'rest'"):
        open_corpus(tmp_path / "a.txt", columns=("rest",))
    with pytest.raises(MissingColumnError, match="a list of texts has no column 'rest'"):
        open_corpus(["a", "b"], columns=("rest",))
    with pytest.raises(MissingColumnError, match="opened without 'rest'"):
        read_cells(open_corpus(["a", "b"]), Columns(source="rest"))


def test_gaps_in_tables_are_missing_and_not_the_word_nan():
    pandas = pytest.importorskip("pandas")
    for missing in (None, float("nan"), pandas.NA):
        frame = pandas.DataFrame(
            {"text": ENGLISH[:3], "rest": [REST[0], missing, "  "], "who": ["a", missing, "b"]}
        )
        columns = Columns(source="rest", labels="who")
        cells = read_cells(open_corpus(frame, **reading_options(columns)), columns)
        assert (cells.sources, cells.num_left_out) == ([REST[0]], 2)
        labels = Columns(labels="who")
        cells = read_cells(open_corpus(frame, **reading_options(labels)), labels)
        assert fitted(cells.labels[0]).values == ("a", "b")


def test_a_source_must_be_a_text():
    rows = [{"text": "a", "rest": ["b", "c"]}]
    with pytest.raises(ConditionError, match=r"a source is .*, a list; it must be a text"):
        read_cells(open_corpus(rows, columns=("rest",)), Columns(source="rest"))
    assert read_cells(
        open_corpus([{"text": "a", "rest": 5}], columns=("rest",)), Columns(source="rest")
    ).sources == ["5"]


def test_dialogues_as_lists_lines_and_objects(tmp_path):
    columns = Columns(pairs="dialogue")
    expected = (["b c", "d"], ["[A] a", "[B] a [A] b c"])
    for turns in ("a\nb c\nd", ["a", "b\nc", "d"], [{"text": "a"}, {"text": "b c"}, {"content": "d"}]):
        corpus = open_corpus([{"dialogue": turns}], **reading_options(columns))
        cells = read_cells(corpus, columns)
        assert (cells.texts, cells.sources) == expected
    path = tmp_path / "a.txt"
    path.write_text("a\nb c\nd\n\nalone\n")
    cells = read_cells(open_corpus(path, blank_line=True, **reading_options(columns)), columns)
    assert ((cells.texts, cells.sources), cells.num_left_out) == (expected, 1)
    with pytest.raises(DataError, match=r"makes a dialogue: a dialogue has a turn a line; .*--blank-line"):
        read_cells(open_corpus(path, **reading_options(columns)), columns)


# ---------------------------------------------------------------- rows that belong together


def test_features_are_found_by_row_blank_rows_counted(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,who\none two,a\n ,b\nthree four,c\nfive six,\n")
    np.save(tmp_path / "f.npy", np.arange(4)[:, None] * 10)
    columns = Columns(feature=str(tmp_path / "f.npy"), labels="who")
    cells = read_cells(open_corpus(path, **reading_options(columns)), columns)
    assert cells.texts == ["one two", "three four", "five six"]
    assert cells.features.ravel().tolist() == [0, 20, 30]
    assert cells.labels == [["a", "c", ""]]


@pytest.mark.parametrize("number", [3, 5])
def test_features_of_another_number_of_rows_are_refused(tmp_path, number):
    np.save(tmp_path / "f.npy", np.zeros((number, 2)))
    columns = Columns(feature=str(tmp_path / "f.npy"))
    with pytest.raises(DataError, match=rf"f.npy has {number} rows, 4 texts 4; one for each row is needed"):
        read_cells(open_corpus(list("abcd"), **reading_options(columns)), columns)


def test_each_split_has_its_features(tmp_path):
    """The share that is split off has its rows in the file of the training texts."""
    for split, number in (("train", 180), ("valid", 20), ("test", 20)):
        np.save(tmp_path / f"{split}.npy", np.full((number, 1), number) + np.arange(number)[:, None] / 1000)
    columns = {"feature": str(tmp_path / "{split}.npy")}
    split_off = open_splits(ENGLISH, DataConfig(**columns))
    config = DataConfig(**columns)
    for corpus in (split_off.train, split_off.valid):
        cells = read_cells(corpus, config.columns)
        assert [ENGLISH[round((value - 180) * 1000)] for value in cells.features.ravel()] == cells.texts
    divided = open_splits({"train": ENGLISH, "dev": ENGLISH[:20]}, config)
    assert read_cells(divided.valid, config.columns).features[3] == 20.003
    (tmp_path / "dev.txt").write_text("\n".join(ENGLISH[:20]))
    assert read_cells(open_corpus(tmp_path / "dev.txt"), config.columns).features[3] == 20.003
    assert open_corpus(ENGLISH).split == "test"


def test_labels_that_only_held_out_texts_have_are_left_out_and_told():
    config = DataConfig(labels="who")
    tokenizer = Tokenizer.train(ENGLISH, kind="char")
    rows = [{"text": text, "who": who} for text, who in zip(ENGLISH, SUBJECTS, strict=True)]
    options = reading_options(config.columns)
    schema = fit_schema(read_cells(open_corpus(rows, **options), config.columns), config, tokenizer)
    mixed = [rows[0], {"text": "x", "who": "nobody"}, rows[5]]
    found = open_examples(mixed, schema, tokenizer)
    assert found.texts == [ENGLISH[0], ENGLISH[5]]
    assert len(found.conditions) == 2
    assert found.notes == ("1 text with a label that no training text has is left out",)
    with pytest.raises(UnknownLabelError, match="who is 'nobody'"):
        open_examples(mixed[1:2], schema, tokenizer)
    with pytest.raises(MissingColumnError):
        open_examples(ENGLISH, schema, tokenizer)
    cells, number = known_rows(read_cells(open_corpus(rows[:3], **options), config.columns), schema)
    assert (cells.texts, number) == (ENGLISH[:3], 0)


def test_texts_without_a_token_lose_their_conditions_too():
    config = DataConfig(source="rest", normalize="nfkc", source_tokenizer="shared")
    rows = [
        {"text": text, "rest": rest}
        for text, rest in zip(["ab", "\u200b", "ba"], ["x", "y", "z"], strict=True)
    ]
    tokenizer = Tokenizer.train(["ab", "ba", "x", "y", "z"], kind="char", normalize="nfkc")
    cells = read_cells(open_corpus(rows, columns=("rest",)), config.columns)
    schema = fit_schema(cells, config, tokenizer)
    store = examples(cells, schema, tokenizer)
    assert len(store) == len(store.conditions)
    sources = [tokenizer.decode([list(source)])[0] for source in store.conditions.sources]
    texts = [tokenizer.decode([list(store[row])])[0] for row in range(len(store))]
    assert dict(zip(texts, sources, strict=True)) | {"\u200b": "y"} == {"ab": "x", "\u200b": "y", "ba": "z"}


# ---------------------------------------------------------------- tokenizers of sources, and what is kept


def test_sources_in_another_script_have_a_tokenizer_of_their_own():
    rows = [{"text": text, "zh": other, "en": text} for text, other in zip(ENGLISH, CHINESE * 3, strict=True)]
    for column, choice in (("zh", "own"), ("en", "shared")):
        config = DataConfig(source=column)
        corpus = open_corpus(rows, **reading_options(config.columns))
        assert with_source_tokenizer(config, corpus).source_tokenizer == choice
    shared = DataConfig(source="zh", source_tokenizer="shared")
    corpus = open_corpus(rows, **reading_options(shared.columns))
    assert sorted(tokenizer_texts(shared, corpus)) == sorted([*ENGLISH, *(CHINESE * 3)])
    completion = DataConfig(pairs="completion")
    assert with_source_tokenizer(completion, open_corpus(ENGLISH)).source_tokenizer == "shared"


def test_sources_longer_than_the_limit_are_cut_and_counted():
    codec = conditional(labels=False)
    short, long = "a red", " ".join(REST[:9])
    assert codec.schema.num_cut([short, long, long], codec.tokenizer) == 2
    found = codec.conditions({"source": [short, long]}, 2)
    whole = codec.tokenizer.encode([long])[0]
    assert list(found.sources[1]) == list(whole[: codec.schema.source_max_length])


@pytest.mark.parametrize("kind", [{}, {"own": True}, {"features": VECTORS, "source": False}])
def test_what_conditions_are_is_kept(kind, tmp_path):
    schema = conditional(**kind).schema
    assert ConditionSchema.from_json(schema.to_json(), schema.source_tokenizer) == schema
    with pytest.raises(DataError, match="does not describe conditions"):
        ConditionSchema.from_json(b"{}")


def test_conditions_that_a_model_does_not_take():
    codec = conditional(features=VECTORS)
    for values, message in (
        (
            {"mood": ["a"]},
            r"takes no condition 'mood'; it takes who \(a dog, .*\), length \(a number\), a source text",
        ),
        ({"source": ["a", "b"]}, "2 values of source for 1 texts; give one, or one for each text"),
        ({"who": ["the cat"]}, "this model needs features"),
        ({"source": [3], "feature": VECTORS[0]}, "a source is '3', a int"),
        ({"feature": VECTORS[:2]}, "2 values of feature for 1 texts"),
        ({"feature": [1, 2]}, r"features have shape \(2,\) a row"),
        ({"feature": "loud"}, "features are no array of numbers"),
    ):
        with pytest.raises(ConditionError, match=message):
            codec.conditions(values, 1)


def test_one_value_stands_for_all_texts_and_several_for_each():
    codec = conditional(features=VECTORS, source=False)
    one = {"who": "a dog", "length": 20, "feature": VECTORS[4]}
    several = {
        "who": np.array(["a dog"] * 3),
        "length": (20, 20, 20),
        "feature": VECTORS[[4, 4, 4]],
    }
    for other in (
        {"feature": VECTORS[4].tolist()},
        {"feature": VECTORS[4:5]},
        {"feature": VECTORS[4][:, None]},
        several,
    ):
        found, expected = codec.conditions(one | other, 3), codec.conditions(one, 3)
        for name in ("codes", "weights", "features"):
            assert np.array_equal(getattr(found, name), getattr(expected, name)), (name, other)
    assert codec.conditions(None, 3) is codec.conditions({}, 3) is None


def test_a_number_that_never_changes_is_told_and_weighs_no_more_than_others():
    label = Label.fitted(LabelColumn(name="x", column="x", kind="numeric"), [0.1] * 3)
    assert label.encode(1.1)[0][1] == pytest.approx(1)
    assert "one value, '0.1'" in label.warnings()[0]
    assert Label.fitted(LabelColumn(name="x", column="x", kind="numeric"), [0.1, 0.3]).warnings() == ()
    assert Features.fitted(np.full((7, 3), 0.1)).deviation == 1


# ---------------------------------------------------------------- values set apart


def test_values_set_apart_have_the_tokens_that_they_have_within_a_text():
    texts = [
        f"the {name} serves {food} food."
        for name in ("angkor borei", "old mill", "fresca")
        for food in ("thai", "raw")
    ]
    sources = [
        f"inform(name='{name}';food={food})"
        for name in ("angkor borei", "old mill", "fresca")
        for food in ("thai", "raw")
    ]
    rows = [{"mr": source, "text": text} for source, text in zip(sources * 5, texts * 5, strict=True)]
    found = {}
    for apart in (False, True):
        config = DataConfig(source="mr", source_tokenizer="shared", source_apart=apart, text="text")
        corpus = open_corpus(rows, text="text", **reading_options(config.columns))
        tokenizer = Tokenizer.train(tokenizer_texts(config, corpus), kind="bpe", vocab_size=320)
        schema = fit_schema(read_cells(corpus, config.columns), config, tokenizer)
        again = ConditionSchema.from_json(schema.to_json())
        assert (again.source_apart, again.source_max_length) == (apart, schema.source_max_length)
        [source] = again.encode({"source": [sources[0]]}, tokenizer).sources
        value = tokenizer.encode(["the angkor borei"])[0].tolist()[1:]
        found[apart] = any(source[at : at + len(value)].tolist() == value for at in range(len(source)))
        assert again.num_cut(sources, tokenizer) == 0
    assert found == {False: False, True: True}


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        ("name[The Eagle], near[Café-Rouge]", "name [ The Eagle ] , near [ Café-Rouge ]"),
        ("price=4.50;time=22:30;n=1,000", "price = 4.50 ; time = 22:30 ; n = 1,000"),
        ("dont_care a:b", "dont _ care a : b"),
        ("菜系[川菜]，价格：便宜", "菜系 [ 川菜 ] ， 价格 ： 便宜"),
        ("l'étoile 👍 ok", "l'étoile 👍 ok"),
        ("", ""),
    ],
)
def test_symbols_are_set_apart_but_for_those_within_words(text, apart):
    assert set_apart(text) == apart
    assert set_apart(apart) == apart
