"""How far random texts are from the training texts: copies, near copies, and what held-out texts would show."""

import numpy as np

from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import UNITS, Definition
from textvae.evaluation.distance import Nearest
from textvae.evaluation.diversity import SAME
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.subject import Subject
from textvae.evaluation.texts import copies

NEAR, SEEN_SHARE = 0.2, 0.5
SEEN = "most of the texts measured are training texts: measures on them look better than they are"

DISTANCE = (
    "edit distance to the nearest training text in units, insertions, deletions and substitutions / units of the longer "
    f"one, found exactly; {UNITS}"
)

DEFINITIONS = (
    Definition(
        "copy_rate",
        "copy rate",
        "share of samples",
        "lower",
        "Samples that are a training text / N samples; case, runs of white space and terminal punctuation are ignored.",
        ("N",),
        same=("training", "sampling"),
    ),
    Definition(
        "nearest_distance",
        "distance to training",
        "0 to 1",
        "neither",
        f"Mean over N samples of the {DISTANCE}. To be read beside that of held-out texts.",
        ("N",),
        same=("training", *SAME),
    ),
    Definition(
        "near_copy_rate",
        "near copies (< 0.2)",
        "share of samples",
        "lower",
        f"Samples less than 0.2 from a training text / N samples, by {DISTANCE}. To be read beside that of held-out texts.",
        ("N",),
        same=("training", *SAME),
    ),
    Definition(
        "nearest_distance_held_out",
        "distance, held out",
        "0 to 1",
        "neither",
        f"Mean over N held-out texts of the {DISTANCE}. The yardstick: new texts of the same kind.",
        ("N",),
        same=("training", "units", "texts"),
    ),
    Definition(
        "near_copy_rate_held_out",
        "near copies, held out",
        "share of texts",
        "neither",
        f"Held-out texts less than 0.2 from a training text / N texts, by {DISTANCE}. The yardstick.",
        ("N",),
        same=("training", "units", "texts"),
    ),
)


def measure(subject: Subject) -> Findings:
    """Return how near random and held-out texts are to the training texts."""
    samples, held_out = subject.samples, subject.texts[: subject.num_prior]
    training = subject.training or []
    nearest = Nearest(training, subject.split)
    far = {}
    with subject.codec.work.part("nearest training texts", len(samples) + len(held_out)):
        for name, texts in (("samples", samples), ("held_out", held_out)):
            far[name] = []
            for text in texts:
                far[name].append(nearest.distance(text))
                subject.codec.work.count(1)
    ours, yardstick = (np.array(far[name]) for name in ("samples", "held_out"))
    measures = {
        "copy_rate": Tally.mean(copies(samples, training), aligned=False),
        "nearest_distance": Tally.mean(ours, aligned=False),
        "near_copy_rate": Tally.mean(ours < NEAR, aligned=False),
        "nearest_distance_held_out": Tally.mean(yardstick),
        "near_copy_rate_held_out": Tally.mean(yardstick < NEAR),
    }
    return Findings(
        measures=measures,
        settings={
            "N": len(samples),
            "units": subject.units,
            "training": subject.training_digest,
        },
        notes=(SEEN,) if (yardstick == 0).mean() > SEEN_SHARE else (),
        own_settings={key: {"N": len(held_out)} for key in measures if key.endswith("held_out")},
    )


FAMILY = Family(
    name="novelty",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.num_prior > 1 and subject.training is not None,
    passes=lambda subject: 2.0 * subject.num_prior,
    inputs=lambda subject: {"training": subject.training_digest},
)
