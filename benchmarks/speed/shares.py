"""Which part of the machine's own rate training reaches, and where it stands beside the fastest peer."""

from collections.abc import Iterator

from benchmarks.speed.corpus import VOCAB_SIZE
from benchmarks.speed.marks import PEERS, SIZES
from benchmarks.speed.operations import GATES, operations_per_token, share
from benchmarks.speed.record import Record, Row


def shares(record: Record) -> Iterator[tuple[Row, float, str, float]]:
    """Give each exact training row with its MFLOP a token, the rate it is held against, and the share of it."""
    rates = record.machine["gflops"]
    fastest = max(("fp32 MKL", "fp32 oneDNN"), key=lambda name: rates[name])
    for row in record.rows:
        if row.ours is None or row.model not in GATES or row.work not in ("training fp32", "training bf16"):
            continue
        against = "bf16" if row.work.endswith("bf16") else fastest
        operations = operations_per_token(SIZES[row.size], row.model, num_outputs=VOCAB_SIZE)
        reached = share(operations, tokens_per_second=row.ours, gflops=rates[against])
        yield row, operations / 1e6, against, reached


def lines(record: Record) -> Iterator[str]:
    """Give the shares as text."""
    rates = ", ".join(f"{name} {rate:g}" for name, rate in record.machine["gflops"].items())
    yield f"matrix products on one core, GFLOP/s: {rates}"
    for row, operations, against, reached in shares(record):
        yield f"{row.key}: {operations:.1f} MFLOP/token, {reached:.0%} of {against}"
    if any(row.work.startswith("training fp32") for row in record.rows):
        peers = ", ".join(f"{size} {rate:,}" for size, rate in PEERS.items())
        yield f"fastest peer, on another class of core (Zen 5, AVX-512): {peers} tok/s"
