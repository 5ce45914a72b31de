"""What the demo's texts are worth: python -m benchmarks.demo_marks runs/demo english (or runs/demo-zh chinese).

50 samples at the run's own decoding with seed 1, printed to be read, and measured against 50 real texts; held-out perplexity.
"""

import math
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

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
    if language == "english":
        tokens = library_tokens(train, held_out)
        perplexity = math.exp(found.measures["iw_nll"] / tokens)
        print(f"PPL a token of the library's own Unigram 4k, {tokens:.2f} a text: {perplexity:.1f}")


def library_tokens(train: list[str], held_out: list[str]) -> float:
    """Return the tokens a held-out text has, `</s>` counted, under an unmodified Unigram of 4,000 pieces.

    The nats of a text do not depend on who cuts it, so a perplexity a token of that tokenizer can be compared with others'.
    """
    library = Tokenizer(models.Unigram())
    library.pre_tokenizer = pre_tokenizers.Metaspace()
    library.train_from_iterator(train, trainers.UnigramTrainer(vocab_size=4000, show_progress=False))
    return sum(len(encoding.ids) + 1 for encoding in library.encode_batch(held_out)) / len(held_out)


if __name__ == "__main__":
    main(*sys.argv[1:3])
