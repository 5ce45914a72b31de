"""Exports: the same posteriors, likelihoods and texts by another runtime; in int8 nearly so."""

import dataclasses
import importlib.util
import json
import re
import shutil

import numpy as np
import pytest
import torch
from tiny import ENGLISH, train_tiny
from typer.testing import CliRunner
from untrained import SIZES, untrained

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper

from textvae import TextVAE
from textvae.cli.main import app
from textvae.codec import Codec
from textvae.config import GREEDY, DecodingConfig, ModelConfig
from textvae.errors import (
    ConfigError,
    CorruptRunError,
    DeviceError,
    ExportError,
    MissingExtraError,
    NewerRunError,
    RunExistsError,
    RunNotFoundError,
)
from textvae.evaluation.agreement import agreement
from textvae.export.folder import export_codec, load_export
from textvae.export.quantization import quantized, rounded
from textvae.export.runtime import Session
from textvae.models import VAEModel
from textvae.models.recurrent import RecurrentDecoder, build_recurrent_decoder
from textvae.models.registry import decoders
from textvae.storage.atomic import write_folder
from textvae.storage.manifest import read_manifest, verify_folder

SETTINGS = {
    "greedy": GREEDY,
    "beams": DecodingConfig(temperature=0, num_beams=3),
    "candidates": DecodingConfig(top_p=0.9, candidates=3),
}
MODELS = {
    "lstm to gru": {"encoder": "lstm", "decoder": "gru"},
    "gru to transformer": {"encoder": "gru", "encoder_layers": 2, "decoder": "transformer"},
    "transformer to lstm": {"encoder": "transformer", "decoder": "lstm", "decoder_layers": 2},
    "no place for z in the input": {"decoder": "gru", "injection": "initial", "share_embeddings": True},
    "no initial state": {"decoder": "lstm", "injection": "input+add", "tie_embeddings": False},
    "no memory slot": {"decoder": "transformer", "decoder_layers": 2, "injection": "add"},
    "words bound to places": {"decoder": "gru", "injection": "initial+input+position"},
    "the same, blocks": {"encoder": "transformer", "decoder": "transformer", "injection": "memory+position"},
}

WIDER = {"decoder": "gru", "decoder_dim": 32, "embed_dim": 24}
"""As good as three epochs make it, and wide enough for rounding errors to average out."""


def exported(codec: Codec, folder, **options) -> Codec:
    export_codec(codec, folder, metadata={}, **options)
    return load_export(folder)


@pytest.fixture(scope="module", params=MODELS)
def pair(request, tmp_path_factory) -> tuple[Codec, Codec]:
    codec = untrained(words=True, dtype=torch.float32, **MODELS[request.param])
    return codec, exported(codec, tmp_path_factory.mktemp("export") / "fp32")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textvae.training.trainer.draw_curves", lambda run: None)
        return train_tiny(tmp_path_factory.mktemp("run") / "run", model=WIDER)


@pytest.fixture(scope="module")
def folders(run, tmp_path_factory) -> dict:
    home, vae = tmp_path_factory.mktemp("exports"), TextVAE.from_pretrained(run, device="cpu")
    vae.export(home / "fp32")
    vae.export(home / "int8", int8=True)
    return {"fp32": home / "fp32", "int8": home / "int8"}


@pytest.fixture
def copy(folders, tmp_path):
    return shutil.copytree(folders["fp32"], tmp_path / "copy")


def in_batches(codec: Codec, size: int) -> Codec:
    return Codec(codec.model, codec.tokenizer, decoding=codec.decoding, known=codec.known, batch_size=size)


# The same model


def test_posteriors_and_likelihoods_are_the_models(pair):
    own, other = pair
    texts = [*ENGLISH[:30], "", "a", " ".join(ENGLISH[:4])]
    posterior, found = own.posterior(texts), other.posterior(texts)
    torch.testing.assert_close(found.loc, posterior.loc, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.scale, posterior.scale, rtol=0, atol=1e-5)
    store, z = own.store(texts), own.prior_sample(len(texts), seed=3)
    expected = own.log_likelihood(store, z)
    for size in (1, 64):
        likelihood = in_batches(other, size).log_likelihood(store, z)
        torch.testing.assert_close(likelihood, expected, rtol=0, atol=1e-4)
    assert torch.equal(other.prior_sample(4, seed=1), own.prior_sample(4, seed=1))


@pytest.mark.parametrize("name", SETTINGS)
def test_texts_are_the_models_whatever_the_batches(pair, name):
    own, other = pair
    z = own.prior_sample(24, seed=5)
    expected = own.decode(z, SETTINGS[name], seed=2, prefix="the")
    assert len(set(expected)) > 1
    for size in (1, 64):
        assert in_batches(other, size).decode(z, SETTINGS[name], seed=2, prefix="the") == expected


