"""What could go wrong silently in the benchmarks: other tokens counted, a fall not noticed, tables that drift."""

import dataclasses

import numpy as np
import pytest
import torch
from benchmarks.growth.grid import AXES, Point, grid
from benchmarks.markdown import replaced
from benchmarks.speed import baseline, check, decoding, document, trained
from benchmarks.speed.corpus import cut_corpus, load_store, save_store
from benchmarks.speed.marks import SIZES
from benchmarks.speed.operations import operations_per_token
from benchmarks.speed.ours import DEFAULTS, Training, even_batches, settings
from benchmarks.speed.record import Record, Row
from benchmarks.steer.priors import marked
from benchmarks.synthetic import synthetic_texts, word
from untrained import untrained

from textvae.config import DecodingConfig
from textvae.data.batching import collate, epoch_batches

CORPUS = cut_corpus(list(synthetic_texts(300, 200)), "synthetic")


def record(**changes) -> Record:
    rows = [
        Row(work="training fp32", size="S", model="gru", unit="tok/s", baseline=100.0, ours=500.0),
        Row(work="sampling", size="S", model="gru", unit="ms/step", baseline=20.0, ours=5.0),
        Row(work="training memory", size="S", model="gru", unit="MiB", baseline=600.0, ours=300.0),
        Row(work="--help", unit="s", ours=0.2),
        Row(work="greedy int8", size="S", model="lstm", unit="ms/step", note="not available: no export"),
    ]
    rows = [dataclasses.replace(row, **changes.get(row.work, {})) for row in rows]
    facts = {"cpu": "x", "cores": 2, "instructions": "AVX2", "load": 0.1, "torch": "2", "python": "3"}
    rates = {"fp32 MKL": 80.0, "fp32 oneDNN": 70.0, "bf16": 1.0}
    machine = facts | {"date": "2026-01-01", "gflops": rates}
    return Record(machine=machine, corpus="synthetic", settings=["one thread"], rows=rows)


def test_both_sides_count_the_same_targets():
    theirs = sum(map(baseline.num_targets, baseline.random_batches(CORPUS.train)))
    ours = sum(
        collate(CORPUS.train, rows).num_targets for rows in epoch_batches(CORPUS.train.lengths, 200, 0, 0)
    )
    assert theirs == ours == CORPUS.train.num_tokens + len(CORPUS.train)


@pytest.mark.parametrize("layers", [(), (DEFAULTS,)])
def test_updates_of_ours_can_be_timed(layers):
    config = settings("S", "gru", CORPUS.tokenizer.vocab_size, *layers)
    batches = even_batches(CORPUS.train, 1)
    counts = torch.ones(CORPUS.tokenizer.vocab_size)
    training = Training(config, batches, counts)
    before = training.model.embedding.weight.clone()
    assert training.run() == batches[0].num_targets
    assert (training.average is not None) == bool(layers)
    assert not torch.equal(before, training.model.embedding.weight)


def test_decoding_of_a_trained_model_can_be_timed():
    config = settings("S", "lstm", CORPUS.tokenizer.vocab_size)
    codec = trained.train(CORPUS, config, seconds=0.01)
    assert decoding.ours(codec, 2, temperature=1, top_p=0.9).run() == decoding.STEPS + 1


def test_both_sides_read_the_same_words():
    vocabulary = CORPUS.word_ids
    ids = [[vocabulary[word] for word in text.split()] for text in CORPUS.held_out_texts]
    assert ids == [row.tolist() for row in map(CORPUS.held_out.__getitem__, range(len(ids)))]


def test_the_batches_timed_stand_for_the_epoch():
    batches = even_batches(CORPUS.train, 4, batch_tokens=200)
    widths = [batch.tokens.shape[1] for batch in batches]
    assert widths == sorted(widths)
    mean = sum(b.num_targets for b in batches) / sum(len(b.tokens) for b in batches)
    assert mean == pytest.approx(CORPUS.train.num_tokens / len(CORPUS.train) + 1, rel=0.3)


def test_a_row_padded_by_its_neighbours_is_scored_at_real_positions_only():
    torch.manual_seed(0)
    model = baseline.TextVAE(50, 8, 8, 2).double()
    torch.nn.init.zeros_(model.to_logvar.weight)
    torch.nn.init.constant_(model.to_logvar.bias, -200.0)  # no noise
    torch.nn.init.zeros_(model.to_mu.weight)  # what it encodes, padding included, does not matter
    short, long = np.array([7, 8, 9]), np.array([30, 31, 32, 33, 34, 35])
    with torch.no_grad():
        alone = [float(model(baseline.padded([row]))) for row in (short, long)]
        together = float(model(baseline.padded([short, long])))
    assert 2 * together == pytest.approx(sum(alone))


