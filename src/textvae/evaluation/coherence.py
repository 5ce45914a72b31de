"""Whether a sentence fits those before it better than another text's sentence would, in texts of several sentences."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from textvae.codec import Codec
from textvae.evaluation import forward_reverse
from textvae.evaluation.bootstrap import Tally
from textvae.evaluation.definition import Definition
from textvae.evaluation.family import Family, Findings
from textvae.evaluation.scored import nats
from textvae.evaluation.subject import Subject

MIN_PAIRS, MAX_PAIRS = 20, 500
FEW = f"have several sentences within the model's limit, {MIN_PAIRS} are needed"
_ENDS = re.compile(r"""[.!?…]+["'”’)\]]*\s+|[。！？｡]+[”’」』）]*\s*""")

_FIT = (
    "of two or more sentences, one place in each, for which log p(next | before) - log p(next) is larger for the next "
    "sentence than for one of another text (ties count half), under the language model of real texts (T texts, E epochs "
    "at most); sentences end at .!?… before white space and at 。！？. 0.5 is chance"
)

DEFINITIONS = (
    Definition(
        "coherence",
        "coherence",
        "share of samples",
        "higher",
        f"Share of P samples {_FIT}.",
        ("P", "T", "E"),
        same=(*forward_reverse.SAME, "sampling"),
    ),
    Definition(
        "coherence_held_out",
        "coherence, held out",
        "share of texts",
        "neither",
        f"Share of P held-out texts {_FIT}. The yardstick.",
        ("P", "T", "E"),
        same=(*forward_reverse.SAME, "texts"),
    ),
)


def sentences(text: str) -> list[str]:
    """Split into sentences, each with the white space after it: joined they are the text.

    >>> sentences("It rains. “Really?” he said!  今天好。明天呢？")
    ['It rains. ', '“Really?” ', 'he said!  ', '今天好。', '明天呢？']
    """
    ends = [found.end() for found in _ENDS.finditer(text)]
    bounds = [0, *ends] if ends and ends[-1] == len(text) else [0, *ends, len(text)]
    return [text[a:b] for a, b in pairwise(bounds) if text[a:b].strip()]


@dataclass(frozen=True)
class Places:
    """Places between sentences: what stands before, and what comes next."""

    before: list[str]
    after: list[str]


def places(texts: Sequence[str], seed: int) -> Places:
    """Draw one place from each text of several sentences, MAX_PAIRS at most, in random order."""
    generator = np.random.default_rng(seed)
    split = [parts for parts in map(sentences, texts) if len(parts) > 1]
    chosen = [split[i] for i in generator.permutation(len(split))[:MAX_PAIRS]]
    at = [int(generator.integers(1, len(parts))) for parts in chosen]
    return Places(
        ["".join(parts[:i]) for parts, i in zip(chosen, at, strict=True)],
        [parts[i].rstrip() for parts, i in zip(chosen, at, strict=True)],
    )


def fits(judge: Codec, found: Places) -> np.ndarray:
    """Return `fitting` without the places whose texts are longer than the judge reads."""
    scores = fitting(judge, found)
    return scores[~np.isnan(scores)]


def fitting(judge: Codec, found: Places) -> np.ndarray:
    """Return 1 where the next sentence fits better than that of the next text, 0 where not, 0.5 where neither, (P,).

    log p(next | before) is log p(before + next) less log p(before), which is the same for both. NaN: the texts are
    longer than the judge reads.
    """
    before, after = found.before, found.after
    others = after[1:] + after[:1]
    true = [a + b for a, b in zip(before, after, strict=True)]
    false = [a + b for a, b in zip(before, others, strict=True)]
    alone = nats(judge, after)
    gain = nats(judge, false) - nats(judge, true) + alone - np.roll(alone, -1)
    longest = judge.model.config.max_length
    read = np.array(
        [
            max(map(len, judge.tokenizer.encode(list(pair)))) <= longest
            for pair in zip(true, false, strict=True)
        ]
    )
    return np.where(read, 0.5 + 0.5 * np.sign(gain), np.nan)


def measure(subject: Subject) -> Findings:
    """Return the coherence of random and of held-out texts, where enough of them have several sentences."""
    measures, own, notes = {}, {}, ()
    kinds = {"coherence": subject.samples, "coherence_held_out": subject.texts}
    for key, texts in kinds.items():
        found = places(texts, subject.seed)
        scores = fits(subject.judge, found) if len(found.before) >= MIN_PAIRS else np.empty(0)
        if len(scores) < MIN_PAIRS:
            kind = "held-out" if key.endswith("held_out") else "random"
            num = len(scores) or len(found.before)
            notes += (f"coherence is left out for {kind} texts: {num} {FEW}",)
            continue
        measures[key], own[key] = Tally.mean(scores, aligned=False), {"P": len(scores)}
    return Findings(
        measures=measures, settings=forward_reverse.settings(subject), own_settings=own, notes=notes
    )


FAMILY = Family(
    name="coherence",
    definitions=DEFINITIONS,
    measure=measure,
    applies=forward_reverse.FAMILY.applies,
    passes=lambda subject: 6.0 * MAX_PAIRS,
    inputs=forward_reverse.inputs,
)
