"""Texts to z to texts: whatever the batches, saved or not."""

import dataclasses
import json
import pickle
import shutil
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pytest
import torch
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from tiny import CHINESE, ENGLISH
from untrained import untrained

from textvae.codec import Codec, codec_files, load_codec, resolve_device
from textvae.codec.files import load_weights, unshared
from textvae.codec.location import model_folder
from textvae.codec.ranking import Ranking
from textvae.config import DecodingConfig
from textvae.data.known import WORDS, Known, word_list
from textvae.data.store import TokenStore
from textvae.decoding.noise import row_normals
from textvae.decoding.protocol import Decoded
from textvae.errors import (
    ConfigError,
    CorruptRunError,
    DeviceError,
    LatentError,
    NewerRunError,
    RunNotFoundError,
    TokenizerError,
)
from textvae.storage.atomic import write_folder
from textvae.storage.manifest import read_manifest
from textvae.storage.tensors import load_tensors

BATCH_SIZES = (1, 7, 64)
TEXTS = [*ENGLISH[:7], "", "a", "no one at all knows why the cat paints a letter by the sea", *ENGLISH[60:66]]
SETTINGS = {
    "greedy": DecodingConfig(temperature=0),
    "beams": DecodingConfig(temperature=0, num_beams=3),
    "plain": DecodingConfig(),
    "top_p": DecodingConfig(temperature=0.8, top_p=0.8),
    "candidates": DecodingConfig(top_p=0.9, candidates=3),
}


@pytest.fixture(scope="module")
def codec() -> Codec:
    return untrained(words=True)


@pytest.fixture(scope="module", params=["lstm", "transformer"])
def any_codec(request) -> Codec:
    return untrained(encoder=request.param, decoder=request.param, words=True)


def in_batches(codec: Codec, size: int) -> Codec:
    return Codec(codec.model, codec.tokenizer, decoding=codec.decoding, known=codec.known, batch_size=size)


# Batches