def test_likelihoods_in_chunks_of_rows_are_the_same(pair, monkeypatch):
    _, other = pair
    store, z = other.store(ENGLISH[:20]), other.prior_sample(20)
    whole = other.log_likelihood(store, z)
    monkeypatch.setattr("textvae.export.runtime.CHUNK_LOGITS", 3 * other.tokenizer.vocab_size)
    torch.testing.assert_close(other.log_likelihood(store, z), whole, rtol=0, atol=1e-5)


def test_an_export_measures_as_its_run(run, folders):
    own = TextVAE.from_pretrained(run, device="cpu")
    other = TextVAE.from_pretrained(folders["fp32"], backend="onnx")
    expected = own.evaluate(ENGLISH[:20], num_samples=3, num_prior=20, seed=1).measures
    found = other.evaluate(ENGLISH[:20], num_samples=3, num_prior=20, seed=1).measures
    gains = [measures.pop("z_shuffle_gain") for measures in (found, expected)]
    assert gains[0] == pytest.approx(gains[1], abs=1e-5)  # a difference of two sums, near 0 here
    assert found == pytest.approx(expected, rel=1e-4)
    assert other.metadata == own.metadata
    assert other.sample(5, seed=3) == own.sample(5, seed=3)


def test_threads_are_those_of_torch(folders):
    session = load_export(folders["fp32"]).model.decoder._step._session
    assert session.get_session_options().intra_op_num_threads == torch.get_num_threads()


# int8


def test_int8_is_nearly_the_model_and_smaller(run, folders):
    own, other = TextVAE.from_pretrained(run, device="cpu").codec, load_export(folders["int8"])
    found = agreement(own, other, ENGLISH)
    assert found.tokens > 0.95
    assert found.exported.perplexity == pytest.approx(found.original.perplexity, rel=0.01)
    assert abs(found.exported.neg_elbo - found.original.neg_elbo) > 0  # it is another model
    sizes = {name: (folder / "weights.data").stat().st_size for name, folder in folders.items()}
    assert sizes["int8"] < sizes["fp32"]


def test_in_int8_too_a_row_does_not_depend_on_its_batch(folders):
    codec = load_export(folders["int8"])
    alone = in_batches(codec, 1)
    z = torch.cat([codec.prior_sample(20, seed=4), 30 * codec.prior_sample(3, seed=5)])
    assert codec.decode(z, GREEDY) == alone.decode(z, GREEDY)
    store = codec.store(ENGLISH[:23])
    torch.testing.assert_close(
        codec.log_likelihood(store, z), alone.log_likelihood(store, z), rtol=0, atol=1e-5
    )


def test_rounding_is_off_by_half_a_step_at_most():
    weight = np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32)
    weight[:, 3] = 0
    levels, scale = rounded(weight, axis=0)
    assert (levels.dtype, levels.shape, scale.shape) == (np.uint8, (40, 7), (1, 7))
    off = np.abs(weight - (levels.astype(np.float32) - 128) * scale)
    assert (off <= scale / 2 + 1e-7).all()
    assert off.max() > 0


@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_in_integers(transposed):
    random = np.random.default_rng(1)
    weight, bias = random.normal(size=(64, 9)).astype(np.float32), random.normal(size=9).astype(np.float32)
    inputs = random.normal(size=(5, 64)).astype(np.float32)
    inputs[1], inputs[2] = 1000 * inputs[1], 0
    stored = weight.T.copy() if transposed else weight
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=int(transposed))
    graph = helper.make_graph(
        [node], "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 9])],
        [numpy_helper.from_array(stored, "w"), numpy_helper.from_array(bias, "b")],
    )  # fmt: skip
    model = quantized(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))
    assert {tensor.name for tensor in model.graph.initializer} & {"w"} == set()
    [found] = Session(model.SerializeToString())({"x": torch.from_numpy(inputs)})
    expected = inputs @ weight + bias
    weight_step, input_step = np.abs(weight).max(0) / 127, np.abs(inputs).max(1, keepdims=True) / 127
    bound = np.abs(inputs).sum(1, keepdims=True) * weight_step + input_step * np.abs(weight).sum(0)
    off = np.abs(found.numpy() - expected)
    assert (off <= bound / 2 + input_step * weight_step * 64 / 4 + 1e-6).all()
    assert off.max() > 0
    assert np.array_equal(found[2].numpy(), bias)


# Models that cannot be exported


class Branching(RecurrentDecoder):
    """Looks into its tensors: tracing sees one of two ways."""

    def step(self, tokens, state):
        logits, state = super().step(tokens, state)
        return (logits if int(tokens.sum()) < 5 else -logits), state


