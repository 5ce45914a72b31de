"""Whether the texts on a path through latent space change step by step or in jumps."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch

from textvae.control.interpolation import path
from textvae.data.units import Split, units
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import UNITS, Definition
from textvae.evaluation.distance import edit_distance
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.reconstruction import GREEDY, GREEDY_PASSES
from textvae.evaluation.subject import Subject

STEPS = 8
"""Steps of a path: one text more."""

_PATHS = (
    f"P pairs of held-out texts, each walked in {STEPS} equal steps from posterior mean to posterior mean (slerp), greedy "
    "decodes (of a conditional model under the first text's condition), distances are edits of units / units of the longer text"
)

DEFINITIONS = (
    Definition(
        "interpolation_step",
        "path, mean step",
        "of the ends' distance",
        "lower",
        f"Mean distance of neighbouring decodes / distance of the ends' decodes, sums over {_PATHS}; {UNITS}. "
        f"1/{STEPS} is a path without detours; 0 where all texts decode alike.",
        ("P",),
        same=("texts", "units", "seed"),
    ),
    Definition(
        "interpolation_jump",
        "path, largest step",
        "of the ends' distance",
        "lower",
        f"Largest distance of neighbouring decodes / distance of the ends' decodes, sums over {_PATHS}; {UNITS}. "
        "1: the whole way in one step.",
        ("P",),
        same=("texts", "units", "seed"),
    ),
)


def drawn_pairs(num_texts: int, num_pairs: int, seed: int) -> np.ndarray:
    """Return pairs of different texts, (P, 2), P at most `num_pairs` and half of the texts; no text is in two."""
    order = np.random.default_rng(seed).permutation(num_texts)
    num = min(num_pairs, num_texts // 2)
    return order[: 2 * num].reshape(num, 2)


def steps_of(texts: Sequence[str], split: Split = units) -> tuple[float, float, float]:
    """Return mean and largest distance of neighbouring texts of a path, and the distance of its ends."""
    rows = [split(text) for text in texts]
    steps = [edit_distance(a, b) for a, b in pairwise(rows)]
    return sum(steps) / len(steps), max(steps), edit_distance(rows[0], rows[-1])


def measure(subject: Subject) -> Findings:
    """Return mean and largest steps along paths between held-out texts."""
    pairs = drawn_pairs(len(subject.texts), subject.num_pairs, subject.seed)
    means = subject.posterior.loc
    latents = torch.cat([path(means[a], means[b], steps=STEPS + 1) for a, b in pairs.tolist()])
    given = subject.conditions and subject.conditions.rows(pairs[:, 0].repeat(STEPS + 1))
    with subject.codec.work.part("interpolating", len(latents)):
        texts = subject.codec.decode(latents, GREEDY, conditions=given)
    paths = [texts[i : i + STEPS + 1] for i in range(0, len(texts), STEPS + 1)]
    mean, largest, ends = zip(*(steps_of(one, subject.split) for one in paths), strict=True)
    measures = {
        "interpolation_step": Tally.ratio(mean, ends),
        "interpolation_jump": Tally.ratio(largest, ends),
    }
    return Findings(measures=measures, settings={"P": len(pairs), "units": subject.units})


FAMILY = Family(
    name="smoothness",
    definitions=DEFINITIONS,
    measure=measure,
    applies=lambda subject: subject.has_latent and subject.num_pairs > 0 and len(subject.texts) > 1,
    passes=lambda subject: GREEDY_PASSES * (STEPS + 1) * min(subject.num_pairs, len(subject.texts) // 2),
)
