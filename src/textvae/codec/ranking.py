"""Which of several texts drawn for one z is kept."""

from torch import Tensor

from textvae.config import DecodingConfig
from textvae.data.vocabulary import EOS
from textvae.decoding.protocol import Decoded


class Ranking:
    """Orders candidates by their log p, less a share of how common their tokens are anyway, over a power of their length.

    score = (log p(x|z) - slor * log p_unigram(x)) / tokens ** length_penalty, `</s>` counted. slor = 0: log p itself,
    which prefers the commonplace; slor = 1 and length_penalty = 1: the syntactic log-odds ratio, a measure of
    acceptability that word frequency does not move (Pauls and Klein 2012; Kann et al. 2018, arXiv:1809.08731).
    Deviation: shares between the two, and powers of the length, of which small ones prefer short texts.

    Args:
        decoded: all rows, scored.
        num_prefix: tokens at the start of each row that were given, not chosen.
        frequencies: log p_unigram, (V,) nats; None: slor counts as 0.
        config: slor and length_penalty.
    """

    def __init__(
        self, decoded: Decoded, num_prefix: int, frequencies: Tensor | None, config: DecodingConfig
    ) -> None:
        assert decoded.log_probs is not None
        self.decoded, self.num_prefix, self.log_probs = decoded, num_prefix, decoded.log_probs
        self.slor = 0.0 if frequencies is None else config.slor
        self.length_penalty = config.length_penalty
        self.frequencies = [] if frequencies is None or not self.slor else frequencies.tolist()

    def best(self, rows: range) -> list[int]:
        """Return the tokens of the best of `rows`; those that ended come first, the first of equals is taken."""
        return self.decoded.tokens[max(rows, key=self.score)]

    def score(self, row: int) -> tuple[bool, float]:
        """Return whether the row ended, and its score."""
        own = self.decoded.tokens[row][self.num_prefix :] + [EOS] * self.decoded.finished[row]
        if not own:
            return self.decoded.finished[row], float("-inf")
        common = self.slor * sum(self.frequencies[token] for token in own) if self.slor else 0.0
        log_p = float(self.log_probs[row]) - common
        return self.decoded.finished[row], log_p / len(own) ** self.length_penalty
