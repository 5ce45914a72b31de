"""How different random texts are from each other."""

from textvae.evaluation.bleu import self_bleus
from textvae.evaluation.definition import RESAMPLED_NOT, UNITS, Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.reconstruction import GREEDY_PASSES
from textvae.evaluation.subject import Subject
from textvae.evaluation.texts import distinct_n

ORDERS = (2, 3, 4, 5)
SAME = ("units", "sampling")


def _self_bleu(n: int) -> Definition:
    return Definition(
        f"self_bleu_{n}",
        f"self-BLEU-{n}",
        "0 to 100",
        "lower",
        f"Mean over N samples of the sentence BLEU-{n} of each against all the others (sacrebleu's exp smoothing, "
        f"effective order, closest reference length; exact); {UNITS}. Comparable at equal N only. {RESAMPLED_NOT}",
        ("N",),
        same=SAME,
    )


def _distinct(n: int, name: str) -> Definition:
    return Definition(
        f"distinct_{n}",
        f"distinct-{n}",
        f"share of {name}",
        "higher",
        f"Distinct {name} / all {name} over N samples; {UNITS}. Comparable at equal N only. {RESAMPLED_NOT}",
        ("N",),
        same=SAME,
    )


DEFINITIONS = (*map(_self_bleu, ORDERS), _distinct(1, "units"), _distinct(2, "bigrams of units"))


def measure(subject: Subject) -> Findings:
    """Return self-BLEU and distinct-n of random texts."""
    samples, split = subject.samples, subject.split
    measures = {f"self_bleu_{n}": score for n, score in self_bleus(samples, ORDERS, split).items()}
    measures |= {f"distinct_{n}": distinct_n(samples, n, split) for n in (1, 2)}
    return Findings(
        measures=measures,
        settings={"N": len(samples), "units": subject.units},
        details={"samples": samples},
    )


def sampling_passes(subject: Subject, num: int) -> float:
    """Return what `num` random texts cost: candidates leave the batch early, and share much."""
    return GREEDY_PASSES * num * max(1.0, subject.codec.decoding.candidates / 8)


FAMILY = Family(
    name="diversity",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.num_prior > 1,
    passes=lambda subject: sampling_passes(subject, subject.num_prior),
)
