"""The baseline: the text VAE of a hundred tutorials, written plainly and never optimised.

It differs from the sketch in `docs/tutorial.md` in one thing: it learns from every position, not from the last one.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.speed.marks import SIZES
from textvae.data.store import TokenStore
from textvae.data.vocabulary import BOS, EOS, PAD, UNK

BATCH_SIZE = 32


class TextVAE(nn.Module):
    """A bidirectional GRU encoder, a GRU decoder, and logits at every position, padding included."""

    def __init__(self, vocab_size: int, emb_dim: int, hid_dim: int, latent_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.encoder = nn.GRU(emb_dim, hid_dim, bidirectional=True, batch_first=True)
        self.to_mu = nn.Linear(2 * hid_dim, latent_dim)
        self.to_logvar = nn.Linear(2 * hid_dim, latent_dim)
        self.to_hidden = nn.Linear(latent_dim, hid_dim)
        self.decoder = nn.GRU(emb_dim, hid_dim, batch_first=True)
        self.output = nn.Linear(hid_dim, vocab_size)
        self.latent_dim = latent_dim

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and log variance, (B, D) each."""
        last = self.encoder(self.embedding(tokens))[1]
        features = torch.cat([last[0], last[1]], dim=-1)
        return self.to_mu(features), self.to_logvar(features)

    def start(self, z: Tensor) -> Tensor:
        """Return the decoder's first state, (1, B, H)."""
        return self.to_hidden(z).unsqueeze(0)

    def step(self, tokens: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Read one token a row, (B,); return logits (B, V) and the state."""
        output, hidden = self.decoder(self.embedding(tokens.unsqueeze(1)), hidden)
        return self.output(output[:, 0]), hidden

    def forward(self, tokens: Tensor) -> Tensor:
        """Return -ELBO, nats a sentence, of targets (B, T) that end with `</s>` and are padded."""
        mu, logvar = self.encode(tokens)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        inputs = torch.cat([torch.full_like(tokens[:, :1], BOS), tokens[:, :-1]], dim=1)
        logits = self.output(self.decoder(self.embedding(inputs), self.start(z))[0])  # (B, T, V)
        flat = logits.reshape(-1, logits.shape[-1])
        distortion = cross_entropy(flat, tokens.reshape(-1), ignore_index=PAD, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        return (distortion + kl) / len(tokens)


def of_size(size: str, vocab_size: int) -> TextVAE:
    """Return the baseline at one of the compared sizes."""
    widths = SIZES[size]
    return TextVAE(vocab_size, widths.embed_dim, widths.hidden_dim, widths.latent_dim)


def padded(rows: Sequence[np.ndarray]) -> Tensor:
    """Return (B, T) ids: each row, `</s>`, padding."""
    tokens = torch.full((len(rows), max(map(len, rows)) + 1), PAD)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = torch.from_numpy(np.asarray(row, np.int64))
        tokens[index, len(row)] = EOS
    return tokens


def random_batches(store: TokenStore, seed: int = 0) -> Iterator[Tensor]:
    """Give all texts in random order, 32 a batch, padded to the batch's longest."""
    order = np.random.default_rng(seed).permutation(len(store))
    for start in range(0, len(order), BATCH_SIZE):
        yield padded([store[int(index)] for index in order[start : start + BATCH_SIZE]])


def num_targets(tokens: Tensor) -> int:
    """Return the real targets of a batch: every token and every `</s>`."""
    return int((tokens != PAD).sum())


def train_run(model: TextVAE, batches: Sequence[Tensor]) -> Callable[[], int]:
    """Return a function that takes an update a batch with Adam and returns the real targets seen."""
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run() -> int:
        model.train()
        for tokens in batches:
            optimizer.zero_grad()
            model(tokens).backward()
            optimizer.step()
        return sum(map(num_targets, batches))

    return run


@torch.no_grad()
def evaluate(model: TextVAE, batches: Sequence[Tensor]) -> int:
    """Compute the ELBO of each batch; return the real targets seen."""
    model.eval()
    total = sum(float(model(tokens)) * len(tokens) for tokens in batches)
    assert np.isfinite(total)
    return sum(map(num_targets, batches))


@torch.no_grad()
def encode(model: TextVAE, ids: dict[str, int], texts: Sequence[str]) -> int:
    """Encode texts, 32 at a time as they come; return how many."""
    model.eval()
    for start in range(0, len(texts), BATCH_SIZE):
        lines = texts[start : start + BATCH_SIZE]
        model.encode(padded([np.array([ids.get(word, UNK) for word in line.split()]) for line in lines]))
    return len(texts)


@torch.no_grad()
def sample(model: TextVAE, batch_size: int, steps: int, *, temperature: float = 1, top_p: float = 1) -> int:
    """Decode z ~ N(0, I) for a number of steps; temperature 0 is greedy. Return the steps."""
    model.eval()
    hidden = model.start(torch.randn(batch_size, model.latent_dim))
    tokens = torch.full((batch_size,), BOS)
    for _ in range(steps):
        logits, hidden = model.step(tokens, hidden)
        if temperature == 0:
            tokens = logits.argmax(-1)
        else:
            probs = torch.softmax(logits / temperature, dim=-1)
            tokens = torch.multinomial(nucleus(probs, top_p) if top_p < 1 else probs, 1).squeeze(1)
    return steps


def nucleus(probs: Tensor, top_p: float) -> Tensor:
    """Return the probabilities, (B, V), with all but the smallest set of mass `top_p` set to 0, by a full sort."""
    ordered, index = torch.sort(probs, descending=True, dim=-1)
    ordered[torch.cumsum(ordered, dim=-1) - ordered > top_p] = 0
    return torch.zeros_like(probs).scatter(1, index, ordered)
