import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from textvae.data import token_cache
from textvae.data.store import TokenStore, default_cache_dir
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConfigError, DataError

TEXTS = [f"{'very ' * (i % 7)}short text number {i} 好" for i in range(50)]
TOKENIZER = Tokenizer.train(TEXTS, kind="char")


class Texts:
    """A corpus that counts how often it is read."""

    def __init__(self, texts, fingerprint="one"):
        self.texts, self.fingerprint, self.num_reads = texts, fingerprint, 0

    def __iter__(self):
        self.num_reads += 1
        return iter(self.texts)


def rows(store):
    return [row.tolist() for row in (store[i] for i in range(len(store)))]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(token_cache, "CHUNK_TEXTS", 7)


def test_rows_are_the_tokenizers_in_order_in_memory_and_on_disk(tmp_path):
    expected = [row.tolist() for row in TOKENIZER.encode(TEXTS)]
    for store in (
        TokenStore.from_texts(TEXTS, TOKENIZER),
        TokenStore.cached(Texts(TEXTS), TOKENIZER, cache_dir=tmp_path),
    ):
        assert rows(store) == expected
        assert store[-1].tolist() == expected[-1]
        assert store.lengths.dtype == np.int32
        assert store.lengths.tolist() == [len(row) for row in expected]
        assert store.num_tokens == sum(map(len, expected))
        assert (store.num_cut, store.num_empty) == (0, 0)
        with pytest.raises(IndexError):
            store[50]


@pytest.mark.parametrize("max_length", [1, 20, 10**6])
def test_long_rows_are_cut_and_counted(tmp_path, max_length):
    full = TOKENIZER.encode(TEXTS)
    for store in (
        TokenStore.from_texts(TEXTS, TOKENIZER, max_length),
        TokenStore.cached(Texts(TEXTS), TOKENIZER, max_length, tmp_path),
        TokenStore.from_texts(TEXTS, TOKENIZER).cut(max_length),
    ):
        assert rows(store) == [row[:max_length].tolist() for row in full]
        assert store.num_cut == sum(len(row) > max_length for row in full)
        assert store.num_tokens == sum(store.lengths.tolist())
        assert rows(store.cut(None)) == [row.tolist() for row in full]


def test_texts_without_tokens_are_left_out_and_counted(tmp_path):
    texts = ["", "a", "", "", "bc", ""]
    for store in (
        TokenStore.from_texts(texts, TOKENIZER),
        TokenStore.cached(Texts(texts), TOKENIZER, cache_dir=tmp_path),
    ):
        assert TOKENIZER.decode(rows(store)) == ["a", "bc"]
        assert store.num_empty == 4


def test_take_gathers_any_rows():
    store = TokenStore.from_texts(TEXTS, TOKENIZER, max_length=25)
    indices = np.array([49, 0, 0, 13])
    ids, lengths = store.take(indices)
    assert ids.tolist() == [i for index in indices for i in store[int(index)].tolist()]
    assert lengths.tolist() == store.lengths[indices].tolist()