def test_batches_change_no_posterior_and_no_likelihood(any_codec):
    z = any_codec.prior_sample(len(TEXTS), seed=3)
    store = any_codec.store(TEXTS)
    alone = [any_codec.posterior([text]) for text in TEXTS]
    likelihoods = torch.cat(
        [any_codec.log_likelihood(any_codec.store([t]), z[[i]]) for i, t in enumerate(TEXTS)]
    )
    assert likelihoods.dtype == torch.float64
    assert bool((likelihoods < 0).all())
    for size in BATCH_SIZES:
        batched = in_batches(any_codec, size)
        posterior = batched.posterior(TEXTS)
        torch.testing.assert_close(posterior.loc, torch.cat([p.loc for p in alone]), rtol=0, atol=1e-12)
        torch.testing.assert_close(posterior.scale, torch.cat([p.scale for p in alone]), rtol=0, atol=1e-12)
        torch.testing.assert_close(batched.log_likelihood(store, z), likelihoods, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", SETTINGS)
def test_batches_change_no_text(any_codec, name):
    z = any_codec.prior_sample(9, seed=5)
    decodes = [in_batches(any_codec, size).decode(z, SETTINGS[name], seed=2) for size in BATCH_SIZES]
    assert decodes[0] == decodes[1] == decodes[2]
    assert len(set(decodes[0])) > 1


def test_a_row_is_decoded_alike_with_other_rows_after_it_and_order_is_kept(codec):
    z = codec.prior_sample(6)
    decodes = codec.decode(z, SETTINGS["plain"], seed=1)
    assert codec.decode(z[:2], SETTINGS["plain"], seed=1) == decodes[:2]
    texts = [ENGLISH[40], "a", "", ENGLISH[3]]
    torch.testing.assert_close(codec.encode(texts)[[3, 1]], codec.encode([ENGLISH[3], "a"]))
    greedy = codec.decode(z, SETTINGS["greedy"])
    assert codec.decode(z.flip(0), SETTINGS["greedy"]) == greedy[::-1]


# Texts in


def test_an_empty_text_is_an_empty_row_and_no_texts_are_no_rows(codec):
    store = codec.store(["", "a", ""])
    assert store.lengths.tolist()[::2] == [0, 0]
    log_p = codec.log_likelihood(store, torch.zeros(3, 3, dtype=torch.float64))
    assert log_p[0] == log_p[2] != log_p[1]
    assert codec.encode([]).shape == (0, 3)
    assert codec.decode(torch.empty(0, 3)) == codec.reconstruct([]) == []


def test_texts_are_cut_to_the_models_length_and_counted(codec):
    long = " ".join(ENGLISH[:5])
    [row] = codec.tokenizer.encode([long])
    store = codec.store([long, "a"])
    assert (store.lengths[0], store.num_cut) == (10, 1)
    [beginning] = codec.tokenizer.decode([row[:10]])
    assert codec.tokenizer.encode([beginning])[0].tolist() == row[:10].tolist()
    torch.testing.assert_close(codec.encode([long]), codec.encode([beginning]))


def test_a_posterior_can_be_optimised_over(codec):
    z = codec.posterior(ENGLISH[:2]).loc
    weights = torch.ones(3, dtype=torch.float64, requires_grad=True)
    (z @ weights).sum().backward()
    torch.testing.assert_close(weights.grad, z.sum(0))


def test_sampled_latents_follow_from_seed_and_row(codec):
    posterior = codec.posterior(TEXTS)
    z = codec.encode(TEXTS, sample=True, seed=4)
    torch.testing.assert_close((z - posterior.loc) / posterior.scale, row_normals(4, range(len(TEXTS)), 3))
    torch.testing.assert_close(codec.encode(TEXTS[:5], sample=True, seed=4), z[:5])
    assert not torch.equal(codec.encode(TEXTS, sample=True, seed=5), z)
    assert torch.equal(codec.encode(TEXTS), posterior.loc)
    torch.testing.assert_close(codec.prior_sample(7, seed=4), row_normals(4, range(7), 3))


def test_reconstruction_is_the_greedy_decode_of_the_mean_unless_told_otherwise(codec):
    z = codec.encode(TEXTS)
    assert codec.reconstruct(TEXTS) == codec.decode(z, SETTINGS["greedy"])
    assert codec.reconstruct(TEXTS, SETTINGS["plain"], seed=6) == codec.decode(z, SETTINGS["plain"], seed=6)
    sampled = codec.encode(TEXTS, sample=True, seed=6)
    assert codec.reconstruct(TEXTS, sample=True, seed=6) == codec.decode(sampled, SETTINGS["greedy"])


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (torch.zeros(2, 4), r"z has shape \(2, 4\); this model needs \(N, 3\)"),
        (torch.zeros(3), r"z has shape \(3,\); this model needs \(N, 3\)"),
        (torch.tensor([[0.0, float("nan"), 0.0]]), "z holds NaN or Inf; every number must be finite"),
        (torch.tensor([[0.0, float("inf"), 0.0]]), "z holds NaN or Inf; every number must be finite"),
    ],
)
def test_latents_that_cannot_be_decoded(codec, z, message):
    with pytest.raises(LatentError, match=message):
        codec.decode(z)
    with pytest.raises(LatentError, match=message):
        codec.log_likelihood(codec.store(["a"] * len(z)), z)


def test_likelihoods_need_one_latent_a_text(codec):
    with pytest.raises(LatentError, match="2 latents for 1 texts; one for each is needed"):
        codec.log_likelihood(codec.store(["a"]), torch.zeros(2, 3))


# Candidates


def mean_log_probs(codec: Codec, texts: list[str], z: torch.Tensor) -> list[float]:
    """Mean log p a token, `</s>` counted, of texts that are decodes."""
    store = codec.store(texts)
    return (codec.log_likelihood(store, z) / torch.from_numpy(store.lengths + 1)).tolist()


@pytest.fixture(scope="module")
def speller() -> Codec:
    """Of characters, so that a decode is cut into tokens in one way only; every text ends early."""
    codec = untrained(ENGLISH, "char", max_length=24)
    with torch.no_grad():
        codec.model.decoder.output.linear.bias[2] += 3
        codec.model.decoder.output.linear.bias[4:260] -= 30
    return codec