def test_the_nucleus_is_the_smallest_set_that_holds_the_mass():
    probs = torch.tensor([[0.1, 0.5, 0.15, 0.25]])
    assert (baseline.nucleus(probs, 0.7) > 0).tolist() == [[False, True, False, True]]


def test_timed_decoding_never_ends_early():
    from benchmarks.speed.decoding import STEPS, ours

    codec = untrained(CORPUS.held_out_texts, "word", max_length=STEPS)
    assert ours(codec, 3, temperature=1).run() == STEPS + 1
    free = DecodingConfig(max_length=STEPS, known_words=False)
    assert len({len(text.split()) for text in codec.decode(codec.prior_sample(40), free)}) > 1


@pytest.mark.parametrize(
    ("work", "change", "fails"),
    [
        ("training fp32", {"ours": 380.0}, False),
        ("training fp32", {"ours": 370.0}, True),
        ("sampling", {"ours": 7.0}, True),
        ("training memory", {"ours": 390.0}, False),
        ("training memory", {"ours": 410.0}, True),
        ("--help", {"ours": 0.9}, False),
        ("training fp32", {"ours": None, "note": "gone"}, True),
        ("greedy int8", {"ours": 1.0, "baseline": 2.0}, False),
    ],
)
def test_the_check_fails_where_a_ratio_fell(tmp_path, capsys, work, change, fails):
    record().save(tmp_path / "recorded.json")
    record(**{work: change}).save(tmp_path / "fresh.json")
    assert check.main([str(tmp_path / "fresh.json"), "--recorded", str(tmp_path / "recorded.json")]) == fails
    assert (work in capsys.readouterr().out) == fails


def test_rows_not_measured_again_are_kept():
    fresh = dataclasses.replace(record(), rows=record(**{"--help": {"ours": 0.9}}).rows[3:4])
    merged = fresh.over(record())
    assert [row.ours for row in merged.rows] == [500.0, 5.0, 300.0, 0.9, None]
    with pytest.raises(ValueError, match="the earlier record is of torch 1, not of 2"):
        fresh.over(dataclasses.replace(record(), machine=record().machine | {"torch": "1"}))


def test_the_page_is_the_same_after_a_second_writing(tmp_path):
    page, saved = tmp_path / "page.md", tmp_path / "record.json"
    names = ("conditions", "marks", "shares")
    page.write_text("\n".join(f"text\n<!-- {name} -->\nold\n<!-- /{name} -->" for name in names))
    record().save(saved)
    document.main(saved, page)
    once = page.read_text()
    document.main(saved, page)
    assert page.read_text() == once
    assert "old" not in once
    assert "| training fp32, S, gru, tok/s | 100 | 500 | 5.00 | 4.7 | 6 | reached |" in once
    assert "| training memory, S, gru, MiB | 600 | 300 | 0.50 | ≤ 1 | ≤ 0.5 | aim |" in once


def test_a_page_without_its_markers_is_refused():
    with pytest.raises(ValueError, match="once each"):
        replaced("<!-- marks -->", "marks", "new")


def test_operations_count_the_weights_of_a_model():
    from benchmarks.speed.ours import settings

    from textvae.models import VAEModel

    model = VAEModel(settings("S", "lstm", 1000).model)
    parts = [*model.encoder.ahead, *model.encoder.back, model.decoder.cell, model.decoder.output]
    weights = sum(p.numel() for part in parts for name, p in part.named_parameters() if "weight" in name)
    assert operations_per_token(SIZES["S"], "lstm", num_outputs=1000) == 6 * weights


def test_points_are_distinct_and_survive_their_key():
    points = list(grid(largest=True))
    assert len(set(points)) == len(points) == sum(map(len, AXES.values())) + 1
    assert all(Point.from_json(point.key) == point for point in points)


def test_every_rank_has_a_word_of_its_own():
    assert len({word(rank) for rank in range(5000)}) == 5000


def test_a_store_comes_back_from_its_file(tmp_path):
    save_store(CORPUS.train, tmp_path / "store.npz")
    again = load_store(tmp_path / "store.npz")
    assert [row.tolist() for row in map(again.__getitem__, range(len(again)))] == [
        row.tolist() for row in map(CORPUS.train.__getitem__, range(len(CORPUS.train)))
    ]


# Steering


def test_a_prior_is_better_only_where_its_samples_are_no_less_fluent():
    own, varied = {"reverse_ppl": 100.0, "forward_ppl": 50.0}, {"reverse_ppl": 80.0, "forward_ppl": 60.0}
    plain = {"reverse_ppl": 90.0, "forward_ppl": 40.0}
    found = marked({"own": own, "mixture": plain, "flow": varied}, 0.15)
    assert found["best"] == "mixture"
    assert found["fall"] == pytest.approx(0.1)
    assert not found["met"]
    assert marked({"own": own, "mixture": plain}, 0.09)["met"]
    assert not marked({"own": own, "flow": varied}, 0.09)["met"]
