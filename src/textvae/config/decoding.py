"""`DecodingConfig`: how tokens are chosen."""

from dataclasses import dataclass

from textvae.config.fields import check_range, check_types
from textvae.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class DecodingConfig:
    """Settings of the decoding engine.

    Neutral values (temperature 1, everything else off) draw from the model's own p(x|z).
    """

    temperature: float = 1.0
    """0: greedy."""
    top_k: int = 0
    """Keep the k most probable tokens; 0: all."""
    top_p: float = 1.0
    """Keep the smallest set of tokens with this mass (Holtzman et al. 2020, arXiv:1904.09751)."""
    min_p: float = 0.0
    """Keep tokens at least this share of the most probable one's (Nguyen et al. 2024, arXiv:2407.01082)."""
    num_beams: int = 1
    """More than 1: beam search; the temperature must be 0."""
    length_penalty: float = 1.0
    """Scores of beams and candidates are divided by length ** length_penalty; below 1, short texts are preferred."""
    repetition_penalty: float = 1.0
    """Divides positive and multiplies negative logits of tokens already there (Keskar et al. 2019, arXiv:1909.05858)."""
    no_repeat_ngram: int = 0
    """No n-gram of this many tokens occurs twice; 0: off."""
    min_length: int = 0
    """Tokens before `</s>` may come."""
    max_length: int | None = None
    """Tokens after which decoding stops; None: the model's own limit."""
    num_latents: int = 1
    """Latents over which the first answer to a condition integrates z out, as argmax log p(x|c); 1: the mean of p(z|c) is all."""
    prior_temperature: float = 1.0
    """Of several answers to a condition: the noise of p(z|c) is taken times this (Kingma and Dhariwal 2018, arXiv:1807.03039,
    section 5); above 1 they differ more."""
    complete_of: int = 1
    """A first answer to data, as name[The Eagle], is of so many texts the one that leaves out fewest slots; 1: it stays as it is."""
    candidates: int = 1
    """Texts drawn for each z, of which the best is kept; one at temperature 0, where all would be the same."""
    slor: float = 0.0
    """How candidates are ranked: 0: log p(x|z); 1: the same less the log frequency of the tokens (SLOR)."""
    guidance: float | None = None
    """Weight of the condition (classifier-free guidance): 1: as trained; above, more than that; 0: none. None: 1; of a run that
    answers to labels alone 2."""
    known_words: bool = True
    """Only words seen in training, in scripts without spaces pairs of characters, where the run has a lexicon. Whole characters in any
    case, where a vocabulary spells some in bytes."""

    def __post_init__(self) -> None:
        check_types("decoding", self)
        check_range("decoding.temperature", self.temperature, 0)
        check_range("decoding.top_k", self.top_k, 0)
        check_range("decoding.top_p", self.top_p, high=1, above=0)
        check_range("decoding.min_p", self.min_p, 0, 1)
        check_range("decoding.num_beams", self.num_beams, 1)
        check_range("decoding.num_latents", self.num_latents, 1)
        check_range("decoding.prior_temperature", self.prior_temperature, 0)
        check_range("decoding.complete_of", self.complete_of, 1)
        check_range("decoding.guidance", self.guidance, 0)
        check_range("decoding.candidates", self.candidates, 1)
        check_range("decoding.slor", self.slor, 0, 1)
        check_range("decoding.length_penalty", self.length_penalty)
        check_range("decoding.repetition_penalty", self.repetition_penalty, above=0)
        check_range("decoding.no_repeat_ngram", self.no_repeat_ngram, 0)
        check_range("decoding.min_length", self.min_length, 0)
        check_range("decoding.max_length", self.max_length, 1)
        if self.num_beams > 1 and self.temperature != 0:
            raise ConfigError(
                f"decoding.num_beams is {self.num_beams} with temperature {self.temperature}; "
                "beam search is deterministic: set temperature 0"
            )
        if self.max_length is not None and self.min_length > self.max_length:
            raise ConfigError(
                f"decoding.min_length is {self.min_length}; it must be at most max_length ({self.max_length})"
            )


GREEDY = DecodingConfig(temperature=0)
"""The most probable token at every step."""