def test_the_first_candidate_is_what_there_is_without_and_more_are_never_worse(speller):
    z = speller.prior_sample(12, seed=1)
    best = None
    for candidates in (1, 2, 5, 9):
        config = DecodingConfig(candidates=candidates)
        decodes = speller.decode(z, config, seed=8)
        means = mean_log_probs(speller, decodes, z)
        if best is not None:
            assert all(now >= before - 1e-9 for now, before in zip(means, best, strict=True))
            assert means != best
        best = means
        assert in_batches(speller, 4).decode(z, config, seed=8) == decodes


def test_the_kept_candidate_has_the_best_mean_log_probability(speller):
    z = speller.prior_sample(1, seed=1)
    config = DecodingConfig(candidates=6)
    [kept] = speller.decode(z, config, seed=8)
    seen = {speller.decode(z, dataclasses.replace(config, candidates=c), seed=8)[0] for c in range(1, 7)}
    means = dict(zip(seen, mean_log_probs(speller, list(seen), z.expand(len(seen), -1)), strict=True))
    assert len(seen) > 1
    assert max(means, key=means.__getitem__) == kept


def test_a_prefix_does_not_count_for_a_candidate_and_ended_ones_come_first():
    rows = [[5, 6, 7], [5, 6, 7, 8, 9, 10], [5, 6], [5, 6, 7]]
    decoded = Decoded(rows, torch.tensor([-2.0, -3.9, 0.0, -0.1]), [True, True, False, False])
    ranking = Ranking(decoded, 2, None, DecodingConfig())
    assert ranking.best(range(4)) == rows[1]  # -3.9 / 5 beats -2 / 2; of all tokens -2 / 4 would win
    assert ranking.best(range(2, 4)) == rows[3]  # an empty continuation says nothing


def test_slor_takes_the_commonness_of_tokens_out_of_the_ranking():
    frequencies = torch.tensor([0.0, 0.0, -1.0, 0.0, 0.0, -1.0, -8.0])
    decoded = Decoded([[5, 5], [6, 6]], torch.tensor([-3.0, -9.0]), [True, True])
    assert Ranking(decoded, 0, frequencies, DecodingConfig()).best(range(2)) == [5, 5]
    assert Ranking(decoded, 0, frequencies, DecodingConfig(slor=1)).best(range(2)) == [6, 6]
    assert Ranking(decoded, 0, frequencies, DecodingConfig(slor=1)).score(1) == (
        True,
        pytest.approx((-9 + 17) / 3),
    )
    assert Ranking(decoded, 0, None, DecodingConfig(slor=1)).best(range(2)) == [
        5,
        5,
    ]  # a model without frequencies


# Texts out


def test_every_text_begins_with_the_prefix(codec):
    z = codec.prior_sample(8)
    for config in (SETTINGS["plain"], SETTINGS["candidates"], SETTINGS["beams"]):
        decodes = codec.decode(z, config, prefix="the cat")
        assert all(text.startswith("the cat") for text in decodes)
    with pytest.raises(ConfigError, match=r"the prefix has \d+ tokens; at most 10 fit: shorten it"):
        codec.decode(z, prefix=" ".join(ENGLISH[:4]))


def test_only_known_words_come_out_unless_any_are_allowed(codec):
    z, known = codec.prior_sample(30, seed=2), set(codec.known.entries)
    words = {word for text in codec.decode(z, SETTINGS["plain"]) for word in word_list([text])}
    assert words
    assert words <= known
    free = codec.decode(z, DecodingConfig(known_words=False))
    assert not {word for text in free for word in word_list([text])} <= known


def test_chinese_is_read_and_written():
    codec = untrained(CHINESE, "char", max_length=12)
    with torch.no_grad():
        codec.model.decoder.output.linear.bias[4:260] -= 60  # no bytes
    han = set("".join(CHINESE))
    decodes = codec.decode(codec.prior_sample(10))
    assert all(set(text) <= han for text in decodes)
    assert any(decodes)
    assert codec.decode(codec.prior_sample(1), prefix="小猫")[0].startswith("小猫")
    assert codec.store(CHINESE).lengths.tolist() == [len(text) for text in CHINESE]


