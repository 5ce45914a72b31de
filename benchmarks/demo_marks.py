"""What the demo's texts are worth: python -m benchmarks.demo_marks runs/demo english (or runs/demo-zh chinese).

50 samples at the run's own decoding with seed 1, printed to be read, and measured against 50 real texts; held-out perplexity.
"""

import sys

from textvae import TextVAE
from textvae.config import RunConfig, read_settings
from textvae.data.embedded import embedded_texts
from textvae.data.splits import open_splits
from textvae.evaluation.texts import copy_rate, distinct_n, unknown_words

NUM = 50


def main(run: str, language: str) -> None:
    """Print the samples and the measures."""
    vae = TextVAE.from_pretrained(run, device="cpu")
    texts = embedded_texts(language)
    splits = open_splits(texts, RunConfig().updated(read_settings(f"{run}/config.yaml")).data)
    train, held_out = list(splits.train), list(splits.valid)
    samples = vae.sample(NUM, seed=1)
    print("\n".join(samples))
    real, made = distinct_n(train[:NUM], 2), distinct_n(samples, 2)
    print(
        f"\ncopied {copy_rate(samples, train):.2f}, distinct-2 {made:.3f} = {made / real:.2f} × real text's {real:.3f}"
    )
    print(f"words that are not in the corpus: {unknown_words(samples, texts) or 'none'}")
    found = vae.evaluate(held_out, num_prior=0)
    print({key: round(value, 3) for key, value in found.measures.items()}, found.settings)


if __name__ == "__main__":
    main(*sys.argv[1:3])
