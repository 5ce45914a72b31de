"""What comes back of a text from its z."""

from textvae.config import GREEDY
from textvae.data.units import CHINESE_WORDS
from textvae.evaluation.bleu import bleu_columns, bleu_tokenizer, chrf_columns
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.subject import Subject
from textvae.evaluation.texts import exact_matches

GREEDY_PASSES = 8
"""What one greedy decode costs, in passes of a text through the decoder, about."""

_TOKENIZER = (
    "its tokenizer is 13a, zh (characters) where Han dominates, char for other scripts without spaces, or words that "
    "rjieba finds where asked for"
)

DEFINITIONS = (
    Definition(
        "reconstruction_bleu",
        "reconstruction BLEU-4",
        "0 to 100",
        "higher",
        "Corpus BLEU-4 by sacrebleu of the decode of each of N texts against the text itself; "
        f"{_TOKENIZER}. z and decoding as stated.",
        ("tokenizer", "z", "decoding", "N"),
        same=("texts",),
    ),
    Definition(
        "reconstruction_bleu_sample",
        "BLEU-4 of a sampled z",
        "0 to 100",
        "higher",
        f"As reconstruction BLEU-4 of N texts, with one sample z of the posterior a text; {_TOKENIZER}; decoding as stated.",
        ("tokenizer", "decoding", "N"),
        same=("texts",),
    ),
    Definition(
        "reconstruction_chrf",
        "reconstruction chrF2",
        "0 to 100",
        "higher",
        "Corpus chrF2 (character n-grams up to 6, white space left out, recall weighs twice, as sacrebleu) of the decode "
        "of each of N texts against the text itself. z and decoding as stated.",
        ("z", "decoding", "N"),
        same=("texts",),
    ),
    Definition(
        "exact_match",
        "exact match",
        "share of texts",
        "higher",
        "Decodes equal to their text character for character / N texts. z and decoding as stated.",
        ("z", "decoding", "N"),
        same=("texts",),
    ),
)


def measure(subject: Subject) -> Findings:
    """Return how much of the texts their greedy decodes hold, from posterior means and from samples."""
    texts, codec = subject.texts, subject.codec
    with codec.work.part("reconstructing", len(texts), passes=2):
        decodes = codec.decode(subject.posterior.loc, GREEDY, conditions=subject.conditions)
        sampled = codec.decode(subject.posterior_sample, GREEDY, conditions=subject.conditions)
    tokenizer = CHINESE_WORDS if subject.by_words else bleu_tokenizer(texts)
    measures = {
        "reconstruction_bleu": Tally("bleu", bleu_columns(decodes, texts, tokenizer)),
        "reconstruction_bleu_sample": Tally("bleu", bleu_columns(sampled, texts, tokenizer)),
        "reconstruction_chrf": Tally("chrf", chrf_columns(decodes, texts)),
        "exact_match": Tally.mean(exact_matches(decodes, texts)),
    }
    settings = {"tokenizer": tokenizer, "z": "posterior mean", "decoding": "greedy"}
    return Findings(measures=measures, settings=settings)


FAMILY = Family(
    name="reconstruction",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.has_latent,
    passes=lambda subject: 2 * GREEDY_PASSES * len(subject.texts),
)
