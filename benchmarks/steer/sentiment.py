"""Yelp sentiment transfer: python -m benchmarks.steer.sentiment RUN CORPUS.

CORPUS holds train.tsv.gz and valid.tsv.gz (label, text) and test_with_human_refs.tsv.gz (label, text, human rewrite). An
attribute is fitted to 400 labelled training texts; the run itself saw no labels. Texts of the valid split choose between
strengths, the test split is edited once with --test. The judge is a linear classifier of n-grams trained on 50,000 labelled
training texts, never used to steer or rank. BLEU is corpus BLEU-4 over white space, case kept. Perplexities are by white-space word
under a language model of 30,000 training texts, the run's decoder without z. Results go to benchmarks/steer/results.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sacrebleu
import torch

from textvae import TextVAE, open_corpus
from textvae.codec import Codec
from textvae.control.editing.edit import METHODS
from textvae.evaluation.judging import Judging, train_judge
from textvae.evaluation.scored import nats, scored_texts
from textvae.evaluation.tasks.classifier import LabelJudge
from textvae.progress import ProgressLine

RESULTS = Path(__file__).parent / "results"
NAMES = {"0": "negative", "1": "positive"}
NUM_LABELS, NUM_SPEECH = 400, 30_000


def main() -> None:
    """Edit, measure, print and keep."""
    asked = arguments()
    torch.set_num_threads(asked.threads)
    vae = TextVAE.from_pretrained(asked.run, device="cpu")
    vae.progress = ProgressLine()
    train = table(asked.corpus / "train.tsv.gz")
    order = np.random.default_rng(asked.seed).permutation(len(train))
    labelled = [train[i] for i in order[:NUM_LABELS]]
    attribute = vae.fit_attribute(
        [text for _, text, _ in labelled], [label for label, _, _ in labelled], name="sentiment"
    )
    vae.attributes.keep(attribute, overwrite=True)
    judge = LabelJudge.train([text for _, text, _ in train], [label for label, _, _ in train])
    speech = train_judge(
        Judging.of_run(asked.run, epochs=2), [train[i][1] for i in order[:NUM_SPEECH]], vae.codec, what="real"
    )
    name = "test_with_human_refs" if asked.test else "valid"
    rows = table(asked.corpus / f"{name}.tsv.gz")[: asked.limit]
    texts = [text for _, text, _ in rows]
    references = [reference for _, _, reference in rows] if asked.test else None
    wanted = ["positive" if label == "negative" else "negative" for label, _, _ in rows]

    def measured(outputs: list[str]) -> dict[str, float]:
        found = {
            "accuracy": share(judge.judge(outputs), wanted),
            "self_bleu": bleu(outputs, texts),
            "perplexity": perplexity(speech, outputs),
        }
        return found | ({"reference_bleu": bleu(outputs, references)} if references else {})

    found: dict[str, object] = {
        "corpus": "yelp_sentiment", "split": name, "texts": len(texts), "labels": NUM_LABELS, "seed": asked.seed,
        "attribute": {"cross-validated accuracy": attribute.score, "calibration error": attribute.calibration_error},
        "judge": {"accuracy on the texts": share(judge.judge(texts), [label for label, _, _ in rows])},
        "copy the input": measured(texts),
    }  # fmt: skip
    if references:
        found["human rewrite"] = measured(references)
    edits = []
    for method in asked.methods:
        for strength in asked.strengths:
            start = time.perf_counter()
            outputs = edited(vae, texts, wanted, method, strength)
            row = {"method": method, "strength": strength, **measured(outputs)}
            row["seconds"] = time.perf_counter() - start
            examples = list(zip(texts, outputs, strict=True))[:20]
            print(json.dumps(row | {"examples": examples[:5]}, ensure_ascii=False), flush=True)
            edits.append(row | {"examples": examples})
    found["edits"] = edits
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"sentiment-{'test' if asked.test else 'valid'}.json").write_text(
        json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(json.dumps({key: value for key, value in found.items() if key != "edits"}, indent=1))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--test", action="store_true", help="the test split, once")
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=["rewrite"])
    parser.add_argument("--strengths", nargs="+", type=float, default=[0.25, 0.5, 1.0, 1.5])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def table(path: Path) -> list[tuple[str, str, str]]:
    """Return the label's name, the text and what stands behind it."""
    rows = list(open_corpus(path, text=1, columns=[0]).rows())
    behind = list(open_corpus(path, text=1, columns=[2]).rows()) if "refs" in path.name else rows
    return [
        (NAMES[str(row.cells[0])], row.text, str(other.cells[0]))
        for row, other in zip(rows, behind, strict=True)
    ]


def edited(vae: TextVAE, texts: list[str], wanted: list[str], method: str, strength: float) -> list[str]:
    """Return the texts, each edited to the sentiment wanted of it."""
    outputs = [""] * len(texts)
    for value in dict.fromkeys(wanted):
        places = [place for place, one in enumerate(wanted) if one == value]
        found = vae.edit(
            [texts[place] for place in places], sentiment=value, method=method, strength=strength
        )
        for place, one in zip(places, found, strict=True):
            outputs[place] = one.text
    return outputs


def share(said: Sequence[str | None], wanted: list[str]) -> float:
    return float(np.mean([a == b for a, b in zip(said, wanted, strict=True)]))


def bleu(outputs: list[str], references: list[str]) -> float:
    return sacrebleu.corpus_bleu(outputs, [references], tokenize="none", force=True).score


def perplexity(speech: Codec, texts: list[str]) -> float:
    """Return exp(nats a white-space word), `</s>` counted."""
    read = scored_texts(speech, speech.store(texts), texts)
    return math.exp(nats(speech, texts).sum() / sum(len(text.split()) + 1 for text in read))


if __name__ == "__main__":
    main()
