"""The sizes that are compared, and the marks: what to reach at least, and what to aim for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Widths of a model; encoder (each direction) and decoder are equally wide."""

    embed_dim: int
    hidden_dim: int
    latent_dim: int


SIZES = {"S": Size(256, 256, 32), "L": Size(512, 1024, 32)}

MARKS: dict[str, dict[str, tuple[float, float]]] = {
    "training fp32": {"S": (4.7, 6), "L": (4, 5)},
    "training bf16": {"S": (5, 8), "L": (5, 7)},
    "training sampled": {"S": (10, 14)},
    "training sampled bf16": {"S": (10, 14)},
    "ELBO evaluation": {"S": (5, 7), "L": (5, 7)},
    "encoding": {"S": (5, 7), "L": (5, 7)},
    "sampling": {"S": (4, 6)},
    "top-p / plain": {"S": (1.5, 1.2)},
    "greedy, one text": {"S": (2, 3)},
    "greedy int8": {"S": (4, 5)},
    "training memory": {"S": (1, 0.5), "L": (1, 0.5)},
    "--help": {"": (0.3, 0.3)},
    "first sample": {"": (4, 4)},
}
"""Work, size: (reach at least, aim). Ratios to the baseline; of the last two rows, seconds."""

SMALLER_IS_BETTER = {"top-p / plain", "training memory", "--help", "first sample"}
"""Work whose marks are upper limits: ours / the other; of all other work a ratio is a gain in speed."""

PEERS = {"S": 3_322, "L": 794}
"""Training tok/s of the fastest peer (the lagging encoder's code), one core of an AMD Zen 5 with AVX-512."""
