"""Endings of captions filled in, and whether a classifier can tell: python -m benchmarks.steer.imputation VAE LM CAPTIONS.

After Bowman et al. 2016, arXiv:1511.06349, section 5. Protocol, ours:

- Captions of 8 to 25 words, the first N in the file. The last 40 % of the words (rounded up) are taken away, and as many are filled in, so that
  lengths tell nothing.
- Systems: a VAE (z resampled by what the visible words say, then three rounds of decoding and encoding, of which the last counts) and a
  language model of the same size (left to right, once); each with beams, 5 for the VAE and 15 for the language model, and with samples at temperature 1.
- Adversary: `LabelJudge`, a linear classifier over words and runs of two and three of them, is given whole captions, half of them
  real. Two folds of captions: each is judged by the classifier trained on the other fold, its real and its filled version alike, so that no
  beginning is on both sides.
- Adversarial error: the share of wrong judgements; .5 is as good as real, and the gap to it is what tells. 95 % intervals by the
  bootstrap over captions.

VAE and LM are run folders; `textvae doctor RUN --baseline` trains the language model in RUN/baseline.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from textvae import DecodingConfig, TextVAE, open_corpus
from textvae.codec import Codec
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.tasks.classifier import LabelJudge
from textvae.tasks.infilling.filling import fill
from textvae.tasks.infilling.gapped import Gapped
from textvae.tasks.infilling.plans import Sizes

SHARE, SHORTEST, LONGEST = 0.4, 8, 25
REAL, FILLED = "real", "filled"
VAE_BEAMS, LM_BEAMS = 5, 15
RESULTS = Path(__file__).parent / "results"


def captions(data: str, num: int) -> list[str]:
    """Return the first captions of 8 to 25 words, white space evened."""
    texts = (" ".join(text.split()) for text in open_corpus(data))
    return list(islice((text for text in texts if SHORTEST <= len(text.split()) <= LONGEST), num))


def num_missing(caption: str) -> int:
    """Return how many words are taken away."""
    return int(np.ceil(SHARE * len(caption.split())))


def imputed(codec: Codec, texts: Sequence[str], decoding: DecodingConfig, seed: int) -> list[str]:
    """Return the captions with their endings filled in anew; one that does not fit the model keeps its beginning only."""
    groups: dict[int, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        groups[num_missing(text)].append(row)
    found = [""] * len(texts)
    for size, rows in sorted(groups.items()):
        begun = [" ".join(texts[row].split()[:-size]) for row in rows]
        gapped = [Gapped.read(f"{text} ...") for text in begun]
        filled = fill(codec, gapped, sizes=Sizes(size, size), attempts=1, decoding=decoding, seed=seed)
        for row, text, fillings in zip(rows, begun, filled, strict=True):
            found[row] = fillings[0].text if fillings else text
    return found


def errors(real: Sequence[str], filled: Sequence[str], seed: int = 0) -> np.ndarray:
    """Return how many of the two judgements of each caption are wrong, (N,)."""
    fold = np.random.default_rng(seed).permutation(len(real)) % 2
    wrong = np.zeros(len(real))
    for test in (0, 1):
        train, held = np.flatnonzero(fold != test), np.flatnonzero(fold == test)
        texts = [side[i] for side in (real, filled) for i in train]
        judge = LabelJudge.train(texts, [REAL] * len(train) + [FILLED] * len(train), seed=seed)
        for side, label in ((real, REAL), (filled, FILLED)):
            wrong[held] += [said != label for said in judge.judge([side[i] for i in held])]
    return wrong


def measure(systems: dict[str, tuple[Codec, DecodingConfig]], texts: Sequence[str], seed: int = 0) -> dict:
    """Return the adversarial error of each system, with its interval and a few texts."""
    rows = {}
    for name, (codec, decoding) in systems.items():
        filled = imputed(codec, texts, decoding, seed)
        wrong = errors(texts, filled)
        tally = Tally.mean(wrong / 2)
        rows[name] = {
            "error": tally.value,
            "interval": tally.interval,
            "gap": 0.5 - tally.value,
            "same_as_real": float(np.mean([a == b for a, b in zip(texts, filled, strict=True)])),
            "texts": filled[:10],
        }
        print(name, json.dumps(rows[name], ensure_ascii=False), flush=True)
    return {"captions": len(texts), "share": SHARE, "systems": rows}


def main() -> None:
    """Measure both models and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("vae")
    parser.add_argument("lm")
    parser.add_argument("captions")
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--name", help="of the file in results/; unset: nothing is written")
    options = parser.parse_args()
    vae, lm = (TextVAE.from_pretrained(run, device=options.device).codec for run in (options.vae, options.lm))
    sampled = DecodingConfig(temperature=1)

    def beams(num: int) -> DecodingConfig:
        return DecodingConfig(temperature=0, num_beams=num)

    systems = {
        "VAE, beams": (vae, beams(VAE_BEAMS)),
        "LM, beams": (lm, beams(LM_BEAMS)),
        "VAE, samples": (vae, sampled),
        "LM, samples": (lm, sampled),
    }
    found = measure(systems, captions(options.captions, options.n))
    if options.name:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"imputation-{options.name}.json"
        path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