class Remembering(RecurrentDecoder):
    """Keeps a number in its state."""

    def prefill(self, z, tokens):
        logits, state = super().prefill(z, tokens)
        return logits, (*state, 1)

    def step(self, tokens, state):
        logits, after = super().step(tokens, state[:2])
        return logits, (*after, state[2] + 1)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Branching, "the mine decoder cannot be exported: its graph is off by .*; every choice"),
        (Remembering, "the decoder's state holds a int; only tensors in tuples or lists"),
    ],
)
def test_a_decoder_that_tracing_does_not_see_through(monkeypatch, tmp_path, kind, message):
    def build(config):
        decoder = build_recurrent_decoder(dataclasses.replace(config, decoder="gru"))
        decoder.__class__ = kind
        return decoder

    monkeypatch.setitem(decoders, "mine", build)
    like = untrained(dtype=torch.float32)
    model = VAEModel(ModelConfig(vocab_size=like.tokenizer.vocab_size, decoder="mine", **SIZES))
    with pytest.raises(ExportError, match=message):
        export_codec(Codec(model, like.tokenizer), tmp_path / "export", metadata={})
    assert not (tmp_path / "export").exists()
    assert model.training  # as it was


# Folders


def test_an_export_is_complete_and_holds_no_pickle(folders):
    for name, folder in folders.items():
        verify_folder(folder)
        listed = set(read_manifest(folder).files)
        assert listed == {path.name for path in folder.iterdir()} - {"manifest.json"}
        assert {"encoder.onnx", "prefill.onnx", "step.onnx", "weights.data", "lexicon.json"} <= listed
        about = json.loads((folder / "export.json").read_text())
        assert (about["format"], about["precision"]) == ("onnx", name)


@pytest.mark.parametrize("name", ["weights.data", "step.onnx", "export.json", "tokenizer.json"])
def test_a_damaged_or_missing_file(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(CorruptRunError, match=f"{name} is damaged: its SHA-256 is not the manifest's"):
        TextVAE.from_pretrained(copy)
    (copy / name).unlink()
    with pytest.raises(CorruptRunError, match=f"{name} is missing from"):
        TextVAE.from_pretrained(copy)


def rewritten(folder, **changed):
    names = set(read_manifest(folder).files)
    files = {name: (folder / name).read_bytes() for name in names} | changed
    write_folder(folder, files, metadata={})


def test_files_that_are_not_what_they_seem(copy):
    rewritten(copy, **{"step.onnx": b"no graph"})
    with pytest.raises(CorruptRunError, match=r"step\.onnx cannot be read by onnxruntime"):
        TextVAE.from_pretrained(copy)
    about = json.loads((copy / "export.json").read_text())
    rewritten(copy, **{"export.json": json.dumps(about | {"format_version": 2}).encode()})
    with pytest.raises(NewerRunError, match="was exported by textvae"):
        TextVAE.from_pretrained(copy)
    rewritten(copy, **{"export.json": json.dumps(about | {"state": [{"rows": 0}]}).encode()})
    with pytest.raises(CorruptRunError, match=r"export\.json describes no state"):
        TextVAE.from_pretrained(copy)


def test_backends_that_do_not_suit(run, folders):
    with pytest.raises(ConfigError, match="backend is 'tpu'"):
        TextVAE.from_pretrained(run, backend="tpu")
    with pytest.raises(RunNotFoundError, match="is no ONNX export; write one: textvae export RUN"):
        TextVAE.from_pretrained(run, backend="onnx")
    with pytest.raises(RunNotFoundError, match="is an ONNX export, which holds no weights"):
        TextVAE.from_pretrained(folders["fp32"], backend="torch")
    with pytest.raises(DeviceError, match="an ONNX export runs on the CPU, not on 'cuda'"):
        TextVAE.from_pretrained(folders["fp32"], device="cuda")


def test_onnxruntime_that_is_not_installed(run, folders, tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name)
    )
    missing = re.escape("needs onnxruntime, which is not installed: pip install 'textvae[onnx]'")
    with pytest.raises(MissingExtraError, match=missing):
        TextVAE.from_pretrained(folders["fp32"])
    with pytest.raises(MissingExtraError, match=missing):
        TextVAE.from_pretrained(run, device="cpu").export(tmp_path / "export")


def test_an_export_is_no_model_to_save_export_or_train(folders, tmp_path):
    vae = TextVAE.from_pretrained(folders["fp32"])
    for write in (vae.save, vae.export):
        with pytest.raises(ExportError, match="an export can be run and copied, not saved or exported again"):
            write(tmp_path / "again")
    for options in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(RunExistsError, match="is an ONNX export, which cannot be trained"):
            TextVAE.train(ENGLISH, folders["fp32"], device="cpu", **options)
    verify_folder(folders["fp32"])


