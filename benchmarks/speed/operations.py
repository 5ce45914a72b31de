"""How many operations a training token takes; the formula is in docs/performance.md."""

from benchmarks.speed.marks import Size

GATES = {"gru": 3, "lstm": 4}


def operations_per_token(size: Size, cell: str, *, num_outputs: int) -> int:
    """Return floating-point operations of matrix products a real target, forward and backward.

    A product counts two operations a weight; the backward pass, for inputs and weights, twice the forward's.
    Layers that run once a sentence, and everything that is no matrix product, are left out.

    Args:
        size: widths.
        cell: gru or lstm, in encoder and decoder.
        num_outputs: rows of the output layer that a target meets: V, or with sampling the negatives.
    """
    embed, hidden, latent = size.embed_dim, size.hidden_dim, size.latent_dim
    encoder = 2 * GATES[cell] * hidden * (embed + hidden)  # two directions
    decoder = GATES[cell] * hidden * (embed + latent + hidden)
    return 3 * 2 * (encoder + decoder + hidden * num_outputs)


def share(operations: float, *, tokens_per_second: float, gflops: float) -> float:
    """Return which part of a matrix rate the products of training take up."""
    return operations * tokens_per_second / (gflops * 1e9)
