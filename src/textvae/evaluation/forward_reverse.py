"""Forward and reverse perplexity: what language models of real and of random texts say of the other kind."""

from textvae.errors import DataError
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import WORDS, Definition
from textvae.evaluation.diversity import sampling_passes
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.scored import Judged
from textvae.evaluation.subject import Subject

TRAINING_PASSES = 4
"""What a text costs in training, in passes through the decoder, about."""

_JUDGE = (
    "the language model has the model's own tokenizer and decoder without z, and is trained for E epochs at most (the best "
    "on held-out texts is kept) on T"
)
SAME = ("training", "vocabulary", "judge")

DEFINITIONS = (
    Definition(
        "forward_ppl",
        "forward PPL a word",
        "perplexity",
        "lower",
        f"exp(sum of -log p over N samples / number of words) under a language model of real texts: {_JUDGE} training "
        f"texts; {WORDS}. Fluency; below the real texts' own, samples are safer than texts are.",
        ("N", "T", "E"),
        same=(*SAME, "sampling"),
    ),
    Definition(
        "reverse_ppl",
        "reverse PPL a word",
        "perplexity",
        "lower",
        "exp(sum of -log p over N held-out texts / number of words) under a language model of samples (Zhao et al. 2018, "
        f"arXiv:1706.04223): {_JUDGE} samples; {WORDS}. Fluency and diversity: what samples never say is dear.",
        ("N", "T", "E"),
        same=(*SAME, "sampling", "texts"),
    ),
    Definition(
        "real_ppl",
        "real PPL a word",
        "perplexity",
        "neither",
        "exp(sum of -log p over N held-out texts / number of words) under the language model of real texts: "
        f"{_JUDGE} training texts; {WORDS}. The yardstick of the two above.",
        ("N", "T", "E"),
        same=(*SAME, "texts"),
    ),
)


def measure(subject: Subject) -> Findings:
    """Return forward, reverse and real perplexity."""
    samples, real = Judged(subject.judge, subject.samples), Judged(subject.judge, subject.texts)
    measures = {"forward_ppl": _perplexity(samples, aligned=False), "real_ppl": _perplexity(real)}
    notes = real.notes  # samples are never longer than the judge reads
    try:
        measures["reverse_ppl"] = _perplexity(Judged(subject.judge_of_samples, subject.texts))
    except DataError as error:  # a collapsed model says the same all the time
        notes += (f"no language model of random texts, so no reverse PPL: {error}",)
    return Findings(
        measures=measures,
        settings=settings(subject),
        own_settings={"forward_ppl": {"N": len(subject.samples)}},
        notes=notes,
    )


def _perplexity(found: Judged, *, aligned: bool = True) -> Tally:
    return Tally.ratio(found.nats, found.words, formula="perplexity", aligned=aligned)


def settings(subject: Subject) -> dict[str, object]:
    """Return the settings of measures that rest on judges."""
    judging = subject.judging
    assert judging is not None
    return {
        "T": len(subject.judged_texts),
        "E": judging.epochs,
        "judge": judging.digest,
        "training": subject.training_digest,
        "vocabulary": subject.codec.tokenizer.fingerprint[:16],
    }


def inputs(subject: Subject) -> dict[str, object]:
    """Return what the judges depend on."""
    judging = subject.judging
    assert judging is not None
    return {"training": subject.training_digest, "judge": judging.digest, "texts": judging.num_texts}


def _passes(subject: Subject) -> float:
    judging = subject.judging
    assert judging is not None
    num = min(judging.num_texts, len(subject.training or ()))
    return 2 * TRAINING_PASSES * judging.epochs * num + sampling_passes(subject, num)


FAMILY = Family(
    name="language models",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.judging is not None and subject.num_prior > 1,
    passes=_passes,
    inputs=inputs,
)