# Files


def saved(codec: Codec, folder, **files) -> None:
    write_folder(folder, codec_files(codec) | files, metadata={"epoch": 3})


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"tie_embeddings": False},
        {"share_embeddings": True},
        {"tie_embeddings": False, "share_embeddings": True},
        {"encoder": "transformer", "decoder": "transformer"},
        {"dtype": torch.float32},
    ],
)
def test_a_loaded_model_is_the_saved_one_bit_for_bit(tmp_path, model):
    codec = untrained(words=True, **model)
    codec.decoding = SETTINGS["top_p"]
    saved(codec, tmp_path / "model")
    loaded = load_codec(tmp_path / "model")
    assert (loaded.decoding, loaded.known, loaded.dtype) == (codec.decoding, codec.known, codec.dtype)
    assert loaded.tokenizer.fingerprint == codec.tokenizer.fingerprint
    for name, tensor in codec.model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[name], tensor), name
    assert torch.equal(loaded.encode(TEXTS), codec.encode(TEXTS))
    z = codec.prior_sample(4)
    assert loaded.decode(z, seed=1) == codec.decode(z, seed=1)
    same = [
        name
        for name, w in loaded.model.named_parameters(remove_duplicate=False)
        if w is loaded.model.decoder.embedding.weight
    ]
    assert same == [
        n
        for n, w in codec.model.named_parameters(remove_duplicate=False)
        if w is codec.model.decoder.embedding.weight
    ]


def test_tied_weights_are_saved_once_and_others_may_take_their_place(tmp_path):
    codec = untrained(share_embeddings=True)
    names = unshared(codec.model, codec.model.state_dict())
    kept = codec.model.state_dict()
    owned = [*codec.model.parameters(), *(b for name, b in codec.model.named_buffers() if name in kept)]
    assert len({t.data_ptr() for t in names.values()}) == len(names) == len(owned)
    average = {name: tensor + 1 for name, tensor in codec.model.state_dict().items()}
    write_folder(tmp_path / "model", codec_files(codec, average), metadata={})
    for name, tensor in load_codec(tmp_path / "model").model.state_dict().items():
        assert torch.equal(tensor, average[name])


def test_words_with_strange_characters_survive(tmp_path):
    codec = untrained()
    codec.known = Known(WORDS, ("a\ud800b", "\ufeffq", "x\u200by", "词"))
    saved(codec, tmp_path / "model")
    assert load_codec(tmp_path / "model").known == codec.known


@pytest.fixture(scope="module")
def sound(codec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound") / "model"
    saved(codec, folder)
    return folder


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "model")


FILES = (
    "model.json",
    "model.safetensors",
    "decoding.json",
    "lexicon.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_or_a_missing_file_is_noticed(folder, name):
    assert (folder / name).exists()
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(CorruptRunError, match=f"{name} is damaged: its SHA-256 is not the manifest's"):
        load_codec(folder)
    (folder / name).unlink()
    with pytest.raises(CorruptRunError, match=f"{name} is missing from"):
        load_codec(folder)


def test_a_pickle_is_never_loaded(folder, tmp_path):
    mark = tmp_path / "executed"

    class Bomb:
        def __reduce__(self):
            return mark.touch, ()

    (folder / "model.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CorruptRunError, match="is a pickle or looks like one, which is never loaded"):
        load_codec(folder)
    (folder / "extra.pt").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CorruptRunError, match=r"extra\.pt is a pickle"):
        load_codec(folder)
    assert not mark.exists()


def test_a_newer_version_is_not_guessed_at(folder):
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format_version": 99, "textvae": "9.9"}))
    with pytest.raises(NewerRunError, match=r"was written by textvae 9\.9"):
        load_codec(folder)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("model.json", {"flux": 1}, r"model\.json has an unknown entry 'flux'; it was changed, or written by a later textvae"),
        ("model.json", {"latent_dim": -1}, r"model\.json cannot be read as ModelConfig: model\.latent_dim is -1"),
        ("model.json", {"decoder_dim": 16}, r"model\.safetensors does not fit model\.json: decoder\."),
        ("model.json", {"vocab_size": 331}, r"vocab_size 331, the tokenizer 330; they belong to different models"),
        ("decoding.json", {"heat": 1}, r"decoding\.json has an unknown entry 'heat'"),
    ],
)  # fmt: skip
def test_files_that_do_not_belong_together(codec, tmp_path, name, change, message):
    content = json.loads(codec_files(codec)[name]) | change
    saved(codec, tmp_path / "model", **{name: json.dumps(content).encode()})
    with pytest.raises(CorruptRunError, match=message):
        load_codec(tmp_path / "model")