def test_only_an_export_is_replaced_and_only_when_asked(run, copy, tmp_path):
    vae = TextVAE.from_pretrained(run, device="cpu")
    with pytest.raises(RunExistsError, match="holds an export already; use --overwrite"):
        vae.export(copy)
    for other in (run, run / "model", run / "config.yaml"):
        with pytest.raises(RunExistsError, match="holds something else than an export"):
            vae.export(other, overwrite=True)
    with pytest.raises(ConfigError, match="format is 'tflite'"):
        vae.export(tmp_path / "new", format="tflite")
    assert json.loads((copy / "export.json").read_text())["precision"] == "fp32"
    vae.export(copy, int8=True, overwrite=True)
    assert json.loads((copy / "export.json").read_text())["precision"] == "int8"


# The command line


def said(*arguments) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_every_verb_runs_an_export_as_its_run(run, folders, tmp_path):
    folder, corpus = folders["fp32"], tmp_path / "corpus.txt"
    corpus.write_text("\n".join(ENGLISH[:30]))
    np.save(tmp_path / "z.npy", np.random.default_rng(0).normal(size=(4, 4)))
    verbs = [
        ("sample", "-n", "4"),
        ("reconstruct", ENGLISH[0]),
        ("interpolate", ENGLISH[0], ENGLISH[50]),
        ("neighbors", ENGLISH[0], "--corpus", corpus),
        ("decode", tmp_path / "z.npy"),
    ]
    for verb, *arguments in verbs:
        command = (*arguments, "--seed", "1", "--device", "cpu")
        own, other = (re.sub(r"\d\.\d{4}", "", said(verb, where, *command)) for where in (run, folder))
        assert own == other  # distances aside, whose last digit may differ
    for source, name in ((run, "own"), (folder, "other")):
        said("encode", source, corpus, "--output", tmp_path / f"{name}.npy", "--device", "cpu")
    own, other = (np.load(tmp_path / f"{name}.npy") for name in ("own", "other"))
    np.testing.assert_allclose(other, own, atol=1e-5)
    assert "perplexity" in said("evaluate", folder, corpus, "--k", "2", "--samples", "4", "--seed", "1")
    assert re.search(r"format +ONNX, fp32", said("info", folder))
    assert (
        json.loads(said("info", folder, "--json"))["num_parameters"]
        == (json.loads(said("info", run, "--json"))["num_parameters"])
    )


def test_the_verb_writes_and_compares(run, tmp_path):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text("\n".join(ENGLISH[:20]))
    command = ("export", run, "--output", tmp_path / "export", "--device", "cpu")
    shown = said(*command, "--data", corpus)
    assert "greedy decodes: 100.00% of tokens and 100.00% of texts are PyTorch's" in shown
    assert re.search(r"on 20 texts of .*corpus\.txt", shown)
    assert re.search(r"-ELBO, nats a text +(\d+\.\d+) +\1", shown)
    record = json.loads(said(*command, "--overwrite", "--int8", "--limit", "9", "--seed", "2", "--json"))
    assert record["texts"] == "texts sampled from the model itself, seed 2"
    assert record["precision"] == "int8"
    assert 1 <= record["onnx"]["num_texts"] <= 9  # blank ones are left out
    assert record["bytes"]["weights.data"] == (tmp_path / "export" / "weights.data").stat().st_size
    refused = CliRunner().invoke(app, [str(part) for part in command])
    assert refused.exit_code == 1
    assert re.fullmatch(r"error: .* holds an export already; use --overwrite, .*\n", refused.stderr)


@pytest.mark.parametrize("decoder", ["gru", "transformer"])
def test_language_models_are_exported_too(tmp_path, decoder):
    own = untrained(dtype=torch.float32, encoder="none", injection="none", decoder=decoder)
    other, store = exported(own, tmp_path / "lm"), own.store(ENGLISH[:9])
    z = own.prior_sample(9)
    torch.testing.assert_close(
        other.log_likelihood(store, z), own.log_likelihood(store, z), rtol=0, atol=1e-4
    )


def test_a_graph_of_one_shape_alone_is_refused_in_words(tmp_path, monkeypatch):
    """A length is a number to Python, and as such a constant to a trace."""

    def constant(decoder, z, number):
        return () if decoder.placed is None else (torch.full((1, len(z)), number),)

    monkeypatch.setattr(RecurrentDecoder, "_place", constant)
    codec = untrained(dtype=torch.float32, decoder="lstm", injection="initial+position")
    with pytest.raises(
        ExportError, match="the lstm decoder cannot be exported: its graph runs on the rows"
    ) as caught:
        export_codec(codec, tmp_path / "export", metadata={})
    assert "\n" not in str(caught.value)
