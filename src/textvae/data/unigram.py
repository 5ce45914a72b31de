"""Unigram vocabularies in which a frequent word is one piece.

The library's trainer takes as seeds only what is part of several distinct words, however often a word occurs: it may
spell " their" as " the" + "ir" in a corpus full of it. So frequent words are added to the pieces it found, all are
weighed again by the corpus, and the least useful are dropped.

Kudo 2018, arXiv:1804.10959, section 3.2. Deviation: the counts of the best segmentation stand for expected counts.
"""

import math
from collections import Counter
from collections.abc import Mapping

from tokenizers import Tokenizer as Library
from tokenizers import models

MIN_WORD_COUNT = 2
"""A word seen fewer times is no piece."""

MAX_UNITS = 200_000
"""Distinct words that pieces are weighed by, the most frequent ones: seconds, and tens of megabytes."""

NUM_ROUNDS = 4
"""Rounds of pruning; more change the entropy of a text by less than a thousandth."""

_UNKNOWN = "\0"  # no piece holds it

Pieces = dict[str, float]
"""Log probability of each piece, nats."""


def weigh_pieces(
    found: Mapping[str, float], units: Counter[str], num_pieces: int, *, max_chars: int
) -> list[tuple[str, float]]:
    """Return at most `num_pieces` pieces with their log probabilities, the most probable first.

    Args:
        found: pieces to choose from besides whole units, with their log probabilities; single characters all stay.
        units: how often each unit, such as a word with the space before it, occurs.
        num_pieces: the most pieces.
        max_chars: the longest piece.
    """
    if not units:
        return []
    common = units.most_common(MAX_UNITS)
    total = sum(units.values())
    whole = [(u, n) for u, n in common[:num_pieces] if n >= MIN_WORD_COUNT and 1 < len(u) <= max_chars]
    pieces = dict(found) | {unit: math.log(count / total) for unit, count in whole}
    texts = dict(common)
    pieces = _reweighed(pieces, texts)
    for left in reversed(range(NUM_ROUNDS)):
        excess = max(0, len(pieces) - num_pieces)
        pieces = _reweighed(_most_useful(pieces, num_pieces + excess * left // NUM_ROUNDS), texts)
    return sorted(((p, round(log_p, 6)) for p, log_p in pieces.items()), key=lambda it: (-it[1], it[0]))


def _reweighed(pieces: Pieces, units: Mapping[str, int]) -> Pieces:
    """Return the log frequencies of the pieces in use when every unit is cut in its most probable way.

    A character that is not in use stays, below all others.
    """
    library = Library(models.Unigram([(_UNKNOWN, 0.0), *pieces.items()], unk_id=0))
    counts: Counter[str] = Counter()
    for encoding, count in zip(library.encode_batch(list(units)), units.values(), strict=True):
        for piece in encoding.tokens:
            counts[piece] += count
    log_total = math.log(sum(counts.values()))
    return {
        piece: math.log(counts[piece] or 0.5) - log_total
        for piece in pieces
        if counts[piece] or len(piece) == 1
    }


def _most_useful(pieces: Pieces, num_pieces: int) -> Pieces:
    """Return the pieces without which the corpus would lose most log probability, and all characters."""
    losses = {
        piece: math.exp(log_p) * (log_p - _best_without(piece, pieces))
        for piece, log_p in pieces.items()
        if len(piece) > 1
    }
    num_kept = max(0, num_pieces - (len(pieces) - len(losses)))
    dropped = set(sorted(losses, key=lambda piece: (-losses[piece], piece))[num_kept:])
    return {piece: log_p for piece, log_p in pieces.items() if piece not in dropped}


def _best_without(piece: str, pieces: Pieces) -> float:
    """Return the log probability of the best way to spell a piece by others."""
    best = [0.0] + [-math.inf] * len(piece)
    for end in range(1, len(piece) + 1):
        for start in range(end):
            log_p = pieces.get(piece[start:end], -math.inf) if end - start < len(piece) else -math.inf
            best[end] = max(best[end], best[start] + log_p)
    return best[-1]
