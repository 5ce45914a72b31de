"""Whether the batch changes a text: python -m benchmarks.batch_agreement runs/demo english [NUM].

The same latents are decoded one at a time and 64 at a time, in float32 on the CPU, and identical texts are counted.
Noise belongs to rows, so only rounding can make a difference: products of one row and of 64 add up in another order.
Mark: 99.9 % identical.
"""

import dataclasses
import sys

import torch

from textvae import DecodingConfig, TextVAE
from textvae.codec import Codec, codec
from textvae.data.embedded import embedded_texts

MARK, SEED = 0.999, 1
SINGLE, BATCH = 1, 64
SHARE_OF_DEFAULT = 8
"""Default decoding draws dozens of candidates a text, so that one text in so many is decoded that way."""


def main(run: str, language: str, num: int = 2000) -> None:
    """Print the share of identical texts for each way of decoding."""
    model = TextVAE.from_pretrained(run, device="cpu").codec
    prior = model.prior_sample(num, seed=SEED)
    texts = embedded_texts(language)[:num]
    alone, together = encoded(model, texts, SINGLE), encoded(model, texts, BATCH)
    print(f"posterior means: largest difference {float((alone - together).abs().max()):.1e}")
    plain = DecodingConfig(temperature=1.0, candidates=1, known_words=False)
    greedy = DecodingConfig(temperature=0)
    few = max(1, num // SHARE_OF_DEFAULT)
    report(model, "prior samples, T = 1", plain, prior, prior)
    report(
        model, "prior samples, T = 1, known words", dataclasses.replace(plain, known_words=True), prior, prior
    )
    report(model, "prior samples, greedy", greedy, prior, prior)
    report(
        model,
        f"prior samples, {model.decoding.candidates} candidates",
        model.decoding,
        prior[:few],
        prior[:few],
    )
    report(model, "reconstructions, greedy", greedy, alone, together)
    report(model, "reconstructions, T = 1", plain, alone, together)


def encoded(model: Codec, texts: list[str], batch_size: int) -> torch.Tensor:
    """Return posterior means, so many texts at a time."""
    model.batch_size = batch_size
    return model.encode(texts)


def report(
    model: Codec, name: str, config: DecodingConfig, alone: torch.Tensor, together: torch.Tensor
) -> None:
    """Decode latents made one at a time one at a time, and the others in batches; print how many texts agree."""
    singly, batched = decoded(model, config, alone, SINGLE), decoded(model, config, together, BATCH)
    same = sum(a == b for a, b in zip(singly, batched, strict=True))
    share = same / len(singly)
    print(
        f"{name:36} {same:6,} of {len(singly):6,}  {share:8.3%}  {'' if share >= MARK else 'below the mark'}",
        flush=True,
    )


def decoded(model: Codec, config: DecodingConfig, z: torch.Tensor, batch_size: int) -> list[str]:
    """Return the texts of z, so many at a time: candidates of one text share a batch, but of no more texts."""
    model.batch_size = batch_size
    codec.CANDIDATE_ROWS = batch_size * config.candidates
    return model.decode(z, config, seed=SEED)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:4]))
