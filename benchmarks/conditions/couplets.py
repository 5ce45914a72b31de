"""The form of second lines of couplets: python -m benchmarks.conditions.couplets [RUN with z] [RUN of the twin].

The runs are those of `benchmarks.tables couplets`. Each writes a second line to the first lines of 1,000 test couplets: the model with z
greedily from a z of its own (`drawn`) and from the mean of p(z) (`first`), the twin sampled at temperature .7 and greedily. Counted is
how many are as long as the first line, and the pattern of level and oblique tones, beside the poets' own second lines:

- opposed: the share of couplets in which every second character (2, 4 and, of seven, 6) has the tone opposite to that above it;
- level end: of lines whose first line ends obliquely, how many end level, as regulated verse asks.

Tones are those of today's Mandarin (pypinyin, to be installed by hand): first and second level, third and fourth oblique. The entering tone
of the poets' time, oblique throughout, has merged into all four, so even the poets' lines do not reach 1. Characters without a known reading leave
their couplet out of the pattern. Results go to benchmarks/conditions/results.
"""

import argparse
import csv
import gzip
from pathlib import Path

import numpy as np
import torch
from pypinyin import Style, pinyin  # ty: ignore[import-not-found]

from benchmarks.conditions.kept import keep
from benchmarks.tables.measure import CORPORA
from benchmarks.tables.measure import RUNS as TABLES
from textvae import DecodingConfig, TextVAE
from textvae.evaluation.bootstrap import Tally
from textvae.tasks.measuring import answer_all

NUM_COUPLETS, NUM_SHOWN = 1000, 10
Couplets = list[tuple[str, str]]


def test_couplets() -> Couplets:
    """Return the first test couplets: first and second line."""
    with gzip.open(CORPORA / "zh_poetry_couplets" / "test.tsv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(upper, lower) for _, _, upper, lower in rows[:NUM_COUPLETS]]


def is_level(line: str) -> list[bool | None]:
    """Return of each character whether its tone is level; None: no reading is known."""
    marks = [
        pinyin(character, style=Style.TONE3, neutral_tone_with_five=True)[0][0][-1] for character in line
    ]
    return [mark in "125" if mark.isdigit() else None for mark in marks]


def form(couplets: Couplets) -> dict[str, dict[str, object]]:
    """Return the rates of length and pattern, each with its 95 % interval and the number of couplets that it counts."""
    same, opposed, ends = [], [], []
    for upper, lower in couplets:
        same.append(len(upper) == len(lower))
        above, below = is_level(upper), is_level(lower)
        if not same[-1] or None in above + below:
            continue
        places = range(1, len(upper) - 1, 2)
        opposed.append(all(above[i] != below[i] for i in places))
        if not above[-1]:
            ends.append(below[-1])
    rates = {"same length": same, "opposed": opposed, "level end": ends}
    found = {name: (Tally.mean(np.array(values, float)), len(values)) for name, values in rates.items()}
    return {
        name: {"rate": tally.value, "interval": tally.interval, "couplets": num}
        for name, (tally, num) in found.items()
    }


def written(run: Path, couplets: Couplets, temperature: float | None) -> dict[str, Couplets]:
    """Return the couplets that a run completes: its first answers, and one drawn for each."""
    vae = TextVAE.from_pretrained(run)
    given = vae.codec.conditions({"source": [upper for upper, _ in couplets]}, len(couplets))
    assert given is not None
    decoding = None if temperature is None else DecodingConfig(temperature=temperature)
    answers = answer_all(vae.codec, given, 2, decoding=decoding)
    return {
        name: [(upper, several[place]) for (upper, _), several in zip(couplets, answers, strict=True)]
        for place, name in enumerate(("first", "drawn"))
    }


def main() -> None:
    """Complete the test couplets, measure them and keep the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", type=Path, default=TABLES / "couplets" / "1-with-z")
    parser.add_argument("twin", nargs="?", type=Path, default=TABLES / "couplets" / "2-twin")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    real = test_couplets()
    found = {"poets": {"first": {"form": form(real), "shown": real[:NUM_SHOWN]}}}
    for name, run, temperature in (("with z", asked.run, None), ("twin", asked.twin, 0.7)):
        found[name] = {
            how: {"form": form(couplets), "shown": couplets[:NUM_SHOWN]}
            for how, couplets in written(run, real, temperature).items()
        }
    keep("couplets", found)


if __name__ == "__main__":
    main()
