"""What priors fitted afterwards are worth, told by texts: python -m benchmarks.steer.priors RUN DATA.

From each prior (the model's own, a mixture, a flow, one by flow matching) as many random texts are drawn, with the same seed and the
run's own decoding, but one candidate a z: choosing among several would hide what z brings. Forward perplexity: that of the samples under
a language model of real texts. Reverse perplexity: that of held-out real texts under a language model of the samples (Zhao et al. 2018, arXiv:1706.04223). The language models are the run's decoder without
z, of its tokenizer, all trained alike on as many texts. 1,000 texts of DATA are held out from fits and language models; the run itself may
have seen them. Results go to benchmarks/steer/results.
"""

import argparse
import dataclasses
import json
import math
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from textvae import TextVAE, open_corpus
from textvae.codec import Codec
from textvae.config import RunConfig
from textvae.control.priors import KINDS
from textvae.data.embedded import embedded_texts
from textvae.evaluation.judging import Judging, train_judge
from textvae.evaluation.scored import Judged
from textvae.evaluation.texts import copy_rate, distinct_n
from textvae.progress import ProgressLine
from textvae.training.records import CONFIG_FILE
from textvae.training.run import resumed_config

OWN = "own"
NUM_HELD_OUT = 1000
MARKS = {"sampling": 0.15, "editing": 0.30}
"""By how much the best fitted prior's reverse perplexity shall be below that of the model's own."""
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure, print and keep."""
    asked = arguments()
    torch.set_num_threads(asked.threads)
    vae = TextVAE.from_pretrained(asked.run, device=asked.device)
    vae.progress = ProgressLine()
    vae.codec.decoding = dataclasses.replace(vae.codec.decoding, candidates=1)
    texts = (
        embedded_texts(asked.data)
        if asked.data in ("english", "chinese")
        else list(open_corpus(asked.data, text=asked.text))
    )
    order = np.random.default_rng(asked.seed).permutation(len(texts))
    held, kept = ([texts[i] for i in part] for part in (order[:NUM_HELD_OUT], order[NUM_HELD_OUT:]))
    with tempfile.TemporaryDirectory() as folder:
        judging = Judging(
            folder=Path(folder), like=like(asked.run, vae), epochs=asked.epochs, num_texts=asked.texts, cache_dir=Path(folder)
        )  # fmt: skip
        judge = train_judge(judging, kept[: asked.texts], vae.codec, what="real")
        priors = {
            kind: measured(vae, kind, kept, held, judge, judging, asked) for kind in (OWN, *asked.kinds)
        }
    found = {
        "run": Path(asked.run).name, "data": Path(asked.data).name, "texts": asked.texts, "epochs": asked.epochs,
        "held_out": len(held), "seed": asked.seed, "steps": asked.steps, "threads": asked.threads, "latent_dim": vae.latent_dim,
        "decoding": dataclasses.asdict(vae.codec.decoding), "real_ppl": perplexity(judge, held), "priors": priors,
        "mark": marked(priors, MARKS[asked.purpose]),
    }  # fmt: skip
    print(json.dumps(found, indent=1, ensure_ascii=False))
    path = RESULTS / f"priors-{asked.name or Path(asked.run).name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("data", help="a corpus, or english or chinese: the demos'")
    parser.add_argument("--text", help="the text column")
    parser.add_argument("--for", dest="purpose", choices=MARKS, default="sampling")
    parser.add_argument("--kinds", nargs="+", choices=KINDS[1:], default=KINDS[1:])
    parser.add_argument("--texts", type=int, default=10_000, help="samples, and texts of each language model")
    parser.add_argument("--epochs", type=int, default=10, help="of the language models, at most")
    parser.add_argument("--steps", type=int, help="of flow and flow matching; unset: the default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", help="of the result; unset: the run's")
    return parser.parse_args()


def like(run: str, vae: TextVAE) -> RunConfig:
    """Return the settings of the run; of a model alone, the defaults around its own."""
    if (Path(run) / CONFIG_FILE).exists():
        return resumed_config(Path(run))
    return dataclasses.replace(RunConfig(), model=vae.codec.model.config)


def measured(
    vae: TextVAE,
    kind: str,
    kept: list[str],
    held: list[str],
    judge: Codec,
    judging: Judging,
    asked: argparse.Namespace,
) -> dict[str, object]:
    """Fit a prior, draw texts, and return what they are worth."""
    vae.drop_prior()
    start, gain = time.perf_counter(), None
    if kind != OWN:
        gain = vae.fit_prior(kept, kind=kind, steps=asked.steps, seed=asked.seed).gain
    fitted = time.perf_counter()
    samples = vae.sample(asked.texts, seed=asked.seed)
    drawn = time.perf_counter()
    of_samples = train_judge(judging, samples, vae.codec, what=kind)
    found = {
        "reverse_ppl": perplexity(of_samples, held), "forward_ppl": perplexity(judge, samples), "gain": gain,
        "distinct_2": distinct_n(samples[:1000], 2), "copies": copy_rate(samples, kept),
        "fit_seconds": fitted - start, "sample_seconds": drawn - fitted, "samples": samples[:20],
    }  # fmt: skip
    print(kind, json.dumps(found, ensure_ascii=False), flush=True)
    return found


def perplexity(judge: Codec, texts: list[str]) -> float:
    """Return exp(nats a word), `</s>` counted."""
    found = Judged(judge, texts)
    return math.exp(found.nats.sum() / found.words.sum())


def marked(priors: dict[str, dict], mark: float) -> dict[str, object]:
    """Return the fitted prior of least reverse perplexity, of those whose samples are no less fluent if there are any."""
    own = priors[OWN]
    fitted = [kind for kind in priors if kind != OWN]
    fluent = [kind for kind in fitted if priors[kind]["forward_ppl"] <= own["forward_ppl"]]
    best = min(fluent or fitted, key=lambda kind: priors[kind]["reverse_ppl"])
    fall = 1 - priors[best]["reverse_ppl"] / own["reverse_ppl"]
    return {"best": best, "fall": fall, "wanted": mark, "met": bool(fluent) and fall >= mark}


if __name__ == "__main__":
    main()