@pytest.mark.parametrize("content", [b"[1]", b"{", b'{"a": "\xff"}', b"null"])
def test_a_settings_file_of_another_kind(codec, tmp_path, content):
    saved(codec, tmp_path / "model", **{"model.json": content})
    with pytest.raises(CorruptRunError, match=r"model\.json cannot be read as ModelConfig"):
        load_codec(tmp_path / "model")


def test_a_later_tokenizer_and_an_unregistered_part_say_so(codec, tmp_path):
    settings = json.loads(codec.tokenizer.files()["tokenizer_config.json"]) | {"format": 9}
    saved(codec, tmp_path / "later", **{"tokenizer_config.json": json.dumps(settings).encode()})
    with pytest.raises(TokenizerError, match="has format 9, this textvae reads 1"):
        load_codec(tmp_path / "later")
    config = dataclasses.asdict(codec.model.config) | {"encoder": "mine"}
    saved(codec, tmp_path / "mine", **{"model.json": json.dumps(config).encode()})
    with pytest.raises(ConfigError, match=r"model\.encoder is 'mine'"):
        load_codec(tmp_path / "mine")


def test_weights_that_lack_a_tensor_or_have_one_too_many(codec, tmp_path):
    weights = unshared(codec.model, codec.model.state_dict())
    less = {name: tensor for name, tensor in weights.items() if name != "posterior_head.bias"}
    for changed, name in ((less, "posterior_head.bias"), (weights | {"odd": torch.zeros(1)}, "odd")):
        before = codec.model.posterior_head.bias.clone()
        with pytest.raises(
            CorruptRunError, match=f"does not fit model.json: {name} differ; copy the folder again"
        ):
            load_weights(codec.model, changed, tmp_path)
        assert torch.equal(codec.model.posterior_head.bias, before)


def test_what_the_manifest_does_not_list_is_not_read(codec, tmp_path):
    files = codec_files(codec)
    del files["lexicon.json"]
    write_folder(tmp_path / "model", files, metadata={})
    (tmp_path / "model" / "lexicon.json").write_text('{"kind": "words", "entries": ["zebra"]}')
    assert load_codec(tmp_path / "model").known is None
    del files["decoding.json"]
    write_folder(tmp_path / "other", files, metadata={})
    (tmp_path / "other" / "decoding.json").write_text("{}")
    with pytest.raises(
        CorruptRunError, match=r"holds no saved model: manifest\.json does not list decoding\.json"
    ):
        load_codec(tmp_path / "other")


def test_saved_weights_are_exact_safetensors(codec, sound):
    weights = load_tensors(sound / "model.safetensors")
    assert set(weights) == set(unshared(codec.model, codec.model.state_dict()))
    assert all(w.dtype == torch.float64 for w in weights.values())
    assert read_manifest(sound).metadata == {"epoch": 3}


# Location


def test_the_model_of_a_run_a_checkpoint_or_a_folder(codec, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(
        RunNotFoundError, match="run does not exist; give the folder that `textvae train` wrote"
    ):
        model_folder(run)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunNotFoundError, match="file is not a folder; give"):
        model_folder(tmp_path / "file")
    run.mkdir()
    with pytest.raises(RunNotFoundError, match="holds no model; give the folder"):
        model_folder(str(run))
    for step in (4, 12):
        saved(codec, run / "checkpoints" / f"step-{step:09d}")
    assert model_folder(run).name == "step-000000012"
    (run / "checkpoints" / "step-000000012" / "model.json").unlink()  # half there
    assert model_folder(run).name == "step-000000004"
    saved(codec, run / "model")
    assert model_folder(str(run)) == run / "model"
    assert model_folder(run / "model") == run / "model"
    (run / "model").rename(run / ".tmp-model.old-0123abcd")  # killed between two renames
    assert model_folder(run) == model_folder(run / "model") == run / ".tmp-model.old-0123abcd"


