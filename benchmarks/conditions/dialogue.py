"""Ten replies each, with z and without: python -m benchmarks.conditions.dialogue en|zh [RUN with z] [RUN of the twin].

The runs are those of `benchmarks.tables dialogue-en` (or -zh). Both reply ten times to each of the first 1,000 test dialogues, the first time greedily
(of the model with z: from the mean of p(z|c)); the model with z draws each of the others from a z of its own. The temperature of each model, and of the one
with z how far its z are spread, are those whose ten replies to the first 300 validation dialogues have the largest BLEU recall (top-p .9). Then, of all replies:

- BLEU recall: the best of ten against what people replied, sentence BLEU-4, mean;
- distinct-2 over all replies, of which both models have equally many;
- PPL under a judge, a language model trained on the training replies, and whether replies fit their source (`answer_coherence`).

Results go to benchmarks/conditions/results, without a text of the corpus.
"""

import argparse
import dataclasses
from itertools import product
from pathlib import Path
from typing import Any

import torch

from benchmarks.conditions.kept import keep
from benchmarks.tables.measure import RUNS as TABLES
from benchmarks.tables.measure import opened
from benchmarks.tables.row import HERE, Row, read_row
from textvae import DecodingConfig, TextVAE
from textvae.codec import Codec
from textvae.data.examples import open_examples
from textvae.evaluation.judging import Judging, train_judge
from textvae.evaluation.tasks.report import evaluate_answers
from textvae.tasks.measuring import Asked, answer_all, asked

NUM_TEST, NUM_VALID, NUM_ANSWERS, NUM_SHOWN = 1000, 300, 10, 8
TEMPERATURES = (0.45, 0.6, 0.8, 1.0)
SPREADS = (1.0, 1.6, 2.2)
JUDGE_EPOCHS = 4
MARKS = {"BLEU recall": 1.0, "distinct-2": 1.3, "PPL": 1.2}
"""Ratios of the model with z to the twin: above, at least, at most."""


def reply(codec: Codec, dialogues: Asked, temperature: float, spread: float) -> list[list[str]]:
    """Return ten replies to each dialogue."""
    decoding = DecodingConfig(temperature=temperature, top_p=0.9, prior_temperature=spread)
    return answer_all(codec, dialogues.conditions, NUM_ANSWERS, decoding=decoding)


def measured(replies: list[list[str]], dialogues: Asked, judge: Codec | None) -> dict[str, Any]:
    """Return the measures of all replies, with intervals; PPL and coherence where there is a judge."""
    owners = [row for row, texts in enumerate(replies) for _ in texts]
    assert dialogues.sources is not None
    each = evaluate_answers(
        [[text] for texts in replies for text in texts],
        [dialogues.references[row] for row in owners],
        sources=[dialogues.sources[row] for row in owners],
        judge=judge,
    )
    found = {"distinct-2": (each, "answer_distinct_2")}
    if len(replies[0]) > 1:
        found = {
            "BLEU recall": (evaluate_answers(replies, dialogues.references), "multi_bleu_recall"),
            **found,
        }
    if judge is not None:
        found |= {"PPL": (each, "answer_ppl"), "coherence": (each, "answer_coherence")}
    return {
        name: {"value": record.measures[key], "interval": record.intervals.get(key)}
        for name, (record, key) in found.items()
    }


def chosen(codec: Codec, dialogues: Asked) -> dict[tuple[float, float], float]:
    """Return the BLEU recall on validation dialogues by temperature and spread."""
    spreads = SPREADS if codec.model.config.has_latent else (1.0,)
    return {
        how: evaluate_answers(reply(codec, dialogues, *how), dialogues.references).measures[
            "multi_bleu_recall"
        ]
        for how in product(TEMPERATURES, spreads)
    }


def judge_of(row: Row, run: Path, codec: Codec) -> Codec:
    """Return the language model of the training replies, trained for one model and read for the other."""
    assert codec.schema is not None
    texts = open_examples(opened(row.corpus.train, row), codec.schema, codec.tokenizer).texts
    judging = Judging.of_run(run, epochs=JUDGE_EPOCHS, num_texts=len(texts))
    judging = dataclasses.replace(judging, folder=TABLES / row.table / "judge")
    return train_judge(judging, texts, codec, what="real")


def main() -> None:
    """Choose, reply, measure and keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("language", choices=("en", "zh"))
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("twin", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    row = read_row(HERE / f"dialogue-{given.language}" / "1-with-z.yaml")
    assert row.corpus.valid is not None
    runs = {
        "with z": given.run or TABLES / row.table / "1-with-z",
        "twin": given.twin or TABLES / row.table / "2-twin",
    }
    found: dict[str, Any] = {"language": given.language, "marks": MARKS}
    for name, run in runs.items():
        codec = TextVAE.from_pretrained(run).codec
        valid = asked(codec, opened(row.corpus.valid, row), limit=NUM_VALID)
        test = asked(codec, opened(row.corpus.test, row), limit=NUM_TEST)
        tried = chosen(codec, valid)
        best = max(tried, key=lambda how: tried[how])
        replies = reply(codec, test, *best)
        judge = judge_of(row, runs["twin"], codec)
        found[name] = {
            "temperature": best[0],
            "spread": best[1],
            "tried": [[*how, recall] for how, recall in tried.items()],
            **measured(replies, test, judge),
            "shown": [texts[:4] for texts in replies[:: len(replies) // NUM_SHOWN][:NUM_SHOWN]],
        }
        found["people"] = measured([texts[:1] for texts in test.references], test, judge)
    keep(f"dialogue-{given.language}", found)


if __name__ == "__main__":
    main()