def test_quantiles_are_lengths_that_the_share_does_not_exceed():
    store = TokenStore.from_texts(["a" * n for n in range(1, 101)], TOKENIZER)
    assert [store.quantile_length(q) for q in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    with pytest.raises(DataError, match="the corpus has 0 texts with a token"):
        TokenStore.from_texts([], TOKENIZER).quantile_length(0.99)


def test_a_cut_to_nothing_is_refused():
    with pytest.raises(ConfigError, match="max_length is 0; it must be at least 1"):
        TokenStore.from_texts(TEXTS, TOKENIZER, 0)


def test_ids_are_as_narrow_as_the_vocabulary_allows():
    many = Tokenizer.train([" ".join(map(str, range(70_000)))], kind="word")
    store = TokenStore.from_texts(["69999 0 5"], many)
    assert store[0].dtype == np.uint32
    assert many.decode([store[0]]) == ["69999 0 5"]
    assert TokenStore.from_texts(TEXTS, TOKENIZER)[0].dtype == np.uint16


def test_the_corpus_is_encoded_once(tmp_path):
    corpus = Texts(TEXTS)
    stores = [TokenStore.cached(corpus, TOKENIZER, length, tmp_path) for length in (None, 9, None)]
    assert corpus.num_reads == 1
    assert rows(stores[0]) == rows(stores[2])


def test_another_corpus_or_tokenizer_has_another_cache(tmp_path):
    word = Tokenizer.train(TEXTS, kind="word")
    first = TokenStore.cached(Texts(TEXTS), TOKENIZER, cache_dir=tmp_path)
    second = TokenStore.cached(Texts(TEXTS[::-1], "two"), TOKENIZER, cache_dir=tmp_path)
    third = TokenStore.cached(Texts(TEXTS), word, cache_dir=tmp_path)
    assert rows(second) == rows(first)[::-1]
    assert word.decode(rows(third)) == [" ".join(text.split()) for text in TEXTS]


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage",
    [
        lambda f: flip(f / "ids.bin"),
        lambda f: flip(f / "offsets.bin"),
        lambda f: (f / "ids.bin").unlink(),
        lambda f: (f / "offsets.bin").write_bytes(b""),
        lambda f: (f / "manifest.json").write_text("{"),
        lambda f: (f / "manifest.json").write_text("[]"),
        lambda f: (f / "manifest.json").write_text(
            json.dumps(json.loads((f / "manifest.json").read_text()) | {"num_ids": 10**6})
        ),
    ],
)
def test_a_damaged_cache_is_rebuilt(tmp_path, damage):
    corpus = Texts(TEXTS)
    expected = rows(TokenStore.cached(corpus, TOKENIZER, cache_dir=tmp_path))
    (folder,) = (tmp_path / "tokens").iterdir()
    damage(folder)
    assert rows(TokenStore.cached(corpus, TOKENIZER, cache_dir=tmp_path)) == expected
    assert corpus.num_reads == 2
    assert list((tmp_path / "tokens").iterdir()) == [folder]


def test_a_failing_corpus_leaves_nothing_behind(tmp_path):
    class Broken(Texts):
        def __iter__(self):
            yield from self.texts
            raise DataError("line 51 cannot be read")

    with pytest.raises(DataError, match="line 51"):
        TokenStore.cached(Broken(TEXTS), TOKENIZER, cache_dir=tmp_path)
    assert list((tmp_path / "tokens").iterdir()) == []


def test_a_cache_built_meanwhile_by_another_process_is_used(tmp_path):
    class Raced(Texts):
        def __iter__(self):
            TokenStore.cached(Texts(self.texts), TOKENIZER, cache_dir=tmp_path)
            return iter(self.texts)

    assert rows(TokenStore.cached(Raced(TEXTS), TOKENIZER, cache_dir=tmp_path)) == [
        row.tolist() for row in TOKENIZER.encode(TEXTS)
    ]
    assert len(list((tmp_path / "tokens").iterdir())) == 1


def test_an_unwritable_cache_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DataError, match=r"^the token cache .* cannot be written: .*; set TEXTVAE_CACHE to another"
    ):
        TokenStore.cached(Texts(TEXTS), TOKENIZER, cache_dir=tmp_path / "file")


def test_the_cache_folder_follows_the_environment(monkeypatch):
    for name in ("TEXTVAE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: Path("/home/someone"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert default_cache_dir() == Path("/home/someone/.cache/textvae")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert default_cache_dir() == Path("/home/someone/Library/Caches/textvae")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert default_cache_dir() == Path("/xdg/textvae")
    monkeypatch.setenv("TEXTVAE_CACHE", "/own")
    assert default_cache_dir() == Path("/own")


MEMORY = """
import resource, sys
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer

class Texts:
    fingerprint = "synthetic"
    def __init__(self, number): self.number = number
    def __iter__(self): return ("a line of text with the number " + str(i) for i in range(self.number))

tokenizer = Tokenizer.train(Texts(500), kind="bpe", vocab_size=300)
TokenStore.cached(Texts(4_096), tokenizer, cache_dir=sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
store = TokenStore.cached(Texts(25_000), tokenizer, cache_dir=sys.argv[1] + "/more")
print(len(store), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_memory_stays_proportional_to_a_chunk(tmp_path):
    command = [sys.executable, "-c", MEMORY, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    num_rows, megabytes = done.stdout.split()
    assert int(num_rows) == 25_000
    assert float(megabytes) < 15