def test_a_model_of_the_hub(monkeypatch, codec, tmp_path):
    asked = []

    def download(name, **options):
        asked.append(SimpleNamespace(name=name, **options))
        saved(codec, tmp_path / "copy" / "model")
        return str(tmp_path / "copy")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert model_folder("hf://owner/name") == tmp_path / "copy" / "model"
    [request] = asked
    assert request.name == "owner/name"
    wanted = huggingface_hub.utils.filter_repo_objects(
        ["README.md", "run.py", "model/run.py", "model/model.safetensors", "model/manifest.json", "model/lexicon.json",
         "model/w.bin", "checkpoints/step-1/optimizer.safetensors", "model.json"],
        allow_patterns=request.allow_patterns, ignore_patterns=request.ignore_patterns,
    )  # fmt: skip
    assert list(wanted) == [
        "model/model.safetensors",
        "model/manifest.json",
        "model/lexicon.json",
        "model.json",
    ]


@pytest.mark.parametrize("name", ["hf://", "hf://name", "hf://a/b/c", "hf:///name", "hf://owner/"])
def test_a_name_that_is_none(monkeypatch, name):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: pytest.fail("asked the Hub"))
    with pytest.raises(RunNotFoundError, match="names no model; write hf://owner/name"):
        model_folder(name)


@pytest.mark.parametrize(
    "error", [HFValidationError("a name\nof no kind"), LocalEntryNotFoundError("no\n network"), OSError()]
)
def test_a_hub_that_does_not_answer(monkeypatch, error):
    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(
        RunNotFoundError, match=r"^hf://a/b cannot be had: \S.*; check the name and the network$"
    ):
        model_folder("hf://a/b")


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device().type in ("cpu", "cuda", "mps")
    for name in ("gpu", "meta", ""):
        with pytest.raises(
            DeviceError, match=f"device {name!r} is unknown; use auto, cpu, cuda, cuda:0 or mps"
        ):
            resolve_device(name)
    with pytest.raises(
        DeviceError, match=r"device 'cuda:99' is not there: \d+ CUDA devices found; use --device cpu"
    ):
        resolve_device("cuda:99")


def test_a_store_is_taken_as_it_is(codec):
    store = TokenStore.from_rows([np.array([7, 8], np.int32), np.array([9], np.int32)])
    assert torch.equal(codec.posterior(store).loc[1], codec.posterior(store.cut(1)).loc[1])


def test_a_small_power_of_the_length_prefers_short_texts():
    decoded = Decoded([[5], [5, 5, 5]], torch.tensor([-4.0, -7.0]), [True, True])
    assert Ranking(decoded, 0, None, DecodingConfig()).best(range(2)) == [5, 5, 5]  # -7/4 beats -4/2
    assert Ranking(decoded, 0, None, DecodingConfig(length_penalty=0)).best(range(2)) == [5]


def test_weights_that_change_are_followed_frozen_or_not():
    """Fused optimisers change weights without PyTorch's counting it; what is frozen changes in counted ways only."""
    codec = untrained(dtype=torch.float32, embed_dim=128, encoder_dim=128, decoder_dim=128)
    z = codec.prior_sample(6)

    def log_p():
        return codec.log_likelihood(codec.store(ENGLISH[:6]), z)

    for frozen, change in ((False, lambda w: w.data.mul_(0.5)), (True, lambda w: w.mul_(0.5))):
        codec.model.requires_grad_(not frozen)
        for _ in range(3):
            before = log_p()
        with torch.no_grad():
            for weight in codec.model.decoder.parameters():
                change(weight)
        after = log_p()
        assert not torch.allclose(before, after, atol=1e-2)
        fresh = Codec(codec.model, codec.tokenizer).log_likelihood(codec.store(ENGLISH[:6]), z)
        torch.testing.assert_close(after, fresh, rtol=1e-4, atol=1e-4)
