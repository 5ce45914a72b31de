"""`LabelJudge`: which label a text has, by a linear classifier over its words and runs of words."""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from textvae.data.units import units
from textvae.errors import DataError
from textvae.evaluation.texts import ngrams

ORDERS, BUCKETS = (1, 2, 3), 1 << 18
EPOCHS, MIN_STEPS, BATCH, RATE = 10, 100, 64, 0.1
MAX_TEXTS, HELD_OUT_SHARE, MAX_HELD_OUT = 50_000, 0.1, 2000
UNDECIDED = -1
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, kw_only=True)
class LabelJudge:
    """A trained classifier, with what it says of texts that it was not trained on.

    p(label | text) is the softmax of the mean weights of the text's features: units and runs of two and three, lower
    case, punctuation marks apart, each hashed to one of 2^18 rows (CRC-32). As fastText (Joulin et al. 2017,
    arXiv:1607.01759, section 2) without its hidden layer, so that the loss is convex and weights begin at 0.

    Attributes:
        labels: sorted.
        weights: (2^18, number of labels).
        held_out: whether each held-out text was judged rightly, (n,).
    """

    labels: tuple[str, ...]
    weights: Tensor
    held_out: np.ndarray

    @classmethod
    def train(cls, texts: Sequence[str], labels: Sequence[str], *, seed: int = 0) -> "LabelJudge":
        """Train on texts and their labels; a tenth of the different texts, 2,000 at most, is held out.

        Raises:
            DataError: fewer than two labels, or than ten different texts.
        """
        known = list(dict(zip(texts, labels, strict=True)).items())  # no text on both sides
        names = tuple(sorted({label for _, label in known}))
        if len(names) < 2 or len(known) < 10:
            raise DataError(
                f"{len(known)} different training texts of {len(names)} labels; a judge of labels needs ten, of two at least"
            )
        order = np.random.default_rng(seed).permutation(len(known))[:MAX_TEXTS]
        num_held = min(max(1, int(HELD_OUT_SHARE * len(order))), MAX_HELD_OUT)
        features = [_features(known[i][0]) for i in order]
        wanted = torch.tensor([names.index(known[i][1]) for i in order])
        weights = _trained(features[num_held:], wanted[num_held:], len(names), seed)
        right = _judged(weights, features[:num_held]) == wanted[:num_held]
        return cls(labels=names, weights=weights, held_out=right.numpy())

    def judge(self, texts: Sequence[str]) -> list[str | None]:
        """Return the likeliest label of each text; None: it has nothing that the training texts had."""
        found = _judged(self.weights, [_features(text) for text in texts]).tolist()
        return [None if number == UNDECIDED else self.labels[number] for number in found]

    @property
    def accuracy(self) -> float:
        """The share of held-out texts that were judged rightly."""
        return float(self.held_out.mean())


def _features(text: str) -> Tensor:
    words = [word for unit in units(text.casefold()) for word in _WORD.findall(unit)]
    grams = (" ".join(gram) for n in ORDERS for gram in ngrams(words, n))
    rows = [zlib.crc32(gram.encode("utf-8", "surrogatepass")) % BUCKETS for gram in grams]
    return torch.tensor(rows, dtype=torch.long)


def _trained(features: Sequence[Tensor], wanted: Tensor, num_labels: int, seed: int) -> Tensor:
    """Minimise the cross-entropy by Adam on the rows of each batch alone, its rate going down to 0."""
    bag = nn.EmbeddingBag(BUCKETS, num_labels, mode="mean", sparse=True)
    nn.init.zeros_(bag.weight)
    optimizer = torch.optim.SparseAdam(bag.parameters(), lr=RATE)
    num_steps = max(MIN_STEPS, EPOCHS * -(-len(features) // BATCH))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, num_steps)
    for chosen in islice(_batches(len(features), seed), num_steps):
        loss = nn.functional.cross_entropy(_logits(bag, [features[i] for i in chosen]), wanted[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return bag.weight.detach()


def _batches(num: int, seed: int) -> Iterator[np.ndarray]:
    """Yield numbers of texts in random order, epoch after epoch."""
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(num)
        yield from (order[start : start + BATCH] for start in range(0, num, BATCH))


@torch.no_grad()
def _judged(weights: Tensor, features: Sequence[Tensor]) -> Tensor:
    """Return the number of the likeliest label of each text, (N,); `UNDECIDED` where all are as likely."""
    logits = _logits(nn.EmbeddingBag.from_pretrained(weights, mode="mean"), features)
    return logits.argmax(dim=1).where(logits.amax(dim=1) > logits.amin(dim=1), UNDECIDED)


def _logits(bag: nn.EmbeddingBag, features: Sequence[Tensor]) -> Tensor:
    lengths = torch.tensor([len(one) for one in features])
    return bag(torch.cat(list(features)), torch.cumsum(lengths, 0) - lengths)
