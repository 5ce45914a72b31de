"""How fast the parts are on this machine: `make bench` (about a minute).

Random tokens of realistic lengths at size S (embedding 256, hidden 256, latent 32, V = 10,002). Figures of one run on one
machine: compare ratios, not numbers.
"""

import time
from collections.abc import Callable

import numpy as np
import torch

from textvae.codec import Codec
from textvae.config import DecodingConfig, RunConfig
from textvae.data.batching import collate, epoch_batches
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer
from textvae.decoding.engine import decode
from textvae.models import VAEModel
from textvae.training.distributed import Ranks
from textvae.training.precision import fast_products
from textvae.training.step import Stepper

SETTINGS = {
    "model": {
        "vocab_size": 10_002,
        "embed_dim": 256,
        "encoder_dim": 256,
        "decoder_dim": 256,
        "max_length": 80,
    },
    "training": {"batch_tokens": 1400},
}
NUM_TEXTS, NUM_STEPS = 600, 6


def main() -> None:
    """Print one line a measure."""
    random = np.random.default_rng(0)
    lengths = np.clip(random.lognormal(3.0, 0.45, NUM_TEXTS).astype(int), 3, 79)
    store = TokenStore.from_rows([random.integers(4, 10_002, length).astype(np.int32) for length in lengths])
    config = RunConfig().updated(SETTINGS)
    for encoder, decoder in (("lstm", "lstm"), ("gru", "gru"), ("transformer", "transformer")):
        sized = config.updated({"model": {"encoder": encoder, "decoder": decoder}})
        with fast_products(torch.device("cpu")):
            measure(store, sized, f"{encoder} → {decoder}")


def measure(store: TokenStore, config: RunConfig, name: str) -> None:
    """Print training, evaluation and sampling speed of one model."""
    model = VAEModel(config.model)
    stepper = Stepper(model, config, "fp32", Ranks())
    batches = [collate(store, rows) for rows in epoch_batches(store.lengths, 1400, 0, 0)[: NUM_STEPS + 2]]
    steps = iter(range(10**6))

    def train() -> int:
        return sum(
            (stepper.take(batch, step=next(steps), beta=0.1, progress=0.5), batch.num_targets)[1]
            for batch in batches
        )

    codec = Codec(model.eval(), Tokenizer.train(["a b"], kind="word"))

    def evaluate() -> int:
        codec.log_likelihood(store, codec.posterior(store).loc)
        return store.num_tokens + len(store)

    def sample() -> int:
        plain = DecodingConfig(known_words=False)
        return sum(map(len, decode(model.decoder, torch.randn(64, 32), plain, max_length=40).tokens))

    print(
        f"{name:28} training {rate(train):8,.0f} tok/s   ELBO {rate(evaluate):8,.0f} tok/s   "
        f"sampling, batch 64 {rate(sample):8,.0f} tok/s",
        flush=True,
    )


def rate(work: Callable[[], int]) -> float:
    """Return tokens a second of the second of two runs."""
    work()
    start = time.perf_counter()
    tokens = work()
    return tokens / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
